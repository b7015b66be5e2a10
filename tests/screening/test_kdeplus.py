"""KDE+: kernel sums, thresholds and what chance may claim."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from needs import missing
from scipy.stats import binom

from blackspots.screening import kdeplus_null as chance
from blackspots.screening.kdeplus import COLUMNS, KdePlus, kde_plus

Array = np.ndarray[Any, Any]


@pytest.fixture
def forced() -> Iterator[Any]:
    """Chooses an implementation for all sizes."""
    before = chance.COMPILED_FROM

    def choose(way: str) -> None:
        if way == "compiled" and importlib.util.find_spec("numba") is None:
            missing("numba", "pip install numba")
        chance.COMPILED_FROM = 0 if way == "compiled" else 10**15

    yield choose
    chance.COMPILED_FROM = before


def even(tracks: int, each: int, length: float, seed: int) -> tuple[Array, Array, Array]:
    """Crashes that fall anywhere."""
    draw = np.random.default_rng(seed)
    return (
        np.repeat(np.arange(tracks), each),
        draw.random(tracks * each) * length,
        np.full(tracks, length),
    )


def null_of(
    length: float, count: int, exposure: pd.DataFrame, bandwidth: float, step: float, **units: Any
) -> chance.Null:
    """One track, as the module sees it."""
    scale = chance.scale(bandwidth, step, units.get("rounding"), float(count))
    long = np.array([length]) / scale.unit
    pieces = chance.stretches(long, exposure, scale.unit)
    return chance.null(np.array([0]), long, np.array([count]), None, pieces, scale)


def exposed(*rows: tuple[int, float, float, float]) -> pd.DataFrame:
    """Rows of exposure."""
    return pd.DataFrame(list(rows), columns=["track", "from", "to", "value"])


# --- kernel sums and their moments


@settings(max_examples=100, deadline=None)
@given(
    points=st.lists(st.tuples(st.floats(0, 5_000_000), st.integers(1, 9)), min_size=1, max_size=30),
    at=st.lists(st.floats(-100, 5_000_100), min_size=1, max_size=30),
    bandwidth=st.floats(20, 2000),
)
def test_kernel_sums_against_the_sum_over_pairs(
    points: list[tuple[float, int]], at: list[float], bandwidth: float
) -> None:
    scale = chance.scale(bandwidth, bandwidth / 10, None, 300.0)
    y = np.rint(np.sort([p for p, _ in points]) / scale.unit).astype(np.int64)
    weight = np.array([w for _, w in points])
    x = np.rint(np.concatenate([at, y * scale.unit]) / scale.unit).astype(np.int64)
    found, near = chance.kernel_sums(y, chance.prefix(y, weight), x, scale.reach)
    d = (x[:, None] - y) / scale.reach
    kernel = np.where(np.abs(d) < 1, 1 - d**2, 0.0)
    assert found / scale.reach**2 == pytest.approx(kernel @ weight, rel=1e-9, abs=1e-9)
    assert near.tolist() == (np.abs(d) < 1).sum(axis=1).tolist()


def test_kernel_sums_stay_exact_where_their_parts_exceed_64_bits() -> None:
    y = np.full(100_000, 2_000_000 * 2**20, dtype=np.int64)
    found, near = chance.kernel_sums(y, chance.prefix(y, None), y[:1] + 2**19, 2**20)
    assert found.tolist() == [100_000 * (2**40 - 2**38)]
    assert near.tolist() == [100_000]


PIECES = exposed((0, 0.0, 300.0, 2.0), (0, 300.0, 350.0, np.nan), (0, 600.0, 1300.0, 6.0))


@pytest.mark.parametrize("exposure", [exposed(), PIECES])
@pytest.mark.parametrize("bandwidth", [80.0, 900.0, 4000.0])
def test_moments_against_the_integral_of_the_kernel(
    exposure: pd.DataFrame, bandwidth: float
) -> None:
    length, count = 1250.0, 7
    null = null_of(length, count, exposure, bandwidth, bandwidth / 10)
    scale = null.scale
    y = (np.arange(50_000) + 0.5) / 50_000 * length
    # Known: 300 m of 2 and 650 m of 6; the rest has their mean.
    rest = (300 * 2 + 650 * 6) / 950
    density = np.select([y < 300, y >= 600], [2.0, 6.0], rest) if len(exposure) else np.ones_like(y)
    density /= density.sum()
    at = np.arange(len(null.expected)) * scale.step * scale.unit
    for x, factor, expected in zip(at, null.factor * scale.reach**2, null.expected, strict=True):
        kernel = np.maximum(1 - ((x - y) / bandwidth) ** 2, 0.0)
        mean = count * (kernel @ density)
        variance = count * ((kernel**2) @ density - (kernel @ density) ** 2)
        assert factor == pytest.approx(mean / variance, rel=2e-3)
        assert expected == pytest.approx(mean**2 / variance, rel=2e-3)


def test_places_that_share_a_threshold_have_the_same_moments() -> None:
    null = null_of(9000.0, 30, exposed((0, 0.0, 4000.0, 1.0), (0, 4000.0, 9000.0, 3.0)), 100, 10)
    shared = np.bincount(null.place_of)
    assert (shared > 300).sum() == 2
    assert len(shared) < 90
    order = np.argsort(null.place_of, kind="stable")
    first = order[np.searchsorted(null.place_of[order], np.arange(len(shared)))]
    assert null.expected == pytest.approx(null.expected[first][null.place_of], rel=1e-9)


def test_carriageways_that_share_a_measure_add_up() -> None:
    both = exposed((0, 0.0, 500.0, 2.0), (0, 0.0, 250.0, 4.0), (0, 500.0, 1000.0, np.nan))
    pieces = chance.stretches(np.array([1000.0]), both, 1.0)
    mean = (500 * 2 + 250 * 4) / 750
    assert pieces.start.tolist() == [0.0, 250.0, 500.0]
    assert pieces.density / pieces.density[1] == pytest.approx([3.0, 1.0, mean / 2])
    assert pieces.before[-1] + pieces.density[-1] * 500 == pytest.approx(1.0)


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(0, 100),
            st.integers(0, 100),
            st.one_of(st.just(float("nan")), st.integers(0, 5).map(float)),
        ),
        max_size=12,
    )
)
def test_pieces_cover_each_track_once_with_all_of_the_chance(
    rows: list[tuple[int, int, int, float]],
) -> None:
    length = np.array([60.0, 100.0, 0.5])
    frame = exposed(*((t, float(min(a, b)), float(max(a, b)), v) for t, a, b, v in rows))
    pieces = chance.stretches(length, frame, 1.0)
    for j, long in enumerate(length):
        own = slice(pieces.first[j], pieces.first[j + 1])
        assert pieces.start[own][0] == 0.0
        assert pieces.end[own][-1] == long
        assert pieces.start[own][1:].tolist() == pieces.end[own][:-1].tolist()
        mass = pieces.density[own] * (pieces.end[own] - pieces.start[own])
        assert mass.sum() == pytest.approx(1.0)
        assert (mass >= 0).all()
        assert pieces.before[own] == pytest.approx(np.cumsum(mass) - mass, abs=1e-12)


# --- clusters


def planted(seed: int = 3) -> tuple[Array, Array, Array]:
    """Two tracks of even crashes, twelve more within 80 m on the first."""
    track, position, lengths = even(2, 30, 10_000.0, seed)
    more = 6000.0 + np.linspace(0.0, 80.0, 12)
    return np.r_[track, np.zeros(12, int)], np.r_[position, more], lengths


def test_a_planted_cluster_is_found() -> None:
    track, position, lengths = planted()
    found = kde_plus(track, position, lengths, bandwidth=100.0, seed=1)
    best = found.clusters.iloc[0]
    assert list(found.clusters.columns) == list(COLUMNS)
    assert (best["track"], best["null"]) == (0, "uniform")
    assert best["q"] <= 0.01
    assert best["from"] < 6000 <= best["peak"] <= 6080 < best["to"]
    assert best["to"] - best["from"] < 500
    assert 0.5 < best["strength"] <= 1.0
    assert (found.member[-12:] == 0).all()
    assert found.clusters["q"].is_monotonic_increasing


def test_a_cluster_is_where_the_density_exceeds_its_simulated_quantile() -> None:
    track, position, lengths = planted()
    found = kde_plus(track, position, lengths, bandwidth=100.0, seed=1)
    # The threshold far from the ends, from simulations of its own by brute force.
    draw = np.random.default_rng(99)
    d = (draw.random((20_000, 42)) * 10_000 - 5000) / 100
    limit = np.quantile(np.where(np.abs(d) < 1, 1 - d**2, 0).sum(axis=1), 0.95)
    x = np.arange(200.0, 9800.0, 5.0)
    d = (x[:, None] - position[track == 0]) / 100
    above = x[np.where(np.abs(d) < 1, 1 - d**2, 0).sum(axis=1) > limit * 1.15]
    rows = found.clusters[found.clusters["track"] == 0]
    covered = [((rows["from"] <= at) & (at <= rows["to"])).any() for at in above]
    assert len(above) > 20
    assert np.mean(covered) == 1.0


def test_members_are_the_crashes_between_from_and_to() -> None:
    track, position, lengths = planted(5)
    found = kde_plus(track, position, lengths, bandwidth=150.0)
    for i, row in found.clusters.iterrows():
        inside = (track == row["track"]) & (position >= row["from"]) & (position <= row["to"])
        assert (found.member[inside] == i).all()
        assert (found.member == i).sum() == inside.sum() == row["crashes"]
        assert row["crashes"] >= 2
        assert np.abs(position[inside] - row["peak"]).min() < 0.01


def test_density_at_the_peak_against_the_sum_over_crashes() -> None:
    track, position, lengths = planted()
    weight = np.where(np.arange(len(track)) % 3 == 0, 5.0, 1.0)
    found = kde_plus(track, position, lengths, bandwidth=100.0, weights=weight)
    row = found.clusters.iloc[0]
    own = track == row["track"]
    t = (position[own] - row["peak"]) / 100
    density = (np.where(np.abs(t) < 1, 0.75 * (1 - t**2) / 100, 0) * weight[own]).sum()
    assert row["density_peak"] == pytest.approx(density * 1000, rel=1e-3)


def test_exposure_explains_a_spot_that_is_due_to_traffic() -> None:
    draw = np.random.default_rng(2)
    position = np.r_[draw.random(25) * 10_000, 4000 + draw.random(25) * 500]
    track, lengths = np.zeros(50, int), [10_000.0]
    # As much traffic on these 500 m as on the 9.5 km besides, which are unknown in part.
    rows = exposed(
        (0, 0.0, 4000.0, 1.0), (0, 4000.0, 4500.0, 19.0), (0, 4500.0, 6000.0, 1.0),
        (0, 6000.0, 10_000.0, 1.0),
    )  # fmt: skip
    plain = kde_plus(track, position, lengths, bandwidth=150.0)
    fair = kde_plus(track, position, lengths, bandwidth=150.0, exposure=rows)
    assert plain.clusters["q"].min() < 0.01
    assert not (fair.clusters["q"] < 0.1).any()
    assert set(fair.clusters["null"]) <= {"exposure"}


def test_exposure_that_says_nothing_is_uniform() -> None:
    track, position, lengths = planted()
    plain = kde_plus(track, position, lengths, bandwidth=100.0)
    unknown = exposed((0, 0.0, 500.0, np.nan), (1, 0.0, 9000.0, 0.0))
    found = kde_plus(track, position, lengths, bandwidth=100.0, exposure=unknown)
    pd.testing.assert_frame_equal(plain.clusters, found.clusters)
    same = exposed((0, 0.0, 500.0, 3.0), (0, 500.0, 700.0, 3.0), (1, 0.0, 9.0, 8.0))
    found = kde_plus(track, position, lengths, bandwidth=100.0, exposure=same)
    assert set(found.clusters.pop("null")) == {"exposure"}
    pd.testing.assert_frame_equal(plain.clusters.drop(columns="null"), found.clusters)


def test_rounded_positions_are_compared_with_rounded_chance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("blackspots.screening.kdeplus_clusters.REFINED", ())
    # Kilometre posts of one decimal: 100 crashes on 20 km fall on 201 posts.
    track, position, lengths = even(60, 100, 20_000.0, 8)
    position = np.rint(position / 100) * 100
    options: dict[str, Any] = {"bandwidth": 60.0, "simulations": 199}
    naive = kde_plus(track, position, lengths, **options)
    fair = kde_plus(track, position, lengths, rounding=100.0, **options)

    def falsely(found: KdePlus) -> int:
        return int(found.clusters.loc[found.clusters["p_global"] <= 0.05, "track"].nunique())

    assert falsely(naive) > 12
    assert falsely(fair) <= binom.ppf(0.999, 60, 0.05)


# --- what chance may claim


def best_p(found: KdePlus, tracks: int) -> Array:
    """The least p of each track, 1 where nothing was found."""
    least = found.clusters.groupby("track")["p_global"].min()
    return np.asarray(least.reindex(range(tracks), fill_value=1.0))


KMS = np.arange(1500)
TRAFFIC = pd.DataFrame(
    {
        "track": KMS // 5,
        "from": 1000.0 * (KMS % 5),
        "to": 1000.0 * (KMS % 5 + 1),
        "value": np.array([1.0, 5.0, 9.0, 1.0, 5.0])[KMS % 5],
    }
)


@pytest.mark.parametrize("null", ["uniform", "exposure"])
def test_p_holds_its_level_on_tracks_of_chance(null: str) -> None:
    track, position, lengths = even(300, 25, 5000.0, 11)
    if null == "exposure":
        draw = np.random.default_rng(12)
        share = np.array([1.0, 5.0, 9.0, 1.0, 5.0])
        km = draw.choice(5, len(track), p=share / share.sum())
        position = 1000.0 * (km + draw.random(len(track)))
    found = kde_plus(
        track,
        position,
        lengths,
        bandwidth=120.0,
        simulations=199,
        exposure=TRAFFIC if null == "exposure" else None,
    )
    p = best_p(found, 300)
    for level in (0.02, 0.05):
        low, high = (binom.ppf(side, 300, level) for side in (0.001, 0.999))
        assert low <= (p <= level).sum() <= high


def provinces(
    count: int, tracks: int, spots: int, seed: int, simulations: int
) -> tuple[list[int], list[int], list[int]]:
    """False and all clusters up to q = .1 by province, and spots found.

    ``spots`` of the tracks have one: 8 crashes more within 60 m.
    """
    false, taken, hit = [], [], []
    for i in range(count):
        draw = np.random.default_rng([seed, i])
        track, position, lengths = even(tracks, 15, 4000.0, seed * 1000 + i)
        where = draw.random(spots) * 3800 + 100
        own = np.repeat(np.arange(spots), 8)
        track = np.r_[track, own]
        position = np.r_[position, where[own] + draw.uniform(-30, 30, len(own))]
        found = kde_plus(
            track, position, lengths, bandwidth=100.0, simulations=simulations, seed=i, level=0.1
        ).clusters
        sure = found[found["q"] <= 0.1]
        at = np.r_[where, np.full(tracks - spots, -1e9)][sure["track"]]
        true = (sure["from"] - 100 <= at) & (at <= sure["to"] + 100)
        false.append(int((~true).sum()))
        taken.append(len(sure))
        hit.append(int(sure.loc[true, "track"].nunique()))
    return false, taken, hit


def test_false_discoveries_stay_at_their_rate_where_all_is_chance() -> None:
    false, taken, _ = provinces(60, 12, 0, 21, 199)
    assert false == taken
    # Any discovery is a false one: in at most a tenth of the provinces.
    wrong = sum(f > 0 for f in false)
    assert wrong <= binom.ppf(0.999, 60, 0.1)


def test_false_discoveries_stay_at_their_rate_where_half_of_the_tracks_have_a_spot() -> None:
    false, taken, hit = provinces(25, 20, 10, 22, 399)
    share = np.array(false) / np.maximum(taken, 1)
    assert share.mean() <= 0.1 + 3.1 * share.std() / np.sqrt(len(share))
    assert share.mean() <= 0.13
    # And most spots are found.
    assert sum(hit) > 0.9 * 250


def test_more_simulations_are_made_where_a_sure_cluster_stands_among_many_tracks() -> None:
    track, position, lengths = even(60, 8, 5000.0, 4)
    track, position = np.r_[track, np.full(9, 7)], np.r_[position, 2000.0 + np.arange(9)]
    found = kde_plus(track, position, lengths, bandwidth=100.0, simulations=99).clusters
    best = found.iloc[0]
    # 60 tracks / 100 says nothing, and 60 / 1000 too little.
    assert best["track"] == 7
    assert best["simulations"] == 9900
    assert best["q"] <= 0.01
    assert (found["simulations"].value_counts().index[0]) == 99


# --- the same under what must not matter


def test_both_implementations_agree(forced: Any) -> None:
    track, position, lengths = planted()
    draw = np.random.default_rng(0)
    weight = draw.integers(1, 9, len(track)).astype(float)
    rows = exposed((0, 0.0, 3000.0, 2.0), (0, 3000.0, 5000.0, 5.0), (1, 200.0, 900.0, 1.0))
    options: list[dict[str, Any]] = [{}, {"exposure": rows}, {"weights": weight}, {"rounding": 70}]
    for more in options:
        forced("plain")
        plain = kde_plus(track, position, lengths, bandwidth=200.0, simulations=300, **more)
        forced("compiled")
        found = kde_plus(track, position, lengths, bandwidth=200.0, simulations=300, **more)
        pd.testing.assert_frame_equal(plain.clusters, found.clusters, rtol=1e-12)
        assert plain.member.tolist() == found.member.tolist()


def test_the_same_input_gives_the_same_result_in_any_order_and_lot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    track, position, lengths = even(6, 20, 3000.0, 1)
    first = kde_plus(track, position, lengths, bandwidth=100.0, simulations=200)
    turn = np.random.default_rng(0).permutation(len(track))
    monkeypatch.setattr(chance, "_AT_ONCE", 900)
    monkeypatch.setattr("blackspots.screening.kdeplus_clusters._GRID_AT_ONCE", 700)
    again = kde_plus(track[turn], position[turn], lengths, bandwidth=100.0, simulations=200)
    pd.testing.assert_frame_equal(first.clusters, again.clusters)
    assert first.member[turn].tolist() == again.member.tolist()
    other = kde_plus(track, position, lengths, bandwidth=100.0, simulations=200, seed=1)
    assert not first.clusters["p_global"].equals(other.clusters["p_global"])


def test_a_track_turned_around_has_the_same_clusters() -> None:
    track, position, lengths = planted()
    one = kde_plus(track, position, lengths, bandwidth=100.0).clusters
    two = kde_plus(track, 10_000.0 - position, lengths, bandwidth=100.0).clusters
    a, b = one.iloc[0], two.iloc[0]
    assert a["from"] == pytest.approx(10_000.0 - b["to"], abs=10.0)
    assert a["to"] == pytest.approx(10_000.0 - b["from"], abs=10.0)
    assert a["density_peak"] == pytest.approx(b["density_peak"], rel=1e-6)
    assert a["strength"] == pytest.approx(b["strength"], abs=0.05)


def test_metres_or_any_other_unit() -> None:
    track, position, lengths = planted()
    one = kde_plus(track, position, lengths, bandwidth=100.0).clusters
    two = kde_plus(track, position / 4, lengths / 4, bandwidth=25.0).clusters
    assert one["p_global"].tolist() == two["p_global"].tolist()
    assert one["from"].to_numpy() == pytest.approx(two["from"].to_numpy() * 4)


# --- degenerate


@pytest.mark.parametrize(
    ("track", "position", "lengths"),
    [
        ([], [], []),
        ([], [], [500.0]),
        ([0], [3.0], [500.0]),
        ([0, 1, 2], [3.0, 3.0, 0.0], [500.0, 500.0, 0.0]),
        ([0] * 5, [0.0] * 5, [0.0]),
    ],
)
def test_no_pair_on_a_track_no_cluster(
    track: list[int], position: list[float], lengths: list[float]
) -> None:
    found = kde_plus(track, position, lengths, bandwidth=100.0)
    assert len(found.clusters) == 0
    assert list(found.clusters.columns) == list(COLUMNS)
    assert dict(found.clusters.dtypes.astype(str)) == COLUMNS
    assert found.member.tolist() == [-1] * len(track)


def test_all_crashes_at_one_place() -> None:
    found = kde_plus([0] * 10, [400.0] * 10, [5000.0], bandwidth=100.0)
    assert len(found.clusters) == 1
    row = found.clusters.iloc[0]
    assert (row["crashes"], row["peak"], row["p_global"]) == (10, pytest.approx(400.0), 1 / 1001)


def test_a_bandwidth_beyond_the_track_finds_nothing_in_chance() -> None:
    track, position, lengths = even(40, 10, 80.0, 6)
    found = kde_plus(track, position, lengths, bandwidth=400.0, simulations=199)
    assert found.clusters["q"].min() > 0.05
    assert found.clusters["to"].max() <= 80.0


def test_crashes_at_both_ends_lie_in_clusters_that_end_there() -> None:
    found = kde_plus([0] * 8, [0.0] * 4 + [5003.0] * 4, [5003.0], bandwidth=100.0)
    rows = found.clusters.sort_values("from")
    assert rows["from"].iloc[0] == 0.0
    assert rows["to"].iloc[1] == pytest.approx(5003.0)
    assert rows["crashes"].tolist() == [4, 4]


def test_where_exposure_allows_no_crash_one_is_a_surprise() -> None:
    rows = exposed((0, 0.0, 1000.0, 0.0), (0, 1000.0, 5000.0, 1.0))
    found = kde_plus([0] * 4, [400.0, 405.0, 2000.0, 4000.0], [5000.0], bandwidth=100.0,
                     exposure=rows)  # fmt: skip
    best = found.clusters.iloc[0]
    assert (best["peak"], best["p_global"]) == (pytest.approx(400.0), 1 / 1001)


def test_a_track_whose_weights_are_all_zero_says_nothing() -> None:
    found = kde_plus([0, 0, 1, 1, 1], [5.0, 6.0, 5.0, 6.0, 7.0], [900.0, 900.0], bandwidth=50.0,
                     weights=[0, 0, 1, 1, 1])  # fmt: skip
    assert set(found.clusters["track"]) == {1}


@pytest.mark.parametrize(
    "wrong",
    [
        {"bandwidth": 0.0},
        {"bandwidth": float("nan")},
        {"simulations": 18},
        {"level": 0.0},
        {"step": 200.0},
        {"minimum": 0},
        {"rounding": 0.0},
        {"position": [1.0, 501.0]},
        {"position": [1.0, float("nan")]},
        {"track": [0, 1]},
        {"track": [0.5, 0.0]},
        {"track": [0]},
        {"lengths": [-1.0]},
        {"weights": [1.0, -1.0]},
        {"weights": [0.0, 0.0]},
        {"exposure": exposed((1, 0.0, 1.0, 1.0))},
        {"exposure": exposed((0, 2.0, 1.0, 1.0))},
        {"exposure": exposed((0, 0.0, 1.0, -1.0))},
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any]) -> None:
    given_: dict[str, Any] = {
        "track": [0, 0], "position": [1.0, 2.0], "lengths": [500.0], "bandwidth": 100.0
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"must"):
        kde_plus(**(given_ | wrong))
