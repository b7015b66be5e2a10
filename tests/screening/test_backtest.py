"""The backtest: shares that can be counted by hand, and what must hold whatever the crashes.

Authorities: shares counted by hand; the greedy solution of the fractional knapsack (Dantzig 1957)
for the ceiling; kernel sums by numerical integration; the moments of a beta-binomial.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import small
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from blackspots.locating import Reach, locate
from blackspots.network import Network, build_network
from blackspots.screening.backtest import (
    ALL,
    Split,
    _drawn,
    backtest,
    bought,
    caught,
    splits_of,
)
from blackspots.screening.model import KNOWN
from blackspots.screening.scores import METHODS, mixes, scores, tally, traffic_of
from blackspots.screening.units import Units, units_of

COSTS = pd.Series({"fatal": 100.0, "serious": 20.0, "slight": 4.0, "injury": 8.0, "pdo": 1.0})

# Four units: 100 m each; five later crashes.
LENGTH = [100.0, 100.0, 100.0, 100.0]
LATER = pd.DataFrame({"crashes": [1.0, 3.0, 0.0, 1.0]})


def shares(table: pd.DataFrame, target: str = "crashes") -> pd.DataFrame:
    rows = table[table["target"] == target]
    return rows.pivot_table(index="method", columns="share_of_length", values="caught")


def test_shares_counted_by_hand() -> None:
    scored = pd.DataFrame({"a": [4.0, 3.0, 2.0, 1.0], "b": [1.0, 2.0, 3.0, 4.0]})
    found = shares(caught(LENGTH, scored, LATER, shares_of_length=[0.25, 0.375, 0.5, 1.0]))
    assert found.loc["a"].tolist() == pytest.approx([0.2, 0.5, 0.8, 1.0])
    assert found.loc["b"].tolist() == pytest.approx([0.2, 0.2, 0.2, 1.0])
    assert found.loc["oracle"].tolist() == pytest.approx([0.6, 0.7, 0.8, 1.0])


def test_what_is_bought_is_length_not_units() -> None:
    """Two short units cost as much as the long one that has more crashes but fewer a metre."""
    scored = pd.DataFrame({"density": [2 / 50, 2 / 50, 3 / 100]})
    later = pd.DataFrame({"crashes": [2.0, 2.0, 3.0]})
    found = shares(caught([50.0, 50.0, 100.0], scored, later, shares_of_length=[0.5]))
    assert found.at["density", 0.5] == found.at["oracle", 0.5] == pytest.approx(4 / 7)


def test_tied_units_share_what_is_left_whatever_their_order() -> None:
    made = bought([100, 100, 300], [9, 5, 5], [300])[:, 0]
    assert made.tolist() == pytest.approx([1.0, 0.5, 0.5])
    scored = pd.DataFrame({"tied": [1.0] * 4})
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        found = shares(caught(LENGTH, scored, LATER.iloc[order], shares_of_length=[0.3]))
        assert found.at["tied", 0.3] == pytest.approx(0.3)


def test_ties_against_metres_drawn_at_random() -> None:
    """Metres of tied road in random order, 4,000 times; the mean of what they catch."""
    chance = np.random.default_rng(1)
    metres = np.repeat([0, 1, 2], [2, 5, 3])
    density = np.array([4 / 2, 5 / 5, 1 / 3])[metres]
    mean = np.mean([density[chance.permutation(10)[:4]].sum() for _ in range(4000)])
    made = bought([2, 5, 3], [1, 1, 1], [4])[:, 0] @ [4, 5, 1]
    assert made == pytest.approx(mean, abs=0.06)


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, pd.DataFrame, pd.DataFrame]:
    size = draw(st.integers(1, 12))
    some = st.lists(st.integers(0, 4), min_size=size, max_size=size)
    long = np.array(draw(st.lists(st.integers(1, 9), min_size=size, max_size=size)), dtype=float)
    scored = pd.DataFrame({"a": draw(some), "b": draw(some), "random": 1.0}).astype(float)
    return long, scored, pd.DataFrame({"crashes": draw(some)}).astype(float)


@given(tables())
@settings(deadline=None, max_examples=40)
def test_the_ceiling_is_above_all_and_chance_is_the_share_of_length(
    given_: tuple[np.ndarray, pd.DataFrame, pd.DataFrame],
) -> None:
    long, scored, later = given_
    made = caught(long, scored, later, shares_of_length=[0.1, 0.4, 1.0], draws=5)
    if later["crashes"].sum() == 0:
        assert made.empty
        return
    found = shares(made)
    assert (found.loc["oracle"] >= found - 1e-9).all(axis=None)
    assert found.loc["random"].tolist() == pytest.approx([0.1, 0.4, 1.0])
    assert (found.diff(axis=1).iloc[:, 1:] >= -1e-9).all(axis=None)
    assert found[1.0].tolist() == pytest.approx([1.0] * len(found))


@given(tables(), st.randoms())
@settings(deadline=None, max_examples=40)
def test_the_order_of_the_rows_does_not_matter(
    given_: tuple[np.ndarray, pd.DataFrame, pd.DataFrame], luck: object
) -> None:
    long, scored, later = given_
    order = np.arange(len(long))
    luck.shuffle(order)  # type: ignore[attr-defined]
    one = caught(long, scored, later, draws=0)
    other = caught(long[order], scored.iloc[order], later.iloc[order], draws=0)
    np.testing.assert_allclose(one["caught"], other["caught"], atol=1e-12)


def test_an_unknown_score_comes_last_and_an_unknown_way_or_target_is_left_out() -> None:
    scored = pd.DataFrame({"part": [np.nan, 1.0, 2.0, 3.0], "none": [np.nan] * 4})
    later = LATER.assign(deaths=np.nan, severe=0.0)
    made = caught(LENGTH, scored, later, shares_of_length=[0.75])
    assert set(made["method"]) == {"part", "oracle"}
    assert set(made["target"]) == {"crashes"}
    assert shares(made).at["part", 0.75] == pytest.approx(0.8)


def test_a_way_is_told_how_far_it_lies_behind_the_best() -> None:
    scored = pd.DataFrame({"good": [0, 9, 0, 1], "bad": [0, 0, 9, 1], "random": 1.0}, dtype=float)
    made = caught(LENGTH, scored, LATER, shares_of_length=[0.25], seed=3).set_index("method")
    assert made.at["bad", "behind"] == pytest.approx(0.6)
    assert made.at["good", "behind"] == 0.0
    assert made.at["oracle", "behind"] == pytest.approx(0.0)
    # Draws without the second unit tie; those of the third unit alone say nothing.
    without = (0.75**4 - 0.25**4) / (1 - 0.25**4)
    assert made.at["good", "p_best"] == pytest.approx(1 - without / 2, abs=0.03)
    assert made.at["good", "p_best"] + made.at["bad", "p_best"] == pytest.approx(1.0)
    assert np.isnan(made.at["random", "p_best"])
    assert (made["low"] <= made["caught"] + 1e-12).all()


def test_intervals_against_blocks_drawn_one_by_one() -> None:
    chance = np.random.default_rng(5)
    there = chance.poisson(1.0, 40).astype(float)
    hits = (there * chance.uniform(size=40))[:, None, None]
    ours = _drawn(hits, there, 4000, seed=1)[:, 0, 0]
    picks = chance.integers(0, 40, size=(4000, 40))
    plain = hits[:, 0, 0][picks].sum(axis=1) / there[picks].sum(axis=1)
    assert ours.mean() == pytest.approx(plain.mean(), abs=0.005)
    assert ours.std() == pytest.approx(plain.std(), rel=0.06)


def test_empty_blocks_are_drawn_too() -> None:
    """Three blocks of forty have crashes: a draw has any number of them."""
    chance = np.random.default_rng(6)
    there = np.r_[2.0, 1.0, 4.0, np.zeros(37)]
    hits = np.r_[2.0, 0.0, 1.0, np.zeros(37)]
    ours = _drawn(hits[:, None, None], there, 20_000, seed=1)[:, 0, 0]
    picks = chance.integers(0, 40, size=(20_000, 40))
    total = there[picks].sum(axis=1)
    plain = hits[picks].sum(axis=1)[total > 0] / total[total > 0]
    assert len(ours) == pytest.approx(len(plain), rel=0.01)
    assert ours.std() == pytest.approx(plain.std(), rel=0.02)


def test_alike_blocks_leave_no_doubt_and_a_seed_gives_the_same_bytes() -> None:
    scored = pd.DataFrame({"a": [1.0, 0.0] * 30})
    later = pd.DataFrame({"crashes": [3.0, 1.0] * 30})
    block = np.repeat(np.arange(30), 2)
    made = caught([1.0] * 60, scored, later, shares_of_length=[0.5], blocks=block)
    row = made.set_index("method").loc["a"]
    assert row["low"] == row["high"] == pytest.approx(0.75)
    uneven = pd.DataFrame({"crashes": np.arange(60.0) % 7})
    one, again, other = (caught([1.0] * 60, scored, uneven, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    assert not one["low"].equals(other["low"])


@pytest.mark.parametrize(
    ("length", "given_"),
    [([1.0, 0.0, 1.0, 1.0], [0.1]), (LENGTH, [0.0]), (LENGTH, [1.5]), (LENGTH, []), ([1.0], [0.1])],
)
def test_what_cannot_be_bought_is_refused(length: list[float], given_: list[float]) -> None:
    with pytest.raises(ValueError, match=r"length|scores"):
        caught(length, pd.DataFrame({"a": [1.0] * 4}), LATER, shares_of_length=given_)


def test_the_years_roll_on_or_are_cut_once() -> None:
    assert splits_of([2021, 2023, 2021, 2022]) == [
        Split((2021, 2021), (2022, 2022)),
        Split((2021, 2022), (2023, 2023)),
    ]
    assert splits_of([2021, 2022], train_until=2020) == []
    assert splits_of([2021, 2022], train_until=2022) == []
    assert splits_of([2021]) == splits_of([]) == []
    assert splits_of([2018, 2020, 2022], train_until=2020)[0].name == "2018-2020 > 2022"


# Units.


def town(*lines: small.Line, **columns: object) -> Network:
    return build_network(small.roads(*lines, **columns))  # type: ignore[arg-type]


def on_routes(net: Network, seed: int, count: int) -> pd.DataFrame:
    """Crashes anywhere on the routes."""
    chance = np.random.default_rng(seed)
    row = chance.integers(0, len(net.routes), count)
    long = net.routes["length"].to_numpy()[row]
    measure = long * chance.choice([0.0, 1.0, 0.3, 0.77], count) if count else long
    return pd.DataFrame(
        {
            "place": "segment",
            "route_id": pd.array(net.routes.index.to_numpy()[row], dtype="Int64"),
            "route_measure": measure,
            "junction_id": pd.array([pd.NA] * count, dtype="Int64"),
            "severity": chance.choice(["fatal", "slight", "unknown"], count),
            "deaths": 0,
            "date": pd.to_datetime(chance.choice(["2021-03-01", "2022-03-01"], count)),
        }
    )


def of(net: Network, crashes: pd.DataFrame, length: float = 100.0, radius: float = 30.0) -> Units:
    return units_of(
        crashes, net.routes, net.segments, net.junctions, net.nodes, length=length, radius=radius
    )


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Roads between points of a small grid: crossings, dead ends, rings."""
    point = st.tuples(st.integers(0, 3), st.integers(0, 3))
    lines = draw(
        st.lists(st.lists(point, min_size=2, max_size=4, unique=True), min_size=1, max_size=6)
    )
    grid = [[(120.0 * x + 7 * y, 90.0 * y) for x, y in line] for line in lines]
    return town(*grid)


@given(networks(), st.floats(1, 500), st.sampled_from([0.0, 20.0, 150.0]), st.integers(0, 9))
@settings(deadline=None, max_examples=25)
def test_units_take_all_road_once_and_every_crash(
    net: Network, length: float, radius: float, seed: int
) -> None:
    crashes = on_routes(net, seed, 12)
    made = of(net, crashes, length, radius)
    table, pieces = made.table, made.pieces
    total = net.routes["length"].sum()
    assert table["length"].sum() == pytest.approx(total, abs=0.01 * len(net.routes))
    assert (table["length"] > 0).all()
    sections = table[table["kind"] == "section"]
    assert (sections["length"] <= length + 0.01).all()
    long = pieces["to"] - pieces["from"]
    assert (long > 0).all()
    np.testing.assert_allclose(long.groupby(pieces["route"]).sum(), net.routes["length"], atol=0.01)
    assert made.of_crash.between(0, len(table) - 1).all()
    assert tally(made, crashes)["crashes"].sum() == len(crashes)
    on = set(zip(pieces["unit"], net.routes.index.to_numpy()[pieces["route"]], strict=True))
    assert set(zip(made.of_crash, crashes["route_id"], strict=True)) <= on


@given(networks(), st.sampled_from([15.0, 40.0, 80.0]))
@settings(deadline=None, max_examples=12)
def test_junctions_take_the_road_where_crashes_are_placed_at_them(
    net: Network, radius: float
) -> None:
    """The rule of `locate`, on points along every road that are as near to no two junctions."""
    marks = np.linspace(0.031, 0.947, 11)
    shapes = net.segments.geometry.to_numpy()
    points = [line.interpolate(m, normalized=True) for line in shapes for m in marks]
    crashes = small.crashes([(p.x, p.y) for p in points])
    found = locate(
        crashes,
        segments=net.segments,
        parts=net.parts,
        nodes=net.nodes,
        routes=net.routes,
        reach=Reach(junction=radius),
    ).crashes
    by_id = of(net, found, 50.0, radius)
    by_place = of(net, found.assign(place="segment"), 50.0, radius)
    assert (by_id.of_crash == by_place.of_crash).all()
    kind = by_place.table["kind"].to_numpy()[by_place.of_crash]
    agree = (kind == "junction") == (found["place"] == "junction").to_numpy()
    assert agree.all()


def test_a_crossroads_has_its_legs_and_the_rest_is_cut_evenly() -> None:
    net = town(
        [(0, 0), (500, 0), (1000, 0)],
        [(500, -300), (500, 0), (500, 300)],
        ref=["QL1", "DT2"],
        aadt=[5000.0, None],
        road_class=["national", "local"],
    )
    table = of(net, on_routes(net, 0, 0), length=150, radius=50).table
    assert table.loc[table["kind"] == "junction", "length"].tolist() == [200.0]
    sections = table[table["kind"] == "section"]
    assert sections.groupby("route")["length"].agg(["count", "max"]).to_numpy().tolist() == [
        [6.0, 150.0],
        [4.0, 125.0],
    ]
    assert sections["aadt"].groupby(sections["route"]).max().tolist()[0] == 5000.0
    assert sections["aadt"].isna().sum() == 4
    like = traffic_of(table)
    assert like[sections.index].eq(5000.0).all()
    assert traffic_of(table.assign(aadt=np.nan)).isna().all()


def test_a_crash_without_a_road_has_no_unit() -> None:
    net = town([(0, 0), (300, 0)])
    crashes = on_routes(net, 1, 4)
    crashes.loc[1, "route_id"] = pd.NA
    crashes.loc[2, "route_measure"] = np.nan
    made = of(net, crashes)
    assert (made.of_crash >= 0).tolist() == [True, False, False, True]
    assert tally(made, crashes)["crashes"].sum() == 2
    for length, radius in ((0.0, 1.0), (10.0, -1.0), (float("nan"), 0.0)):
        with pytest.raises(ValueError, match="length"):
            of(net, crashes, length, radius)


# Scores.


def test_every_crash_counts_once_in_every_way() -> None:
    net = town([(0, 0), (700, 0), (1500, 0)], [(700, 0), (700, 400)])
    crashes = on_routes(net, 3, 30)
    made = of(net, crashes)
    found = scores(made, crashes, costs=COSTS, simulations=19)
    km = made.table["length"] / 1000
    counts = tally(made, crashes)
    assert list(found) == list(METHODS)
    assert found["rate"].isna().all()
    assert (found["count"] * km).sum() == pytest.approx(30)
    assert (found["kde"] * km).sum() == pytest.approx(30)
    assert (found["severe"] * km).sum() == pytest.approx(counts["fatal"].sum())
    weighed = (counts[list(KNOWN)] * COSTS[list(KNOWN)]).sum(axis=1)
    np.testing.assert_allclose(found["epdo"] * km, weighed)
    assert found["eb"].gt(0).all()
    assert found["random"].eq(1.0).all()


def test_kernel_density_against_numerical_integration() -> None:
    net = town([(0, 0), (1000, 0)])
    crashes = on_routes(net, 0, 3).assign(route_measure=[40.0, 510.0, 530.0])
    made = of(net, crashes, length=100)
    h = 120.0
    found = scores(made, crashes, bandwidth=h, methods=["kde"])["kde"]

    def at(x: float) -> float:
        total = 0.0
        for crash in (40.0, 510.0, 530.0):

            def kernel(y: float, crash: float = crash) -> float:
                return max(1 - ((y - crash) / h) ** 2, 0.0) ** 2

            inside = integrate.quad(kernel, max(crash - h, 0), min(crash + h, 1000))[0]
            total += kernel(x) / inside
        return total

    ends = made.table[["from", "to"]].to_numpy()
    wanted = [integrate.quad(at, a, b, points=[(a + b) / 2])[0] / (b - a) * 1000 for a, b in ends]
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3)


def test_unknown_severities_and_costs_leave_their_ways_out() -> None:
    net = town([(0, 0), (1500, 0)])
    crashes = on_routes(net, 3, 10)
    made = of(net, crashes)
    bare = scores(made, crashes.assign(severity="unknown"), costs=COSTS, simulations=19)
    for name in ("severe", "epdo", "eb_severe", "eb_cost", "eb_mix", "rate"):
        assert bare[name].isna().all(), name
    assert bare[["count", "kde", "eb", "eb_excess"]].notna().all(axis=None)
    uncosted = scores(made, crashes, simulations=19)
    assert uncosted[["epdo", "eb_cost", "eb_mix"]].isna().all(axis=None)
    assert tally(made, crashes.drop(columns="deaths"))["deaths"].isna().all()
    with pytest.raises(ValueError, match="not known"):
        scores(made, crashes, methods=["magic"])


@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_crash_still_gives_scores(count: int) -> None:
    net = town([(0, 0), (1500, 0)])
    crashes = on_routes(net, 3, count)
    made = of(net, crashes)
    found = scores(made, crashes, costs=COSTS, simulations=19)
    assert found["count"].notna().all()
    assert found["eb"].gt(0).all()


def test_a_mix_of_severities_against_the_moments_of_a_beta_binomial() -> None:
    """Units of ten crashes whose share of severe ones is Beta(6, 4): the prior is worth ten."""
    chance = np.random.default_rng(2)
    size = 4000
    severe = chance.binomial(10, chance.beta(6, 4, size))
    counts = pd.DataFrame(0.0, index=range(size), columns=list(KNOWN))
    counts["serious"], counts["slight"] = severe, 10 - severe
    table = pd.DataFrame({"kind": "section", "class": "national"}, index=range(size))
    made = mixes(table, counts)
    np.testing.assert_allclose(made.sum(axis=1), 1.0)
    wanted = (6 + severe) / 20
    np.testing.assert_allclose(made["serious"], wanted, atol=0.02)
    assert mixes(table, counts * 0).isna().all(axis=None)


def test_a_mix_is_that_of_the_class_where_a_unit_has_no_crash() -> None:
    counts = pd.DataFrame(0.0, index=range(4), columns=list(KNOWN))
    counts.loc[0, "fatal"], counts.loc[2, "slight"] = 1000.0, 1000.0
    table = pd.DataFrame({"kind": "section", "class": ["a", "a", "b", "b"]})
    made = mixes(table, counts)
    assert made.at[1, "fatal"] > 0.97
    assert made.at[3, "slight"] > 0.97


# The whole.


def test_a_place_that_goes_on_is_found_and_one_that_was_unlucky_is_not() -> None:
    """Ten crashes a year at 1,250 m; elsewhere one, each year at another place."""
    net = town([(0, 0), (20_000, 0)])
    rows = []
    for year in (2020, 2021, 2022):
        rows += [(f"{year}-05-01", 1250.0)] * 10
        rows += [(f"{year}-06-01", 3000.0 + 37 * i + 11 * (year - 2020)) for i in range(0, 400, 10)]
    date, measure = zip(*rows, strict=True)
    crashes = on_routes(net, 0, len(rows)).assign(
        date=pd.to_datetime(pd.Series(date)), route_measure=measure, severity="slight"
    )
    made = backtest(
        of(net, crashes, length=500, radius=0), crashes, splits_of([2020, 2021, 2022]),
        shares_of_length=[0.025], costs=COSTS, simulations=19,
    )  # fmt: skip
    rows_of = made[(made["target"] == "crashes") & (made["split"] == ALL)].set_index("method")
    assert rows_of.at["eb", "caught"] == pytest.approx(0.2)
    assert rows_of.at["eb", "caught"] == rows_of.at["oracle", "caught"]
    assert rows_of.at["eb", "later"] == 100
    assert set(made["split"]) == {"2020 > 2021", "2020-2021 > 2022", ALL}
    assert "severe" not in set(made["target"])


def test_all_splits_together_are_their_sum() -> None:
    net = town([(0, 0), (3000, 0)], [(1500, 0), (1500, 900)])
    crashes = on_routes(net, 8, 60)
    crashes.loc[:20, "date"] = pd.Timestamp("2023-01-01")
    units = of(net, crashes)
    made = backtest(units, crashes, splits_of([2021, 2022, 2023]), methods=["count"], draws=10)
    rows = made[(made["method"] == "count") & (made["target"] == "crashes")]
    for _, part in rows.groupby("share_of_length"):
        each = part[part["split"] != ALL]
        total = part.loc[part["split"] == ALL].iloc[0]
        assert total["later"] == each["later"].sum()
        assert total["caught"] * total["later"] == pytest.approx(
            (each["caught"] * each["later"]).sum()
        )


def test_what_has_no_date_is_left_out_and_no_years_are_refused() -> None:
    net = town([(0, 0), (3000, 0)])
    crashes = on_routes(net, 8, 20)
    units = of(net, crashes)
    splits = splits_of([2021, 2022])
    crashes.loc[crashes["date"].dt.year == 2022, "date"] = pd.NaT
    with pytest.raises(ValueError, match="no years"):
        backtest(units, crashes, splits)
    with pytest.raises(ValueError, match="no years"):
        backtest(units, crashes, [])
