"""Words for protection, and the rules of Viet Nam: TT 62/2015, TT 29/2023, NĐ 65/2018."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from itertools import pairwise, product
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blackspots.crossings.protection import COLUMNS, protect, protection_codes
from blackspots.crossings.protection_words import _tree
from blackspots.crossings.traffic import meanings, traffic_of
from blackspots.crs import parse
from blackspots.errors import BlackspotsError
from blackspots.presets.crossing_rules import CrossingRules, crossing_rules, rule_version
from blackspots.presets.crossing_traffic import crossing_traffic
from blackspots.presets.files import read, shipped
from blackspots.presets.headers import osm, plain
from blackspots.schema import CROSSING_REGISTER
from blackspots.sources import Findings, Source, read_crossings

AT = date(2024, 12, 31)
VN = crossing_rules("vn", on=AT)
CODES = ("none", "signs", "lights", "gates", "guarded")


def code(words: str | None, **options: object) -> str | None:
    return protection_codes(pd.Series([words], dtype=object), **options).codes.iloc[0]


def judge(rules: CrossingRules = VN, **columns: object) -> pd.Series:
    """What is said of one official crossing."""
    given = {"kind": "official"} | columns
    index = pd.Index(["X"], name="crossing_id")
    frame = gpd.GeoDataFrame({k: [v] for k, v in given.items()}, index=index, geometry=[None])
    made = protect(frame, traffic_of(frame), rules)
    assert list(made.columns) == list(COLUMNS)
    one = made.astype({"complies": object}).iloc[0]
    complies = one["complies"]
    one["complies"] = None if pd.isna(complies) else bool(complies)
    return one


# ------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("half gates, lights, bell, guarded", "guarded"),
        ("half gates, lights, bell, not guarded", "gates"),
        ("no gates, lights, bell", "lights"),
        ("no gates, no lights, no bell, signs", "signs"),
        ("no gates", None),
        ("not guarded", None),
        ("no gates or lights, signs", "signs"),
        ("no gates and lights, signs", "signs"),
        ("no gates but lights", "lights"),
        ("no signs, no lights, no gates, not guarded", "none"),
        ("gates worked by hand", "guarded"),
        ("unmanned, lights", "lights"),
        ("kissing gate", "signs"),
        ("double_half", "gates"),
        ("full of cars", None),
        ("street lights", None),
        ("Có người gác", "guarded"),
        ("Không có người gác", None),
        ("Không có người gác, có biển báo", "signs"),
        ("không gác nhưng có cần chắn tự động", "gates"),
        ("Biển báo + đèn tín hiệu", "lights"),
        ("Cảnh báo tự động", "lights"),
        ("Cảnh báo tự động có cần chắn tự động", "gates"),
        ("CBTĐ; CCTĐ", "gates"),
        ("CHẮN CÓ NGƯỜI GÁC", "guarded"),
        ("Phòng vệ bằng biển báo", "signs"),
        ("Không phòng vệ", "none"),
        ("none", "none"),
        ("Crossbucks", "signs"),
        ("no signs or signals", "none"),
        ("", None),
        ("không rõ", None),
        ("chain", None),
        (None, None),
    ],
)
def test_the_strongest_word_counts_that_is_not_denied(
    words: str | None, expected: str | None
) -> None:
    assert code(words) == expected


@pytest.mark.parametrize("word", CODES)
def test_the_codes_are_words_for_themselves(word: str) -> None:
    assert code(word) == word


def test_what_stands_for_nothing_is_listed_with_its_number() -> None:
    made = protection_codes(pd.Series(["chain", "gates", "chain", "moat", "", None, "không rõ"]))
    assert made.unread == {"chain": 2, "moat": 1}
    assert list(made.unread) == ["chain", "moat"]


@pytest.mark.parametrize("number", ["3", "7", 8, 8.0])
def test_a_bare_number_means_nothing_until_its_table_is_named(number: object) -> None:
    assert code(number) is None
    assert code(number, vocabulary="fra-wdcode") is not None


def test_the_fra_codes_before_2015_are_passive_lights_and_gates() -> None:
    """Reference in ../shared/data/crashes/README.md: 1-4 passive, 5-7 lights, 8-9 gates."""
    cells = pd.Series([float(n) for n in range(1, 10)])
    made = protection_codes(cells, vocabulary="fra-wdcode").codes.tolist()
    assert set(made[:4]) == {"none", "signs"}
    assert made[4:7] == ["lights"] * 3
    assert made[7:] == ["gates"] * 2


def test_words_of_the_users_own_go_before_all_others() -> None:
    assert code("Gates", vocabulary={"gates": "guarded"}) == "guarded"
    assert code("P1", vocabulary={"p1": "signs"}) == "signs"


@pytest.mark.parametrize("vocabulary", ["usa", {"P1": "fence"}])
def test_a_vocabulary_that_is_none_is_refused(vocabulary: object) -> None:
    with pytest.raises(ValueError, match="known: "):
        code("P1", vocabulary=vocabulary)


def test_every_word_written_from_openstreetmap_tags_is_read_or_known_to_tell_nothing() -> None:
    words = [w for tag in osm()["crossings"].protection.values() for w in tag.values()]
    positive = [w for w in words if not w.startswith(("no ", "not "))]
    assert [w for w in positive if code(w) is None] == ["chain"]
    assert all(code(w) is None for w in set(words) - set(positive))


def test_no_word_stands_for_two_protections() -> None:
    seen: dict[str, str] = {}
    for name, words in _tree()["protection"].items():
        for word in words:
            assert seen.setdefault(plain(word), name) == name, word


@given(st.lists(st.sampled_from(CODES), min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_one_more_word_never_makes_the_protection_weaker(words: list[str]) -> None:
    ranks = [CODES.index(code(", ".join(words[: i + 1])) or "") for i in range(len(words))]
    assert ranks == sorted(ranks)


@pytest.mark.shared
def test_all_kinds_of_the_uk_inventory_are_read(shared: Path) -> None:
    uk = pd.read_csv(shared / "crashes" / "level_crossings" / "uk_level_crossings.csv")
    kinds = uk["Main Crossing Type"]
    made = protection_codes(kinds)
    assert len(made.codes) == 6855
    assert made.unread == {}
    of = made.codes.groupby(kinds).first()
    assert made.codes.notna().all()
    assert of["Automatic Half Barrier"] == "gates"
    assert of["Manned Full Gates"] == "guarded"
    assert of["Manually Controlled Barrier with CCTV"] == "guarded"
    assert of["Automatic Open Crossing (Locally) Monitored"] == "lights"
    assert of["User Worked Crossing with MSL"] == "lights"
    assert of["User Worked Crossing with Telephone"] == "signs"
    assert of["Footpath Crossing"] == "signs"


# ------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("road", "expected"),
    [("Cấp I", "I"), ("Cấp III", "I"), ("Cấp IV", "II"), ("cấp VI", "II"), ("Đường thôn", "III")],
)
def test_class_by_road_is_that_of_tt_62_2015(road: str, expected: str) -> None:
    made = judge(road_class=road, urban=False, aadt=1.0, trains=1.0)
    assert made["crossing_class"] == expected
    assert made["rule_reason"].startswith("class-by-road")


@pytest.mark.parametrize(
    ("vehicles", "expected"),
    [(100, "III"), (499, "III"), (500, "II"), (2000, "II"), (2001, "I"), (90000, "I")],
)
def test_class_by_exposure_in_a_town_is_that_of_tt_62_2015(vehicles: float, expected: str) -> None:
    """A = 10 trains x vehicles: I above 20 000, II from 5 000 to 20 000, III below 5 000."""
    made = judge(urban=True, road_class="street", aadt=vehicles, trains=10.0)
    assert made["crossing_class"] == expected
    assert made["rule_reason"].startswith("class-by-exposure")


def test_out_of_town_the_exposure_of_an_ungraded_road_makes_no_class() -> None:
    made = judge(urban=False, road_class="path", aadt=90000, trains=10.0)
    assert made["crossing_class"] == "III"


@pytest.mark.parametrize(
    ("road", "sight", "guard", "required", "complies"),
    [
        ("Cấp II", None, "guarded", "guarded", True),
        ("Cấp II", True, "gates", "guarded", False),
        ("Cấp V", True, "lights", "guarded", False),
        ("path", True, "lights", "lights;gates;guarded", True),
        ("path", True, "signs", "lights;gates;guarded", False),
        ("path", False, "gates", "guarded", False),
        ("path", False, "guarded", "guarded", True),
    ],
)
def test_protection_is_what_tt_29_2023_wants(
    road: str, sight: bool | None, guard: str, required: str, complies: bool
) -> None:
    made = judge(road_class=road, urban=False, sight=sight, protection=guard)
    assert (made["required"], made["complies"]) == (required, complies)
    assert made["rule_reason"] == "class-by-road"


def test_a_range_of_vehicles_that_spans_a_bound_leaves_the_class_open() -> None:
    made = judge(urban=True, road_class="residential", trains=10.0)
    assert made["crossing_class"] is None
    assert made["rule_reason"].startswith("class-uncertain:I/II/III;needs-vehicles")
    made = judge(urban=True, road_class="path", trains=20.0)
    assert made["rule_reason"].startswith("class-uncertain:II/III;needs-vehicles")


def test_what_holds_of_every_class_that_it_may_be_is_said() -> None:
    open_class = {"road_class": "Quốc lộ", "urban": False}
    made = judge(**open_class, protection="guarded")
    assert made["rule_reason"] == "class-uncertain:I/II;needs-road-class"
    assert (made["required"], made["complies"]) == ("guarded", True)
    assert judge(**open_class, protection="gates")["complies"] is False


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"urban": True, "road_class": "street", "aadt": 900.0}, "needs-trains"),
        ({"urban": True, "road_class": "street", "trains": 10.0}, "needs-vehicles"),
        ({"urban": True, "aadt": 900.0, "trains": 10.0}, "needs-road-class"),
        ({"urban": False, "aadt": 900.0, "trains": 10.0}, "needs-road-class"),
        ({"road_class": "path", "aadt": 900.0, "trains": 10.0}, "needs-urban"),
    ],
)
def test_the_reason_names_what_would_settle_the_class(
    known: dict[str, object], reason: str
) -> None:
    made = judge(**known)
    first, *needs = made["rule_reason"].split(";")
    assert first.startswith("class-uncertain:")
    assert reason in needs
    assert made["crossing_class"] is None


def test_a_small_road_in_or_out_of_a_town_is_of_class_three_whatever_is_not_known() -> None:
    made = judge(road_class="path", aadt=40.0, trains=10.0, sight=True, protection="lights")
    assert (made["crossing_class"], made["complies"]) == ("III", True)


def test_sight_and_protection_that_are_not_known_leave_the_compliance_open() -> None:
    made = judge(road_class="path", urban=False, protection="lights")
    assert (made["required"], made["complies"]) == (None, None)
    assert made["rule_reason"] == "class-by-road;needs-sight"
    made = judge(road_class="Cấp I", protection="chain")
    assert (made["protection_code"], made["required"]) == (None, "guarded")
    assert made["complies"] is None
    assert made["rule_reason"] == "class-by-road;needs-protection"
    # A guard is enough and signs never are, whatever the sight.
    assert judge(road_class="path", urban=False, protection="guarded")["complies"] is True
    assert judge(road_class="path", urban=False, protection="signs")["complies"] is False


@pytest.mark.parametrize("kind", ["unknown", None])
def test_a_crossing_that_may_be_self_opened_has_no_compliance(kind: str | None) -> None:
    made = judge(kind=kind, road_class="Cấp I", protection="guarded")
    assert (made["crossing_class"], made["complies"]) == ("I", None)
    assert made["rule_reason"] == "class-by-road;needs-kind"


@pytest.mark.parametrize(
    ("width", "reason", "complies"),
    [
        (2.9, "self-opened;narrowed", None),
        (3.0, "self-opened;narrowing-due", False),
        (4.5, "self-opened;narrowing-due", False),
        (None, "self-opened;needs-width", None),
        (0.0, "self-opened;needs-width", None),
    ],
)
def test_a_self_opened_path_is_to_be_narrower_than_3_m_by_nd_65_2018(
    width: float | None, reason: str, complies: bool | None
) -> None:
    made = judge(kind="self-opened", width=width, protection="none", road_class="path")
    assert (made["rule_reason"], made["complies"]) == (reason, complies)
    assert made["crossing_class"] is made["required"] is None
    assert made["protection_code"] == "none"


def test_in_2026_the_rule_of_self_opened_paths_is_withheld_with_its_reason() -> None:
    """NĐ 16/2026 is in force and its text was not read; class and protection hold on."""
    rules = crossing_rules("vn", on=date(2026, 6, 30))
    assert rules.self_opened is None
    assert [(v.part, v.id) for v in rules.withheld] == [("self_opened", "nd-16-2026")]
    assert "16/2026" in rules.withheld[0].disabled_because
    made = judge(rules, kind="self-opened", width=5.0)
    assert (made["rule_reason"], made["complies"]) == ("self-opened;no-self-opened-rule", None)
    assert judge(rules, road_class="Cấp I", protection="guarded")["complies"] is True
    with pytest.raises(BlackspotsError) as refusal:
        rule_version("vn", "self_opened", "nd-16-2026")
    assert refusal.value.code == "rules-disabled"
    assert "16/2026" in refusal.value.fields["why"]


def test_the_version_is_that_of_the_last_day_of_the_study() -> None:
    before, after = (crossing_rules("vn", on=date(2023, *day)) for day in ((11, 30), (12, 1)))
    assert before.protection is None
    assert [version.id for version in before.withheld] == ["tt-25-2018"]
    assert before.siting is not None
    assert before.siting.spacing_outside_towns == 1000
    assert after.protection is not None
    assert after.protection.version.id == "tt-29-2023"
    assert after.siting is None
    made = judge(before, road_class="Cấp I", protection="gates")
    assert (made["crossing_class"], made["required"], made["complies"]) == ("I", None, None)
    assert made["rule_reason"] == "class-by-road;no-protection-rule"


def test_before_any_version_and_in_a_country_without_rules_nothing_is_judged() -> None:
    for rules in (crossing_rules("vn", on=date(2010, 1, 1)), crossing_rules(on=AT)):
        for kind in ("official", "self-opened", "unknown"):
            made = judge(rules, kind=kind, road_class="Cấp I", protection="gates", width=5.0)
            expected = ["gates", None, None, None, "no-rules"]
            assert made.tolist() == expected


def test_overdue_removal_is_said_where_the_version_still_holds() -> None:
    rules = crossing_rules("vn", on=date(2025, 12, 31))
    assert rules.self_opened is not None
    assert rules.self_opened.remove_by == "2025-12-31"
    assert "removal-overdue" not in judge(rules, kind="self-opened", width=2.0)["rule_reason"]


FACTS = {
    "road_class": ["Cấp I", "Cấp V", "path", "national", None],
    "urban": [True, False, None],
    "sight": [True, False, None],
    "trains": [5.0, 60.0, None],
    "aadt": [20.0, 900.0, 9000.0, None],
    "protection": [*CODES, None],
    "kind": ["official", "self-opened", "unknown"],
}
ALONE = replace(crossing_traffic(), least_counted=10**9)


def judge_all(rows: pd.DataFrame) -> pd.DataFrame:
    """What is said of official crossings, the counts of one telling nothing of the others."""
    rows = rows.astype(object).where(rows.notna(), None)
    rows.index = pd.Index([f"X{i}" for i in range(len(rows))], name="crossing_id")
    frame = gpd.GeoDataFrame(rows, geometry=[None] * len(rows))
    made = protect(frame, traffic_of(frame, preset=ALONE), VN)
    made.index = pd.RangeIndex(len(made))
    return made


def every_fact() -> pd.DataFrame:
    return pd.DataFrame(list(product(*FACTS.values())), columns=list(FACTS), dtype=object)


@pytest.fixture(scope="module")
def judged() -> pd.DataFrame:
    facts = every_fact()
    return facts.join(judge_all(facts))


@pytest.mark.parametrize("name", [name for name in FACTS if name != "aadt"])
def test_what_is_said_of_the_unknown_holds_whatever_it_turns_out_to_be(
    judged: pd.DataFrame, name: str
) -> None:
    """Unknown in, unknown out: learning a fact may add an answer, never change one."""
    others = [other for other in FACTS if other != name]
    keys = judged.groupby(others, dropna=False, sort=False).ngroup()
    blank = "unknown" if name == "kind" else None
    is_blank = judged[name].eq(blank) if blank else judged[name].isna()
    unknown = judged[is_blank].set_index(keys[is_blank])
    known = judged[~is_blank]
    of = unknown.loc[keys[~is_blank]]
    assert len(of) == len(known) > 0
    said = of["complies"].notna().to_numpy()
    assert (of["complies"].to_numpy()[said] == known["complies"].to_numpy()[said]).all()
    if name == "kind":
        known, of = (frame[(known["kind"] == "official").to_numpy()] for frame in (known, of))
    said = of["crossing_class"].notna().to_numpy()
    assert said.any()
    assert (of["crossing_class"][said].to_numpy() == known["crossing_class"][said].to_numpy()).all()


def test_with_nothing_known_nothing_is_said(judged: pd.DataFrame) -> None:
    nothing = judged[[*list(FACTS)[:-1]]].isna().all(axis=1)
    made = judged[nothing]
    assert len(made) == 3
    assert made[["protection_code", "crossing_class", "required", "complies"]].isna().all(axis=None)


def test_stronger_protection_never_stops_complying(judged: pd.DataFrame) -> None:
    rank = judged["complies"].astype(object).map({False: 0, True: 2}).fillna(1)
    for one, more in pairwise(CODES):
        weak, strong = (rank[judged["protection"] == guard].to_numpy() for guard in (one, more))
        assert (weak <= strong).all()


@given(
    st.lists(st.tuples(st.floats(0.1, 1e6), st.floats(1, 1000)), min_size=1, max_size=50),
    st.sampled_from([True, None]),
    st.sampled_from(["path", "Cấp V", "national", "district", None]),
)
@settings(max_examples=10, deadline=None)
def test_more_vehicles_never_make_the_class_less_strict(
    counts: list[tuple[float, float]], urban: bool | None, road: str | None
) -> None:
    strict = {"III": 0, "II": 1, "I": 2}
    facts = {"kind": "official", "urban": urban, "road_class": road, "trains": 10.0}
    few, many = (
        judge_all(pd.DataFrame([facts | {"aadt": v} for v in vehicles]))["crossing_class"]
        for vehicles in ([v for v, _ in counts], [v * factor for v, factor in counts])
    )
    both = few.notna() & many.notna()
    assert (few[both].map(strict) <= many[both].map(strict)).all()


def test_many_crossings_are_judged_as_each_is_alone() -> None:
    names = ["road_class", "urban", "sight", "trains", "aadt", "protection", "kind"]
    values = (
        ["Cấp I", "national", None], [True, None], [False, None], [60.0, None], [900.0, None],
        ["gates", None], ["official", "self-opened", "unknown"],
    )  # fmt: skip
    rows = list(product(*values))
    index = pd.Index([f"X{i}" for i in range(len(rows))], name="crossing_id")
    table = pd.DataFrame(rows, columns=names, index=index)
    frame = gpd.GeoDataFrame(table, geometry=[None] * len(rows))
    traffic = traffic_of(frame)
    whole = protect(frame, traffic, VN)
    assert whole.index.equals(frame.index)
    for i in range(0, len(rows), 41):
        alone = protect(frame.iloc[i : i + 1], traffic.iloc[i : i + 1], VN)
        pd.testing.assert_frame_equal(alone, whole.iloc[i : i + 1])


def test_the_columns_are_of_the_kinds_that_the_register_has() -> None:
    index = pd.Index(["X0", "X1"], name="crossing_id")
    for size in (0, 2):
        frame = gpd.GeoDataFrame(
            {"kind": ["official"] * size}, index=index[:size], geometry=[None] * size
        )
        made = protect(frame, traffic_of(frame), VN)
        assert len(made) == size
        assert str(made["complies"].dtype) == "boolean"
        assert set(COLUMNS) <= set(CROSSING_REGISTER.by_name)


def test_the_samples_crossings_are_all_judged(sample: Path) -> None:
    source = Source(sample / "crossings.geojson", crs="EPSG:4326")
    frame = read_crossings(source, parse("EPSG:9215", "test"), Findings())
    made = protect(frame, traffic_of(frame), crossing_rules("vn", on=date(2023, 12, 31)))
    assert len(made) == 53
    reasons = made["rule_reason"].str.partition(";")[0]
    assert (reasons == "self-opened").sum() == 28
    assert reasons[frame["kind"] == "official"].str.startswith("class-").all()
    # Guarded is enough for every class, signs for none.
    official = frame["kind"] == "official"
    assert made.loc[official & frame["protection"].eq("guarded"), "complies"].all()
    assert not made.loc[official & frame["protection"].eq("signs"), "complies"].any()


def test_nothing_that_is_handed_in_is_changed() -> None:
    frame = gpd.GeoDataFrame(
        {"kind": ["official", "self-opened"], "protection": ["gates", None], "width": [None, 4.0]},
        index=pd.Index(["a", "b"], name="crossing_id"),
        geometry=[None, None],
    )
    traffic = traffic_of(frame)
    copies = frame.copy(deep=True), traffic.copy(deep=True)
    protect(frame, traffic, VN)
    pd.testing.assert_frame_equal(frame, copies[0])
    pd.testing.assert_frame_equal(traffic, copies[1])


# -------------------------------------------------------------------------------- rule files


def test_every_shipped_rule_file_loads_on_any_day_and_cites_each_version() -> None:
    for name in shipped("crossing_rules"):
        tree = tomllib.loads(read("crossing_rules", ".toml", name, Path())[0])
        days = {"2030-01-01", "2010-01-01"}
        for part in ("classes", "protection", "self_opened", "siting"):
            for version in tree.get(part, ()):
                assert version["citation"]
                assert version["mark"] in {"V", "M", "A"}
                assert version.get("enabled", True) or version["disabled_because"]
                days |= {version["valid_from"], version["valid_to"] or "2027-05-05"}
        for day in days:
            assert crossing_rules(name, on=date.fromisoformat(day)).id == name


def test_every_road_class_taken_from_openstreetmap_belongs_to_a_group() -> None:
    assert VN.classes is not None
    words = pd.Series([w for w in osm()["roads"].wanted if w != "busway"], dtype=object)
    assert meanings(words, VN.classes.words).notna().all()


ABROAD = """
id = "abroad"
jurisdiction = "XX"
citation = "A rule of the user's own"
mark = "U"
title = { vi = "a", en = "b" }
[[classes]]
id = "c1"
citation = "c"
mark = "U"
[[classes.class]]
id = "A"
any = [{ exposure = { above = 1000 } }]
[[classes.class]]
id = "B"
any = [{}]
[[protection]]
id = "p1"
citation = "p"
mark = "U"
allowed = [
  { class = "A", protections = ["gates"] },
  { class = "B", protections = ["signs", "lights", "gates"] },
]
[[self_opened]]
id = "s1"
citation = "s"
mark = "U"
narrow_from = 2.0
remove_by = "2020-12-31"
"""


def own(folder: Path, text: str = ABROAD) -> CrossingRules:
    (folder / "own.toml").write_text(text, encoding="utf-8")
    return crossing_rules("own.toml", folder, on=AT)


def test_another_country_is_a_file_and_no_code(tmp_path: Path) -> None:
    rules = own(tmp_path)
    made = judge(rules, aadt=200.0, trains=10.0, protection="gates")
    assert made.tolist() == ["gates", "A", "gates", True, "class-by-exposure"]
    made = judge(rules, aadt=20.0, trains=10.0, protection="none")
    assert made.tolist() == ["none", "B", "signs;lights;gates", False, "class-by-road"]
    made = judge(rules, kind="self-opened", width=1.0)
    assert made["rule_reason"] == "self-opened;narrowed;removal-overdue"
    assert made["complies"] is False


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("above = 1000", "over = 1000"),
        ("above = 1000", "above = -1"),
        ("above = 1000", 'above = "many"'),
        ("any = [{}]", "any = [{ roads = [] }]"),
        ('{ class = "A", protections = ["gates"] },', ""),
        ('protections = ["gates"]', 'protections = ["fence"]'),
        ('protections = ["gates"]', "protections = []"),
        ('class = "A", protections', 'class = "A", sight = true, protections'),
        ('id = "B"\nany', 'id = "A"\nany'),
        ("narrow_from = 2.0", "narrow_from = 0"),
        ('remove_by = "2020-12-31"', 'remove_by = "soon"'),
        ('[[self_opened]]\nid = "s1"', '[[self_opened]]\nid = "s1"\nenabled = false'),
        ('[[self_opened]]\nid = "s1"', '[[self_opened]]\nid = "s1"\nvalid_from = "2024-13-01"'),
        ('jurisdiction = "XX"', 'jurisdiction = "XX"\nfees = 3'),
        ('citation = "p"', ""),
    ],
)
def test_a_rule_file_that_makes_no_sense_is_refused(tmp_path: Path, old: str, new: str) -> None:
    assert old in ABROAD
    with pytest.raises(BlackspotsError) as refusal:
        own(tmp_path, ABROAD.replace(old, new))
    assert refusal.value.code == "bad-crossing-rules"
    assert refusal.value.fields["file"] == "own.toml"


def test_two_versions_of_one_day_are_refused(tmp_path: Path) -> None:
    again = ABROAD[ABROAD.index("[[self_opened]]") :].replace('"s1"', '"s2"')
    with pytest.raises(BlackspotsError) as refusal:
        own(tmp_path, ABROAD + again)
    assert refusal.value.fields["problem"] == "self_opened.s1, self_opened.s2"


def test_a_file_that_is_disabled_as_a_whole_is_refused_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(BlackspotsError) as refusal:
        own(tmp_path, 'enabled = false\ndisabled_because = "no text"\n' + ABROAD)
    assert (refusal.value.code, refusal.value.fields["why"]) == ("rules-disabled", "no text")


def test_a_range_of_trains_counts_like_one_of_vehicles() -> None:
    index = pd.Index(["X0", "X1", "X2"], name="crossing_id")
    frame = gpd.GeoDataFrame(
        {
            "kind": ["official"] * 3,
            "urban": [True] * 3,
            "road_class": ["street"] * 3,
            "aadt": [1000.0] * 3,
            "trains": [4.0, np.nan, 6.0],
            "railway": ["A"] * 3,
            "km": [1.0, 2.0, 3.0],
        },
        index=index,
        geometry=[None] * 3,
    )
    made = protect(frame, traffic_of(frame), VN)
    assert made["crossing_class"].where(made["crossing_class"].notna(), None).tolist() == [
        "III",
        None,
        "II",
    ]
    assert made["rule_reason"].iloc[1].startswith("class-uncertain:II/III;needs-trains")
