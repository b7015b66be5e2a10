"""Level crossings on the page: what gets in, and their view in a real browser, offline."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from map_fixture import HOSTILE, build, with_register

from blackspots import labels
from blackspots.maps import MapData, page_html
from blackspots.maps.data import payload
from blackspots.maps.encode import significant
from blackspots.maps.railway import (
    CLOSURE_COLUMNS,
    FOUND_COLUMNS,
    REGISTER_COLUMNS,
    rail_payload,
)
from blackspots.schema import CLOSURES, CROSSING_REGISTER, FOUND_CROSSINGS, check


@pytest.fixture(scope="module")
def data() -> MapData:
    return with_register(build(sites=30, crashes=300, projects=30))


def names_of(column: dict[str, Any]) -> list[str]:
    rest = column["rest"]
    return [column["start"] + name for name in (rest.split("|") if "|" in rest else rest)]


def text_in(page: Any) -> str:
    return str(page.locator("#sheet").inner_text())


def hash_of(page: Any) -> dict[str, str]:
    return dict(re.findall(r"(\w+)=([^&]*)", page.evaluate("location.hash")))


def ranked(data: MapData) -> Any:
    assert data.register is not None
    return data.register.sort_values(["rank", "line", "measure"], kind="stable", na_position="last")


def cells(page: Any, name: str) -> list[str]:
    return [text.strip() for text in page.locator(f"#rail-rows .c-{name}").all_inner_texts()]


# --- The payload ------------------------------------------------------------------------


def test_the_fixture_keeps_to_the_tables(data: MapData) -> None:
    assert data.register is not None
    assert data.found is not None
    assert data.closures is not None
    check(data.register, CROSSING_REGISTER)
    check(data.found, FOUND_CROSSINGS)
    check(data.closures, CLOSURES)


def test_every_column_of_the_page_is_one_of_the_tables() -> None:
    tables = (
        (REGISTER_COLUMNS, CROSSING_REGISTER, set()),
        (FOUND_COLUMNS, FOUND_CROSSINGS, {"area"}),
        (CLOSURE_COLUMNS, CLOSURES, set()),
    )
    for wanted, table, own in tables:
        assert set(wanted) - {column.name for column in table.columns} == own


def test_every_listed_crossing_enters_once_in_the_order_of_rank(data: MapData) -> None:
    found = payload(data)["rail"]["register"]
    assert names_of(found["id"]) == [str(row) for row in ranked(data).index]
    assert {len(found[name]) for name in ("x", "y", "rank", "accidents", "km")} == {
        len(ranked(data))
    }


def test_only_candidates_and_reviews_of_the_found_enter(data: MapData) -> None:
    assert data.found is not None
    found = payload(data)["rail"]["found"]
    assert set(found["status"]["words"]) == {"candidate", "review"}
    shown = data.found["status"].isin(["candidate", "review"])
    assert len(found["x"]) == int(shown.sum()) < len(data.found)


def test_a_candidate_has_the_area_it_lies_in(data: MapData) -> None:
    assert data.found is not None
    assert data.areas is not None
    found = payload(data)["rail"]["found"]
    point = data.found.loc[names_of(found["id"])[0]].geometry
    name = data.areas.loc[data.areas.contains(point), "name"].iloc[0]
    at = found["area"]["at"]
    first = at[0] if isinstance(at, list) else int(at[0], 36)
    assert found["area"]["words"][first] == name


def test_closures_name_crossings_by_their_row(data: MapData) -> None:
    assert data.closures is not None
    rail = payload(data)["rail"]
    ids = names_of(rail["register"]["id"])
    for row, name in enumerate(names_of(rail["closures"]["id"])):
        closure = data.closures.loc[name]
        assert [ids[at] for at in rail["closures"]["closed"][row]] == closure["closed"].split(";")
        assert ids[rail["closures"]["from"][row]] == closure["from_crossing"]


def test_crashes_at_and_before_a_crossing_are_told_apart(data: MapData) -> None:
    assert data.register is not None
    links = payload(data)["rail"]["crashes"]
    queued = [letter == "1" for letter in links["queue"]]
    assert len(links["at"]) == len(links["crash"]) == len(queued)
    assert queued.count(False) == int(data.register["crashes"].sum()) > 0
    assert queued.count(True) == int(data.register["queue_crashes"].sum()) > 0


def test_unknown_stays_unknown(data: MapData) -> None:
    register = payload(data)["rail"]["register"]
    assert set(register["walkers"]) == {"-"}
    assert "-" in register["complies"]
    assert None in register["accidents"]
    assert None in register["km"]


def test_small_rates_keep_their_figures() -> None:
    values = pd.Series([0.0012345, 12.0, None, 1234567.0, float("inf")], dtype="Float64")
    assert significant(values, 3) == [0.00123, 12, None, 1230000, None]


def test_other_columns_stay_out(data: MapData) -> None:
    private = "Nguyễn Văn Bí Mật"
    frames: dict[str, Any] = {
        name: getattr(data, name).assign(keeper=private)
        for name in ("register", "found", "closures")
    }
    assert private not in page_html(replace(data, **frames))


def test_without_register_the_crossings_stay_points_of_the_background() -> None:
    plain = build(sites=6, crashes=40, projects=6)
    before = payload(plain)
    assert before["rail"] is None
    assert plain.crossings is not None
    assert len(before["crossings"]["x"]) == len(plain.crossings)
    assert not [key for key in before["labels"]["en"] if key.startswith("page.rail.")]
    after = payload(with_register(plain))
    assert after["crossings"]["x"] == []
    for part in ("sites", "projects", "roads", "railways", "areas", "places"):
        assert after[part] == before[part]


def test_candidates_without_a_register_are_shown(data: MapData) -> None:
    rail = payload(replace(data, register=None, closures=None))["rail"]
    assert len(rail["found"]["x"]) > 0
    assert rail["register"]["x"] == []


def test_no_crossing_at_all_makes_a_page(data: MapData) -> None:
    assert data.register is not None
    assert data.found is not None
    assert data.closures is not None
    none = replace(
        data, register=data.register.iloc[:0], found=data.found.iloc[:0],
        closures=data.closures.iloc[:0],
    )  # fmt: skip
    assert "application/json" in page_html(none)


def test_crossings_without_a_place_are_kept() -> None:
    lost = gpd.GeoDataFrame(
        {"kind": ["official", "official"]},
        index=pd.Index(["a", "b"], name="crossing_id"),
        geometry=[None, None],
        crs="EPSG:9215",
    )
    crashes = gpd.GeoDataFrame({"place": []}, geometry=[], crs="EPSG:9215")
    rail = rail_payload(lost, None, None, placed=crashes)
    assert rail is not None
    assert rail["register"]["x"] == [None, None]


def test_every_code_of_the_railway_has_words_in_both_languages(data: MapData) -> None:
    wanted = {"crossing-kind": {"official", "self-opened", "unknown", "candidate", "review"}}
    wanted["protection"] = {"none", "signs", "lights", "gates", "guarded"}
    wanted["found-outcome"] = {"crossing", "facing", "review", "apart"}
    found = payload(data)
    for language in labels.LANGUAGES:
        texts = found["labels"][language]
        for group, codes in wanted.items():
            for code in codes:
                assert texts.get(f"{group}.{code}") or texts[f"page.{group}.{code}"]
        for group in ("rule-reason", "rate-reason", "found-reason", "vehicles-from"):
            assert [key for key in texts if key.startswith(f"{group}.")], group
    own = [text for key, text in labels.texts("en").items() if key.startswith("page.")]
    assert "illegal" not in " ".join(own)


def test_seven_thousand_crossings_stay_small(data: MapData) -> None:
    register = ranked(data)
    many = pd.concat([register] * 80, ignore_index=True).iloc[:7000]
    many.index = pd.Index([f"x{i:05d}" for i in range(len(many))], name="crossing_id")
    with_all = len(page_html(replace(data, register=many, found=None, closures=None)).encode())
    none = replace(data, register=many.iloc[:0], found=None, closures=None)
    assert (with_all - len(page_html(none).encode())) / len(many) < 220


# --- In the browser ---------------------------------------------------------------------


@pytest.mark.browser
def test_without_register_there_is_no_tab(open_page: Callable[..., Any]) -> None:
    page = open_page(build(sites=6, crashes=40, projects=6), "#l=en&t=crossings&x=cros-0001").page
    assert not page.locator("#tab-crossings").is_visible()
    assert page.locator("#tab-ranking").inner_text() == "Ranking"
    assert page.locator("#rows tr").count() == 6
    page.locator("#tab-ranking").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#tab-programme").get_attribute("aria-selected") == "true"


@pytest.mark.browser
def test_the_tab_lists_every_crossing_and_candidate(
    open_page: Callable[..., Any], data: MapData
) -> None:
    page = open_page(data, "#l=en").page
    page.locator("#tab-crossings").click()
    register = ranked(data)
    shown = payload(data)["rail"]
    total = len(register) + len(shown["found"]["x"])
    assert f"of {total}" in page.locator("#rail-page-text").inner_text()
    assert page.locator("#rail-rows tr").count() == 100
    assert page.locator("#rail-rows .first").first.inner_text() == register["name"].iloc[0]
    assert f"{len(register)} level crossings" in page.locator("#summary").inner_text()
    assert page.locator("#rank-by").inner_text() == "Ranked by: US DOT with accident history"


@pytest.mark.browser
def test_a_row_opens_the_sheet_and_centres_the_map(
    open_page: Callable[..., Any], data: MapData
) -> None:
    page = open_page(data, "#l=en&t=crossings").page
    row = ranked(data).iloc[2]
    page.locator("#rail-rows tr").nth(2).click()
    assert page.locator("#sheet-title").inner_text() == row["name"]
    assert page.locator("#sheet .big b").all_inner_texts() == [
        str(row[name]) for name in ("crashes", "deaths", "injured")
    ]
    text = text_in(page)
    assert f"3 ({row['rank_low']}–{row['rank_high']}) of" in text
    assert "US DOT with accident history" in text
    assert row["area"] in text
    at = gpd.GeoSeries([row["geometry"]], crs="EPSG:9215").to_crs(4326).iloc[0]
    y = page.evaluate("(at) => map_blackspots.latLngToContainerPoint(at).y", [at.y, at.x])
    assert abs(y - page.evaluate("map_blackspots.getSize().y") / 2) < 3
    assert hash_of(page)["x"] == ranked(data).index[2]
    page.keyboard.press("Escape")
    assert not page.locator("#sheet").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("tab", ["ranking", "crossings"])
def test_a_click_on_the_symbol_opens_the_sheet(
    open_page: Callable[..., Any], data: MapData, tab: str
) -> None:
    page = open_page(replace(data, sites=data.sites.iloc[:0]), f"#l=en&t={tab}").page
    row = ranked(data).iloc[40]
    at = gpd.GeoSeries([row["geometry"]], crs="EPSG:9215").to_crs(4326).iloc[0]
    page.evaluate("(at) => map_blackspots.setView(at, 17, { animate: false })", [at.y, at.x])
    box = page.locator(".folium-map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#rail-rows tr.is-chosen")
    assert page.locator("#sheet-title").inner_text() == row["name"]
    assert page.locator("#tab-crossings").get_attribute("aria-selected") == "true"


@pytest.mark.browser
def test_the_address_keeps_the_selection_and_the_filters(
    open_page: Callable[..., Any], data: MapData
) -> None:
    page = open_page(data, "#l=en&t=crossings").page
    page.locator("#rail-line").select_option("Mai Pha - Na Dương")
    page.locator("[data-type=official]").click()
    page.locator("[data-rail-sort=vehicles]").click()
    page.locator("#search").fill("km")
    page.locator("#rail-rows tr").nth(1).click()
    page.wait_for_timeout(50)
    kept, name = page.evaluate("location.hash"), page.locator("#sheet-title").inner_text()
    rows = cells(page, "place")
    again = open_page(data, kept).page
    assert again.locator("#sheet-title").inner_text() == name
    assert cells(again, "place") == rows
    assert again.locator("#search").input_value() == "km"
    assert again.locator("[data-type=official]").get_attribute("aria-pressed") == "false"
    assert again.evaluate("location.hash") == kept


@pytest.mark.browser
def test_filters_by_line_kind_and_compliance(open_page: Callable[..., Any], data: MapData) -> None:
    register = ranked(data)
    page = open_page(data, "#l=en&t=crossings").page
    rows = page.locator("#rail-rows tr")
    page.locator("#rail-line").select_option("Mai Pha - Na Dương")
    for kind in ("candidate", "review", "self-opened", "unknown"):
        page.locator(f"[data-type={kind}]").click()
    wanted = (register["line"] == "Mai Pha - Na Dương") & (register["kind"] == "official")
    assert rows.count() == int(wanted.sum()) > 0
    page.locator("#rail-complies").select_option("no")
    failing = wanted & ~register["complies"].fillna(True)
    assert rows.count() == int(failing.sum())
    page.locator("#filters-clear").click()
    assert rows.count() == 100
    page.locator("#rail-complies").select_option("no")
    assert rows.count() == int((~register["complies"].fillna(True)).sum()) > 0


@pytest.mark.browser
def test_the_filters_of_one_tab_leave_the_other_alone(
    open_page: Callable[..., Any], data: MapData
) -> None:
    page = open_page(data, "#l=en&t=crossings").page
    page.locator("#search").fill("no such place")
    assert page.locator("#rail-nothing").inner_text() == "No crossing matches the filters."
    page.locator("#tab-ranking").click()
    assert page.locator("#search").input_value() == ""
    assert page.locator("#rows tr").count() == len(data.sites)
    assert not page.locator("#filters-clear").is_visible()
    assert page.locator("#kinds").is_visible()
    assert not page.locator("#rail-types").is_visible()


@pytest.mark.browser
def test_sorting_puts_the_unknown_last(open_page: Callable[..., Any], data: MapData) -> None:
    page = open_page(data, "#l=en&t=crossings&rk=official,self-opened,unknown").page
    for _ in range(2):
        page.locator("[data-rail-sort=trains]").click()
        trains = cells(page, "trains")
        known = [float(text) for text in trains if text != "–"]
        assert trains[: len(known)] == [text for text in trains if text != "–"]
        assert known in (sorted(known), sorted(known, reverse=True))
    assert trains[-1] == "–"
    page.locator("[data-rail-sort=name]").click()
    km = [float(a) + float(b) / 1000 for a, b in re.findall(r"Km(\d+)\+(\d+) · Hà Nội",
          " ".join(cells(page, "place")))]  # fmt: skip
    assert km == sorted(km)


@pytest.mark.browser
def test_a_candidate_is_to_be_verified(open_page: Callable[..., Any], data: MapData) -> None:
    page = open_page(data, "#l=en&t=crossings&rk=candidate").page
    page.locator("#rail-rows tr").first.click()
    text = text_in(page)
    assert "To be verified in the field" in text
    assert "Confidence" in text
    assert "illegal" not in text
    assert "%" in page.locator("#rail-rows .c-kind .second").first.inner_text()
    assert set(cells(page, "guard")) == {"–"}


@pytest.mark.browser
def test_ways_to_close_a_group_are_listed_and_drawn(
    open_page: Callable[..., Any], data: MapData
) -> None:
    assert data.closures is not None
    best = data.closures[data.closures["best"]].iloc[0]
    closed = best["closed"].split(";")[0]
    page = open_page(data, f"#l=en&t=crossings&x={closed}").page
    page.locator("#sheet .draw").first.click()
    options = data.closures[data.closures["group_id"] == best["group_id"]]
    assert page.locator("#sheet li.job").count() == len(options)
    assert page.locator("#sheet li.is-drawn .pill").inner_text() == "Best"
    assert "is closed" in page.locator("#sheet li.is-drawn").inner_text()
    metres = f"{round(best['service_road']):,} m"
    assert metres in page.locator("#sheet li.is-drawn").inner_text()
    assert hash_of(page)["c"] == best.name
    page.locator("#sheet .draw[aria-pressed=true]").click()
    assert page.locator("#sheet li.is-drawn").count() == 0
    assert "c" not in hash_of(page)


@pytest.mark.browser
def test_the_language_changes_table_sheet_and_filters(
    open_page: Callable[..., Any], data: MapData
) -> None:
    page = open_page(data, "#l=en&t=crossings").page
    page.locator("#rail-rows tr").first.click()
    assert "Class and protection" in text_in(page)
    page.locator("[data-language=vi]").click()
    assert "Cấp và phòng vệ" in text_in(page)
    assert page.locator("#tab-crossings").inner_text() == "Giao cắt đường sắt"
    assert page.locator("#tab-ranking").inner_text() == "Điểm đen"
    assert "giao cắt đường sắt" in page.locator("#summary").inner_text()
    assert page.locator("[data-type=self-opened]").inner_text() == "Tự mở"
    shown = page.locator("body").inner_text()
    assert not re.search(r"\brail\.[a-z-]+|rule-reason|needs:|assumed:|levels-unknown", shown)


@pytest.mark.browser
def test_the_layer_is_switched_off_and_on(open_page: Callable[..., Any], data: MapData) -> None:
    page = open_page(data, "#l=en&t=crossings").page
    page.locator("#legend summary").click()
    drawn = "() => document.querySelector('canvas.scene').toDataURL().length"
    before = page.evaluate(drawn)
    page.locator("#rail-layer").uncheck()
    assert page.evaluate(drawn) != before
    assert hash_of(page)["rx"] == "0"
    page.locator("#rail-layer").check()
    assert page.evaluate(drawn) == before
    assert "rx" not in hash_of(page)


@pytest.mark.browser
def test_everything_by_keyboard(open_page: Callable[..., Any], data: MapData) -> None:
    page = open_page(data, "#l=en").page
    page.locator("#tab-ranking").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-crossings"
    page.locator("#rail-rows tr").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "sheet-title"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.crossing") == "1"


@pytest.mark.browser
def test_hostile_names_are_shown_as_they_are(open_page: Callable[..., Any], data: MapData) -> None:
    def poisoned(frame: Any, skip: set[str]) -> Any:
        frame = frame.copy()
        for name in frame.columns:
            if name not in skip | {"geometry"} and frame[name].dtype in ("object", "string", "str"):
                frame[name] = [HOSTILE[row % len(HOSTILE)] for row in range(len(frame))]
        return frame

    assert data.register is not None
    register = poisoned(data.register, set())
    names = {old: f"{HOSTILE[i % 12]} {i}" for i, old in enumerate(register.index)}
    register.index = register.index.map(names)
    assert data.closures is not None
    closures = poisoned(data.closures, {"from_crossing", "to_crossing", "closed", "kept"})
    for name in ("from_crossing", "to_crossing"):
        closures[name] = closures[name].map(names)
    closures["closed"] = [
        ";".join(names[one] for one in text.split(";") if ";" not in names[one]) or pd.NA
        for text in closures["closed"]
    ]
    found = poisoned(data.found, {"status", "outcome"})
    page = open_page(
        replace(data, register=register, closures=closures, found=found, rating=" ".join(HOSTILE)),
        "#l=en&t=crossings&v=21.8,106.7,12",
    ).page
    shown = " ".join(cells(page, "place")).replace("\u2028", "")
    for text in HOSTILE:
        assert text.replace("\u2028", "") in shown, text
    for row in range(len(HOSTILE)):
        page.locator("#rail-rows tr").nth(row).click()
    page.locator("#search").fill("levels")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("window.__pwned") is None
    assert page.locator("img, iframe, object, embed").count() == 0


@pytest.mark.browser
def test_csv_holds_the_crossings_that_are_filtered(
    open_page: Callable[..., Any], data: MapData
) -> None:
    page = open_page(data, "#l=en&t=crossings&rk=official").page
    with page.expect_download() as download:
        page.locator("#csv").click()
    assert download.value.suggested_filename == "crossings-en.csv"
    rows = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert len({len(row) for row in rows}) == 1
    official = ranked(data)[ranked(data)["kind"] == "official"]
    assert [row[3] for row in rows[1:]] == list(official.index)


@pytest.mark.browser
def test_paper_holds_map_and_twenty_crossings_on_the_first_page(
    open_page: Callable[..., Any], data: MapData
) -> None:
    page = open_page(data, "#l=vi&t=crossings").page
    page.set_viewport_size({"width": 703, "height": 1032})
    page.emulate_media(media="print", color_scheme="light")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".paper-table tbody tr").count() == 20
    bottom = "document.querySelector('.paper-table').getBoundingClientRect().bottom"
    assert page.evaluate(bottom) < 1032


@pytest.mark.browser
def test_usable_on_a_phone(open_page: Callable[..., Any], data: MapData) -> None:
    page = open_page(
        data, "#l=vi&t=crossings", viewport={"width": 390, "height": 844}, has_touch=True
    ).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#filters-open").click()
    assert page.locator("#rail-types").is_visible()
    page.locator("#filters-open").click()
    page.locator("#rail-rows tr").first.click()
    assert page.locator("#sheet").bounding_box()["width"] == 390


@pytest.mark.browser
def test_colours_of_the_ranks_keep_their_order_without_hue(
    open_page: Callable[..., Any], data: MapData
) -> None:
    for scheme, order in (("light", 1), ("dark", -1)):
        page = open_page(data, "#l=en&t=crossings", color_scheme=scheme).page
        light = page.evaluate(
            """() => {
              const style = getComputedStyle(document.documentElement);
              const light = (name) => {
                const hex = style.getPropertyValue(name).trim().slice(1, 7);
                const [r, g, b] = [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
                  .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              return ['high', 'middle', 'low', 'unrated'].map((risk) => {
                const [fill, ink] = [light('--c-risk-' + risk), light('--c-risk-' + risk + '-ink')];
                return [fill, (Math.max(fill, ink) + 0.05) / (Math.min(fill, ink) + 0.05)];
              });
            }"""
        )
        fills = [fill * order for fill, _ in light[:3]]
        assert fills == sorted(fills)
        assert all(
            (max(a, b) + 0.05) / (min(a, b) + 0.05) >= 1.6 for (a, _), (b, _) in pairwise(light[:3])
        )
        assert min(contrast for _, contrast in light) >= 4.5, scheme
