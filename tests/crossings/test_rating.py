"""Rating models: US DOT by the handbook's table, indices by hand, and what must always hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from blackspots.crossings.figures import NORMAL, figures_of
from blackspots.crossings.history import count_history, posterior
from blackspots.crossings.rank_interval import ranks_of
from blackspots.crossings.rating import COLUMNS, Rated, rate
from blackspots.errors import BlackspotsError
from blackspots.presets.crossing_models import PROTECTIONS, CrossingModel, crossing_model
from blackspots.presets.files import shipped

MODELS = [name for name in shipped("crossing_models") if name != "us-fra-2020"]
PRESETS = Path(__file__).parents[2] / "blackspots" / "presets" / "crossing_models"


def crossings(*protections: str | None, **columns: object) -> pd.DataFrame:
    index = pd.Index([f"c{i}" for i in range(len(protections))], name="crossing_id")
    table = pd.DataFrame({"protection_code": list(protections)} | columns, index=index)
    return table.assign(speed=table.get("speed", 60.0))


def traffic(
    table: pd.DataFrame, vehicles: object, trains: object, sd: object = 0.0
) -> pd.DataFrame:
    return pd.DataFrame({"vehicles": vehicles, "log_sd": sd, "trains": trains}, index=table.index)


def simple(
    model: str, vehicles: list[float], trains: list[float], *protections: str, **options: object
) -> Rated:
    table = crossings(*protections)
    return rate(table, traffic(table, vehicles, trains), crossing_model(model), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MODELS)
def test_every_shipped_model_says_where_it_stands(name: str) -> None:
    made = crossing_model(name)
    assert made.id == name
    assert made.mark == "V"
    assert made.citation
    assert set(made.title) == {"vi", "en"}
    assert made.protections == PROTECTIONS
    assert 0 < made.elasticity <= 1
    assert all(default.mark == "A" for default in made.defaults)


def test_history_of_the_handbook_table() -> None:
    """T = 1: a = 0 gives 0 .048 .095 .143 .190 .238; a = .01 gives .009 .066 .123 ..."""
    n = [0, 1, 2, 3, 4, 5]
    none = posterior(np.zeros(6), n, 1, floor=0.05)
    some = posterior(np.full(6, 0.01), n, 1, floor=0.05)
    np.testing.assert_allclose(none, [0, 0.048, 0.095, 0.143, 0.190, 0.238], atol=6e-4)
    np.testing.assert_allclose(some, [0.009, 0.066, 0.123, 0.179, 0.236, 0.292], atol=6e-4)


@given(
    a=st.floats(1e-6, 5),
    n=st.integers(0, 50),
    years=st.floats(0.1, 30),
    floor=st.one_of(st.none(), st.floats(0, 0.2)),
    k=st.floats(0.01, 10),
)
def test_history_lies_between_model_and_count(
    a: float, n: int, years: float, floor: float | None, k: float
) -> None:
    told = float(posterior([a], [n], years, floor=floor, k=k)[0])
    ends = sorted((a, n / years))
    assert ends[0] * (1 - 1e-9) <= told <= ends[1] * (1 + 1e-9)
    more = float(posterior([a], [n + 1], years, floor=floor, k=k)[0])
    assert more > told


def test_an_unknown_history_leaves_the_model_alone() -> None:
    np.testing.assert_allclose(posterior([0.3, 0.3], [np.nan, 2], [5, 0], floor=0.05), 0.3)


def test_only_accidents_after_an_upgrade_count() -> None:
    """Grade Crossing Handbook: after an upgrade the later history only.

    start 2020-01-01                2021-12-31 end
      A  x-----------x------------------x         no upgrade: all three
      B  x----------Ux------------------x         upgraded 2020-12-31: two, in one year
    """
    days = ["2020-02-01", "2021-01-01", "2021-12-31"]
    accidents = pd.DataFrame(
        {
            "crossing_id": ["A"] * 3 + ["B"] * 4 + ["B", "A", "elsewhere", "A"],
            "date": pd.to_datetime([*days, *days, "2020-12-31", None, None, days[0], "2022-01-01"]),
        }
    )
    made = count_history(
        accidents,
        pd.Index(["A", "B", "C"]),
        start=pd.Timestamp("2020-01-01"),
        end=pd.Timestamp("2021-12-31"),
        upgraded=pd.Series({"B": pd.Timestamp("2020-12-31"), "C": pd.Timestamp("2023-01-01")}),
    )
    assert made["crashes"].tolist() == [4, 2, 0]  # the undated one at A is within the period
    assert made["before"].tolist() == [0, 2, 0]
    assert made["undated"].tolist() == [0, 1, 0]
    np.testing.assert_allclose(made["years"], [731 / 365.25, 365 / 365.25, 0])


def test_new_hampshire_by_hand() -> None:
    """V T Pf with .1, .6, 1.0; guarded as gates and none as signs by assumption."""
    made = simple("new-hampshire", [1000.0] * 5, [10.0] * 5, *PROTECTIONS)
    np.testing.assert_allclose(made.table["score"], [10_000, 10_000, 6000, 1000, 1000])
    assert made.table["rank"].tolist() == [1, 2, 3, 4, 5]
    assert made.table["rate_assumed"].tolist() == ["protection", None, None, None, "protection"]
    assert made.used == "index"
    assert made.table["accidents"].isna().all()


def test_india_units_by_hand() -> None:
    """Four-wheeler 1, auto-rickshaw 1/2, two-wheeler 1/4; composition assumed where unknown."""
    table = crossings(
        "none", "none", "none", "none",
        four_wheelers=[100, np.nan, 100, 100],
        three_wheelers=[100, np.nan, np.nan, 0],
        two_wheelers=[800, np.nan, 800, 0],
    )  # fmt: skip
    made = rate(table, traffic(table, 1000.0, 2.0), crossing_model("in-units"))
    # The second: .2 + .8 / 4 of each vehicle. The third: its rest of 100 is three-wheelers.
    # The fourth: all kinds counted, cars only, so that every vehicle is one.
    np.testing.assert_allclose(made.table["score"], [700, 800, 700, 2000])
    assert made.table["rate_assumed"].tolist() == [None, "units", "units", None]


def test_the_class_product_of_viet_nam_needs_no_protection() -> None:
    """TT 62/2015: A = trains x vehicles."""
    made = simple("vn-class", [100.0, 200.0], [10.0, 30.0], "gates", None)  # type: ignore[arg-type]
    assert made.table["score"].tolist() == [1000, 6000]
    assert made.table["rank"].tolist() == [2, 1]


def test_what_is_missing_is_named_and_nothing_is_lost() -> None:
    table = crossings("signs", "signs", None, "signs", "gates")
    flows = traffic(table, [100, np.nan, 100, 0, 100], [8, np.nan, 8, 8, 8.0])
    for name in ("us-dot", "new-hampshire"):
        made = rate(table, flows, crossing_model(name)).table
        assert made.index.equals(table.index)
        assert made["rate_reason"].tolist() == [
            None, "needs:vehicles;needs:trains", "needs:protection", "needs:vehicles", None,
        ]  # fmt: skip
        rated = made["rate_reason"].isna()
        assert sorted(made.loc[rated, "rank"]) == [1, 2]
        assert made.loc[~rated, ["score", "rank", "rank_low", "rank_high"]].isna().all(axis=None)


def test_a_default_is_named_and_the_severity_does_not_rest_on_an_assumed_speed() -> None:
    table = crossings("signs", "signs", speed=[60.0, np.nan], urban=True, tracks=1, paved=True)
    flows = traffic(table, 100.0, 8.0)
    options = {"calibration": "none"}
    made = rate(table, flows, crossing_model("us-dot"), **options).table  # type: ignore[arg-type]
    assert made["rate_assumed"].tolist() == ["day_trains", "day_trains;speed"]
    assert made["accidents"].notna().all()
    assert made["fatal"].notna().tolist() == [True, False]
    assert made["casualty"].notna().tolist() == [True, False]


def test_us_constants_are_not_carried_to_another_country() -> None:
    """crossings.md: with too few accidents to calibrate, say so and rank by exposure."""
    crashes = pd.Series({"c0": 9.0, "c1": 10.0})
    made = simple("us-dot", [100.0, 900.0], [8.0, 8.0], "none", "none", crashes=crashes, years=5)
    assert made.used == "index"
    assert made.table[["accidents", "predicted", "fatal"]].isna().all(axis=None)
    assert made.table["rank"].tolist() == [2, 1]
    assert dict(made.notes)["too-few-to-calibrate"] == {"accidents": 19, "least": 20}


def test_ties_are_settled_by_id() -> None:
    table = crossings("none", "none", "none").set_axis(["b", "a", "c"])
    made = rate(table, traffic(table, 10.0, 5.0), crossing_model("vn-class")).table
    assert made["rank"].to_dict() == {"a": 1, "b": 2, "c": 3}
    turned = rate(table[::-1], traffic(table, 10.0, 5.0), crossing_model("vn-class")).table
    assert turned["rank"].to_dict() == made["rank"].to_dict()


def test_the_points_of_the_normal_have_its_moments() -> None:
    assert NORMAL.mean() == pytest.approx(0, abs=1e-12)
    assert (NORMAL**2).mean() == pytest.approx(1)
    assert np.exp(NORMAL).mean() == pytest.approx(np.exp(0.5), rel=0.03)


def test_accidents_make_much_traffic_likelier_where_nobody_counted() -> None:
    table = crossings(*["signs"] * 2)
    flows = traffic(table, 50.0, 10.0, sd=[1.0, 0.0])
    made = [
        rate(
            table, flows, crossing_model("us-dot"), crashes=pd.Series({"c0": n, "c1": n}),
            years=5, calibration="none",
        ).table["accidents"]
        for n in (0, 4)
    ]  # fmt: skip
    assert made[1]["c0"] / made[0]["c0"] > made[1]["c1"] / made[0]["c1"]


@st.composite
def studies(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    size = draw(st.integers(1, 12))

    def many(of: st.SearchStrategy[object]) -> list[object]:
        return draw(st.lists(of, min_size=size, max_size=size))

    table = crossings(*many(st.sampled_from([*PROTECTIONS, None])))  # type: ignore[arg-type]
    flows = traffic(
        table,
        many(st.one_of(st.just(np.nan), st.floats(1, 1e5))),
        many(st.one_of(st.just(np.nan), st.floats(0, 200))),
        many(st.sampled_from([0.0, 0.4, 1.3])),
    )
    crashes = pd.Series(many(st.one_of(st.just(np.nan), st.integers(0, 20))), index=table.index)
    return table, flows, crashes.astype("float64")


@given(study=studies(), name=st.sampled_from(MODELS), way=st.sampled_from(["none", "local"]))
@settings(max_examples=60, deadline=None)
def test_what_holds_for_every_rating(
    study: tuple[pd.DataFrame, pd.DataFrame, pd.Series], name: str, way: str
) -> None:
    table, flows, crashes = study
    model = crossing_model(name)
    options = {"crashes": crashes, "years": 3.0, "draws": 200, "calibration": way}
    made = rate(table, flows, model, **options)  # type: ignore[arg-type]
    out = made.table
    assert list(out.columns) == list(COLUMNS)
    assert out.index.equals(table.index)
    rated = out["rate_reason"].isna()
    # Closing figures: each is rated with a rank of its own, or has a reason.
    assert sorted(out.loc[rated, "rank"]) == list(range(1, rated.sum() + 1))
    unrated = sum(n["crossings"] for code, n in made.notes if code == "unrated")
    assert rated.sum() + unrated == len(table)
    here = out[rated]
    assert (here["rank_low"] <= here["rank"]).all()
    assert (here["rank"] <= here["rank_high"]).all()
    assert here["rank_low"].between(1, len(here)).all()
    assert here["rank_high"].between(1, len(here)).all()
    by_rank = here.sort_values("rank")["score"].to_numpy()
    assert (np.diff(by_rank) <= 0).all()
    if made.used == "index":
        assert out["accidents"].isna().all()
    else:
        assert (here["accidents_low"] <= here["accidents"]).all()
        assert (here["accidents"] <= here["accidents_high"]).all()
    again = rate(table, flows, model, **options)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(out, again.table, check_exact=True)
    assert made.notes == again.notes


@given(
    name=st.sampled_from(MODELS),
    protection=st.sampled_from(PROTECTIONS),
    vehicles=st.floats(1, 1e5),
    trains=st.floats(0.5, 200),
    n=st.integers(0, 10),
    sd=st.sampled_from([0.0, 1.0]),
    more=st.floats(1.01, 50),
)
@settings(max_examples=60, deadline=None)
def test_more_traffic_or_history_is_never_less(
    name: str, protection: str, vehicles: float, trains: float, n: int, sd: float, more: float
) -> None:
    table = crossings(*[protection] * 4)
    flows = traffic(
        table,
        [vehicles, vehicles * more, vehicles, vehicles],
        [trains, trains, trains * more, trains],
        sd,
    )
    crashes = pd.Series([n, n, n, n + 1], index=table.index)
    score = rate(
        table, flows, crossing_model(name), crashes=crashes, years=4, calibration="none", draws=200
    ).table["score"]
    assert (score >= score["c0"] * (1 - 1e-9)).all()
    assert score["c1"] > score["c0"]


def test_the_rank_interval_holds_the_median_rank() -> None:
    generator = np.random.Generator(np.random.PCG64(5))
    table = crossings(*["none"] * 40)
    sd = np.repeat([0.0, 1.0], 20)
    flows = traffic(table, generator.lognormal(5, 1, 40), 20.0, sd)
    out = rate(table, flows, crossing_model("vn-class"), draws=1000).table
    drawn = flows["vehicles"].to_numpy() * np.exp(sd * generator.standard_normal((4000, 40)))
    median = np.median(ranks_of(drawn, np.arange(40)), axis=0)
    assert ((out["rank_low"] <= median) & (median <= out["rank_high"])).all()
    width = (out["rank_high"] - out["rank_low"]).to_numpy(dtype="float64")
    assert width[20:].mean() > 2 * width[:20].mean()
    low, high = np.quantile(ranks_of(drawn, np.arange(40)), [0.05, 0.95], axis=0)
    rank = out["rank"].to_numpy(dtype="float64")
    np.testing.assert_allclose(out["rank_low"].astype(float), np.minimum(low, rank), atol=2)
    np.testing.assert_allclose(out["rank_high"].astype(float), np.maximum(high, rank), atol=2)


def test_the_interval_of_accidents_is_that_of_the_gamma_posterior() -> None:
    """Counted traffic, US DOT: shape a T0 + N, rate T0 + T."""
    table = crossings("gates", "gates", lanes=2, main_tracks=1, day_trains=4)
    flows = traffic(table, 5000.0, 20.0)
    crashes = pd.Series({"c0": 3, "c1": 0})
    model = crossing_model("us-dot")
    out = rate(table, flows, model, crashes=crashes, years=5, calibration="none", draws=20_000)
    a = np.exp(figures_of(table, flows, model).ln_model[0, 0])
    t0 = 1 / (0.05 + a)
    truth = [0.4846 * stats.gamma.ppf(p, a * t0 + 3, scale=1 / (t0 + 5)) for p in (0.05, 0.95)]
    got = out.table.loc["c0", ["accidents_low", "accidents_high"]].to_numpy(dtype="float64")
    np.testing.assert_allclose(got, truth, rtol=0.03)


def test_nothing_and_one() -> None:
    none = crossings()
    made = rate(
        none, traffic(none, [], []), crossing_model("us-dot"), crashes=pd.Series(dtype=float)
    )
    assert made.table.empty
    assert list(made.table.columns) == list(COLUMNS)
    one = simple("us-dot", [10.0], [5.0], "none").table
    assert one[["rank", "rank_low", "rank_high"]].to_numpy().tolist() == [[1, 1, 1]]


def test_a_crossing_that_the_model_does_not_know() -> None:
    model = crossing_model("us-dot")
    groups = tuple(group for group in model.groups if group.name != "gates")
    table = crossings("gates", "none")
    made = rate(table, traffic(table, 10.0, 5.0), replace(model, groups=groups))
    assert made.table["rate_reason"].tolist() == ["not-in-model", None]


@pytest.mark.parametrize("column", ["vehicles", "trains"])
def test_a_figure_below_0_is_refused(column: str) -> None:
    table = crossings("none")
    flows = traffic(table, 10.0, 5.0).assign(**{column: -1.0})
    with pytest.raises(ValueError, match=column):
        rate(table, flows, crossing_model("us-dot"))


def test_traffic_of_other_crossings_is_refused() -> None:
    table = crossings("none")
    flows = traffic(table, 10.0, 5.0).set_axis(["other"])
    with pytest.raises(ValueError, match="same crossings"):
        rate(table, flows, crossing_model("us-dot"))


def test_booleans_of_every_kind_are_figures() -> None:
    flags = [True, False, None]
    plain = crossings(*["signs"] * 3, paved=pd.array(flags, dtype="boolean"))
    mixed = crossings(*["signs"] * 3, paved=pd.Series(flags, dtype=object).to_numpy())
    scores = [
        rate(table, traffic(table, 10.0, 5.0), crossing_model("us-dot")).table["score"].tolist()
        for table in (plain, mixed)
    ]
    assert scores[0] == scores[1]
    assert scores[0][0] == scores[0][2]  # paved by default
    assert scores[0][1] == pytest.approx(scores[0][0] * np.exp(-0.5966))


# Presets as files


def own(folder: Path, text: str) -> CrossingModel:
    (folder / "own.toml").write_text(text, encoding="utf-8")
    return crossing_model("own.toml", folder)


def test_the_fra_2020_model_refuses_without_a_source(tmp_path: Path) -> None:
    with pytest.raises(BlackspotsError) as shut:
        crossing_model("us-fra-2020")
    assert shut.value.code == "crossing-model-disabled"
    assert "source" in str(shut.value.fields["why"])
    text = (PRESETS / "us-fra-2020.toml").read_text("utf-8")
    with pytest.raises(BlackspotsError) as still:
        own(tmp_path, text)
    assert still.value.code == "crossing-model-disabled"
    filled = FRA + text.replace("enabled = false\n", "").split("# A zero", maxsplit=1)[0]
    with pytest.raises(BlackspotsError) as nameless:
        own(tmp_path, _ordered(filled))
    assert nameless.value.code == "crossing-model-source"
    made = own(tmp_path, 'source = "a report, page 1"\n' + _ordered(filled))
    table = crossings("none")
    got = rate(table, traffic(table, 100.0, 10.0), made, calibration="none")
    # exp(-6) x 1000^0.5 / (1 + 2 x 11^-1)
    want = np.exp(-6) * 1000**0.5 / (1 + 2 / 11)
    assert got.table.at["c0", "predicted"] == pytest.approx(want)


FRA = """
[groups.passive]
protections = ["none", "signs"]
constant = 0.0024787521766663585
powers = [{ of = ["vehicles", "trains"], power = 0.5 }]
zeros = { constant = 2, powers = [{ of = ["trains"], plus = 1, power = -1 }] }
[elasticity]
value = 0.5
mark = "A"
[calibration]
least_accidents = 20
prior_accidents = 10
mark = "A"
"""


def _ordered(text: str) -> str:
    """Keys before tables."""
    tables, keys = text.split('id = "us-fra-2020"', maxsplit=1)
    return 'id = "us-fra-2020"' + keys + tables


def test_a_model_of_another_country_is_a_file(tmp_path: Path) -> None:
    """A power law by width, with a default of its own, and no code."""
    made = own(
        tmp_path,
        """
id = "own"
kind = "index"
citation = "a handbook"
mark = "A"
source = "page 3"
title = { vi = "a", en = "b" }
elasticity = { value = 0.5, mark = "A" }
calibration = { least_accidents = 20, prior_accidents = 10, mark = "A" }
[defaults]
width = { value = 10, mark = "A" }
[groups.all]
protections = ["none"]
constant = 2
powers = [{ of = ["vehicles"], power = 0.5 }, { of = ["width"], unit = "feet", power = 1 }]
""",
    )
    table = crossings("none", "none", width=[3.048, np.nan])
    out = rate(table, traffic(table, 100.0, np.nan), made).table
    np.testing.assert_allclose(out["score"], [200, 200 * 10 / 3.048])
    assert out["rate_assumed"].tolist() == [None, "width"]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('kind = "index"', 'kind = "other"', "kind"),
        ('mark = "V"', 'mark = "X"', "mark"),
        ("constant = 0.1", "constant = 0", "groups.gates.constant"),
        ("constant = 0.1", 'constant = "a"', "groups.gates.constant"),
        ("constant = 0.1", "", "groups.gates.constant"),
        ('["vehicles", "trains"]', '["vehicles", "trams"]', "figures"),
        ('["vehicles", "trains"]', '["units", "trains"]', "units"),
        ('protections = ["lights"]', 'protections = ["gates"]', "groups"),
        ("power = 1.0", "powr = 1.0", "groups.gates.powers.powr"),
        ("[elasticity]\nvalue = 1.0", "[elasticity]\nvalu = 1.0", "elasticity.valu"),
        ("least_accidents = 20", "least_accidents = 0", "calibration.least_accidents"),
    ],
)
def test_a_file_that_makes_no_sense_names_its_key(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    text = (PRESETS / "new-hampshire.toml").read_text("utf-8")
    assert old in text
    with pytest.raises(BlackspotsError) as error:
        own(tmp_path, 'source = "s"\n' + text.replace(old, new))
    assert error.value.code == "bad-crossing-model"
    assert named in str(error.value.fields["problem"])
