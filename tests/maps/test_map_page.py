"""The page in a real browser, offline."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from map_fixture import HOSTILE, build
from shapely.geometry import Point

from blackspots.maps import MapData

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def data() -> MapData:
    return build()


def column(page: Any, name: str) -> list[str]:
    return [text.strip() for text in page.locator(f"#rows .c-{name}").all_inner_texts()]


def chosen(page: Any) -> int:
    return int(page.locator("#rows tr.is-chosen").get_attribute("data-site"))


def hash_of(page: Any) -> dict[str, str]:
    text = page.evaluate("location.hash")
    return dict(re.findall(r"(\w+)=([^&]*)", text))


def poisoned(data: MapData) -> MapData:
    """The data with a hostile text in every text column of every table."""

    def all_of(frame: Any, skip: tuple[str, ...] = ()) -> Any:
        frame = frame.copy()
        for name in frame.columns:
            text = name != "geometry" and frame[name].dtype in ("object", "string", "str")
            if text and name not in skip:
                frame[name] = [HOSTILE[row % len(HOSTILE)] for row in range(len(frame))]
        return frame

    every = " ".join(HOSTILE)
    assert data.areas is not None and data.places is not None and data.crossings is not None
    sites = all_of(data.sites, ("kind", "verdict", "window_crashes"))
    crashes = all_of(data.crashes, ("severity", "place"))
    crashes.index = pd.Index(
        [f"{HOSTILE[i % 12]} {i}" for i in range(len(crashes))], name="crash_id"
    )
    return replace(
        data, title=every, definition=every, rank_by=every, notes=(every,), sources=(every,),
        sites=sites, crashes=crashes, projects=all_of(data.projects, ("source", "site_id")),
        segments=all_of(data.segments), areas=all_of(data.areas), places=all_of(data.places),
        crossings=all_of(data.crossings), currency=every,
    )  # fmt: skip


def test_hostile_texts_show_as_they_are_and_run_nothing(open_page: Callable[..., Any]) -> None:
    data = poisoned(build(sites=24, crashes=200, projects=24))
    page = open_page(data).page
    labels = set(column(page, "place"))
    shown = " ".join(labels)
    for text in HOSTILE:
        assert text.replace("\u2028", "") in shown.replace("\u2028", ""), text
    assert "49" not in re.sub(r"\d{3,}", "", page.title())
    assert "{{7*7}}" in page.title() and "<img src=x" in page.title()
    for row in range(len(HOSTILE)):
        page.locator("#rows tr").nth(row).click()
    page.locator("#tab-programme").click()
    page.locator("#notes-open").click()
    assert "{{7*7}}" in page.locator("#notes").inner_text()
    page.keyboard.press("Escape")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("window.__pwned") is None
    assert page.locator("img, iframe, object, embed").count() == 0


def test_policy_stops_a_foreign_script(open_page: Callable[..., Any], data: MapData) -> None:
    watched = open_page(data)
    watched.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.__pwned = 1';"
        " document.body.append(s); }"
    )
    assert watched.page.evaluate("window.__pwned") is None
    assert any("Content Security Policy" in text for text in watched.complaints)
    watched.complaints.clear()


def test_row_click_centres_the_map_and_opens_the_sheet(
    open_page: Callable[..., Any], data: MapData
) -> None:
    page = open_page(data).page
    page.locator("#rows tr").nth(4).click()
    assert page.locator("#sheet").is_visible()
    label = page.locator("#rows tr").nth(4).locator(".first").inner_text()
    assert page.locator("#sheet-title").inner_text() == label
    site = page.evaluate("JSON.parse(document.getElementById('page-data').textContent).sites")
    lat, lon = site["y"][4] / 1e5, site["x"][4] / 1e5
    x, y = page.evaluate(
        "(at) => { const p = map_blackspots.latLngToContainerPoint(at); return [p.x, p.y]; }",
        [lat, lon],
    )
    width, height = page.evaluate("[map_blackspots.getSize().x, map_blackspots.getSize().y]")
    sheet = page.locator("#sheet").bounding_box()["width"]
    assert 0 < x < width - sheet
    assert abs(y - height / 2) < 3


def test_map_click_scrolls_to_the_row_and_opens_the_sheet(
    open_page: Callable[..., Any], data: MapData
) -> None:
    page = open_page(data).page
    sites = page.evaluate("JSON.parse(document.getElementById('page-data').textContent).sites")
    row = 45
    page.evaluate(
        "([lat, lon]) => map_blackspots.setView([lat, lon], 13, { animate: false })",
        [sites["y"][row] / 1e5, sites["x"][row] / 1e5],
    )
    box = page.locator(".folium-map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#rows tr.is-chosen")
    assert chosen(page) == row
    assert page.locator("#sheet").is_visible()
    line, frame = (
        page.locator("#rows tr.is-chosen").bounding_box(),
        page.locator("#ranking").bounding_box(),
    )
    assert (
        frame["y"] <= line["y"] and line["y"] + line["height"] <= frame["y"] + frame["height"] + 1
    )
    page.keyboard.press("Escape")
    assert not page.locator("#sheet").is_visible()


def test_everything_by_keyboard(open_page: Callable[..., Any], data: MapData) -> None:
    page = open_page(data).page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert chosen(page) == 2
    assert page.evaluate("document.activeElement.id") == "sheet-title"
    page.keyboard.press("Escape")
    assert not page.locator("#sheet").is_visible()
    assert page.evaluate("document.activeElement.dataset.site") == "2"
    page.locator("[data-sort=crashes]").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.sort") == "crashes"
    page.locator("#tab-ranking").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#programme").is_visible()
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, select, input, summary')].filter((node) =>"
        " !node.closest('[hidden]') && !(node.getAttribute('aria-label') || node.textContent.trim()"
        " || node.labels && node.labels.length)).map((node) => node.outerHTML)"
    )
    assert nameless == []


def test_language_switch(open_page: Callable[..., Any], data: MapData) -> None:
    page = open_page(data).page
    assert page.evaluate("document.documentElement.lang") == "vi"
    assert "triệu đồng" in page.locator("#summary").inner_text()
    assert column(page, "expected")[0].split("\n")[0].count(",") == 1
    page.locator("[data-language=en]").click()
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title() == "Road black spots in Lạng Sơn"
    assert "million VND" in page.locator("#summary").inner_text()
    assert column(page, "expected")[0].split("\n")[0].count(".") == 1
    assert hash_of(page)["l"] == "en"


def test_summary_reconciles(open_page: Callable[..., Any], data: MapData) -> None:
    page = open_page(data, "#l=en").page
    text = page.locator("#summary").inner_text().replace(",", "")
    read, placed, unplaced, rejected = map(int, re.search(
        r"(\d+) crashes read = (\d+) placed \+ (\d+) unplaced \+ (\d+) rejected", text
    ).groups())  # type: ignore[union-attr]  # fmt: skip
    assert (read, placed, unplaced) == (data.read, data.placed, data.unplaced)
    assert read == placed + unplaced + rejected
    spent, budget = map(int, re.search(r"(\d+) of (\d+) million", text).groups())  # type: ignore[union-attr]
    assert spent <= budget
    funded = data.projects[data.projects["funded"].astype(bool)]
    assert spent == round(funded["cost"].sum() / 1e6)


def test_sorting(open_page: Callable[..., Any], data: MapData) -> None:
    page = open_page(data, "#l=en").page
    page.locator("[data-sort=crashes]").click()
    crashes = [int(text) for text in column(page, "crashes")]
    assert crashes == sorted(crashes, reverse=True)
    assert page.locator("th.c-crashes").get_attribute("aria-sort") == "descending"
    page.locator("[data-sort=crashes]").click()
    assert [int(text) for text in column(page, "crashes")] == sorted(crashes)


def test_filters(open_page: Callable[..., Any], data: MapData) -> None:
    page = open_page(data, "#l=en").page
    rows = page.locator("#rows tr")
    assert rows.count() == 60
    page.locator("#kinds summary").click()
    for kind in ("junction", "crossing", "area"):
        page.locator(f"#kinds input[value={kind}]").uncheck()
    page.keyboard.press("Escape")
    assert rows.count() == int((data.sites["kind"] == "segment").sum())
    page.locator("#search").fill("ql1a")
    wanted = data.sites[
        (data.sites["kind"] == "segment") & data.sites["label"].str.contains("QL1A")
    ]
    assert rows.count() == len(wanted)
    page.locator("#filters-clear").click()
    page.locator("#area").select_option("Lộc Bình")
    assert rows.count() == int((data.sites["area"] == "Lộc Bình").sum())
    page.locator("#area").select_option("")
    before = sum(int(text) for text in column(page, "crashes"))
    for severity in ("serious", "slight", "injury", "pdo", "unknown"):
        page.locator(f"[data-severity={severity}]").click()
    assert sum(int(text) for text in column(page, "crashes")) < before
    assert "fatal" in page.locator("#summary").inner_text()
    page.locator("#year-from").select_option("2024")
    assert hash_of(page)["y"] == "2024-2024"
    assert hash_of(page)["sev"] == "fatal"


def test_hash_restores_everything(open_page: Callable[..., Any], data: MapData) -> None:
    page = open_page(data, "#l=en").page
    page.locator("[data-severity=pdo]").click()
    page.locator("#area").select_option("Lộc Bình")
    page.locator("[data-sort=expected]").click()
    page.locator("#rows tr").nth(1).click()
    page.wait_for_timeout(50)
    kept, label = page.evaluate("location.hash"), page.locator("#sheet-title").inner_text()
    view = page.evaluate("[map_blackspots.getCenter().lat, map_blackspots.getZoom()]")
    rows = column(page, "place")
    again = open_page(data, kept).page
    assert again.locator("#sheet-title").inner_text() == label
    assert column(again, "place") == rows
    assert again.locator("#area").input_value() == "Lộc Bình"
    assert again.locator("[data-severity=pdo]").get_attribute("aria-pressed") == "false"
    back = again.evaluate("[map_blackspots.getCenter().lat, map_blackspots.getZoom()]")
    assert back == pytest.approx(view, abs=0.01)
    assert again.evaluate("location.hash") == kept


@pytest.mark.parametrize(
    "anchor", ["#s=none&v=1,2&o=%3Cb%3E&y=9-9&n=-4", "#v=a,b,c&l=xx&t=zz", "#%%%"]
)
def test_a_spoilt_hash_does_no_harm(
    open_page: Callable[..., Any], data: MapData, anchor: str
) -> None:
    assert open_page(data, anchor).page.locator("#rows tr").count() == 60


def test_a_site_beyond_the_first_hundred_is_found(open_page: Callable[..., Any]) -> None:
    data = build(sites=230, crashes=600, projects=20)
    page = open_page(data, "#l=en&s=site-0215").page
    assert chosen(page) == 214
    assert page.locator("#rows tr").count() == 30
    assert "201–230 of 230" in page.locator("#page-text").inner_text()


def test_evidence_sheet_tells_what_is_unknown(open_page: Callable[..., Any]) -> None:
    data = build(sites=6, crashes=80, projects=6)
    crashes = data.crashes.assign(
        severity="unknown", hour=pd.array([pd.NA] * len(data.crashes), "Int64")
    )
    nobody = pd.array([pd.NA] * 6, "Int64")
    none = dict.fromkeys(("fatal", "serious", "slight", "injury", "pdo"), 0)
    sites = data.sites.assign(
        verdict="undetermined", deaths=nobody, injured=nobody, unknown=data.sites["crashes"], **none
    )
    page = open_page(replace(data, crashes=crashes, sites=sites), "#l=en").page
    assert column(page, "deaths") == ["–"] * 6
    assert page.locator("#rows .c-deaths .unknown").first.get_attribute("title") == "unknown"
    page.locator("#rows tr").first.click()
    text = page.locator("#sheet").inner_text()
    count = int(data.sites["crashes"].iloc[0])
    assert f"{count} crashes of unknown severity" in text
    assert f"{count} crashes of unknown hour" in text


def test_evidence_sheet_of_a_black_spot(open_page: Callable[..., Any], data: MapData) -> None:
    site = data.sites[data.sites["verdict"] == "black-spot"].index[0]
    page = open_page(data, f"#l=en&s={site}").page
    text = page.locator("#sheet").inner_text()
    assert "01/03/2022 – 28/02/2023" in text
    assert "2 crashes in it" in text
    assert page.locator("#sheet .in-window").count() == 2
    row = data.sites.loc[site]
    assert page.locator("#sheet .big b").all_inner_texts() == [
        str(row[name]) for name in ("crashes", "deaths", "injured")
    ]
    works = int((data.projects["site_id"] == site).sum())
    assert page.locator("#sheet li.job").count() == works


def test_places_without_geometry(open_page: Callable[..., Any]) -> None:
    data = build(sites=5, crashes=30, projects=20)
    projects, sites = data.projects.copy(), data.sites.copy()
    projects.geometry = [None, Point(), *projects.geometry[2:-1], Point()]
    sites.geometry = [None, Point(), *sites.geometry[2:]]
    page = open_page(replace(data, projects=projects, sites=sites), "#l=en").page
    for row in range(2):
        page.locator("#rows tr").nth(row).click()
        assert page.locator("#sheet").is_visible()
    page.locator("#tab-programme").click()
    page.locator("#programme tr[data-project='19']").click()


def test_without_budget(open_page: Callable[..., Any]) -> None:
    data = build(sites=10, crashes=60, projects=10)
    nothing = {
        name: pd.array([pd.NA] * len(data.projects), "Float64")
        for name in ("cost", "benefit", "npv", "bcr")
    }
    projects = data.projects.assign(funded=False, why="no-budget", **nothing)
    sites = data.sites.assign(funded=pd.array([pd.NA] * len(data.sites), "boolean"))
    page = open_page(replace(data, projects=projects, sites=sites, budget=None), "#l=en").page
    assert "no budget given" in page.locator("#summary").inner_text()
    assert set(column(page, "cost")) == {"–"} == set(column(page, "bcr"))
    page.locator("#tab-programme").click()
    assert page.locator("#programme tr[data-project]").count() == 10


def test_programme_lists_every_work_once(open_page: Callable[..., Any], data: MapData) -> None:
    page = open_page(data, "#l=en&t=programme").page
    assert page.locator("#programme tr[data-project]").count() == len(data.projects)
    funded = int(data.projects["funded"].sum())
    assert page.locator("#programme tr.is-funded").count() == funded
    page.locator("#programme tr[data-project='0']").click()
    assert page.locator("#sheet").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#programme tr.is-chosen").count() == 0
    off = data.projects[data.projects["site_id"].isna()].index
    row = list(data.projects.index).index(off[0])
    page.locator(f"#programme tr[data-project='{row}']").click()
    assert hash_of(page)["p"] == off[0]
    assert not page.locator("#sheet").is_visible()


@pytest.mark.parametrize("bare", [False, True])
def test_without_sites(open_page: Callable[..., Any], bare: bool) -> None:
    data = build(sites=0, crashes=30, projects=0)
    if bare:
        bare_of = dict.fromkeys(("areas", "boundary", "railways", "crossings", "places"))
        none, roads = data.crashes.iloc[:0], data.segments.iloc[:0]
        data = replace(data, crashes=none, segments=roads, **bare_of)
    page = open_page(data, "#l=en").page
    assert page.locator("#nothing").inner_text() == "No site was ranked in these data."
    page.locator("#tab-programme").click()
    page.locator("#csv").click()


@pytest.mark.parametrize(("language", "between"), [("en", ","), ("vi", ";")])
def test_csv_holds_what_is_filtered_and_no_formula(
    open_page: Callable[..., Any], language: str, between: str
) -> None:
    data = build(sites=12, crashes=60, projects=12)
    labels = ["=1+1", "+1", "-1", "@a", "\tb", 'say "x"; y, z', *data.sites["label"][6:]]
    page = open_page(replace(data, sites=data.sites.assign(label=labels)), f"#l={language}").page
    with page.expect_download() as download:
        page.locator("#csv").click()
    raw = download.value.path().read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig")), delimiter=between))
    assert len(rows) == 13 and len({len(row) for row in rows}) == 1
    assert [row[1] for row in rows[1:7]] == ["'=1+1", "'+1", "'-1", "'@a", "'\tb", 'say "x"; y, z']


def test_paper_holds_map_and_twenty_rows_on_the_first_page(
    open_page: Callable[..., Any], data: MapData
) -> None:
    page = open_page(data, color_scheme="dark").page
    page.set_viewport_size({"width": 703, "height": 1032})
    page.emulate_media(media="print", color_scheme="light")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".paper-table tbody tr").count() == 20
    assert page.locator(".paper-map").is_visible()
    assert (
        page.evaluate("document.querySelector('.paper-table').getBoundingClientRect().bottom")
        < 1032
    )
    assert not page.locator("#app").is_visible()
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")


def test_phone(open_page: Callable[..., Any], data: MapData) -> None:
    page = open_page(data, viewport={"width": 390, "height": 844}, has_touch=True).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert (
        page.locator(".folium-map").bounding_box()["y"] < page.locator("#rows").bounding_box()["y"]
    )
    page.locator("#filters-open").click()
    assert page.locator("#area").is_visible()
    page.locator("#filters-open").click()
    page.locator("#rows tr").first.click()
    assert page.locator("#sheet").bounding_box()["width"] == 390
    page.locator("#sheet .close").click()
    assert not page.locator("#sheet").is_visible()


def test_simulated_data_are_marked(open_page: Callable[..., Any], data: MapData) -> None:
    page = open_page(data).page
    assert page.locator("#simulated").is_visible() and page.locator("#watermark").is_visible()
    page = open_page(replace(data, simulated=False)).page
    assert (
        not page.locator("#simulated").is_visible() and not page.locator("#watermark").is_visible()
    )


def test_contrast_of_texts(open_page: Callable[..., Any], data: MapData) -> None:
    for scheme in ("light", "dark"):
        page = open_page(data, color_scheme=scheme).page
        worst = page.evaluate(
            """() => {
              const style = getComputedStyle(document.documentElement);
              const light = (name) => {
                const hex = style.getPropertyValue(name).trim().slice(1, 7);
                const [r, g, b] = [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
                  .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              const pairs = [['--ink', '--paper'], ['--muted', '--paper'], ['--muted', '--raised'],
                ['--muted', '--chosen-row'], ['--muted', '--hover-row'], ['--accent', '--paper'],
                ['--warn', '--warn-soft'], ['--warn', '--paper'],
                ['--funded-text', '--funded-soft'],
                ['--c-black-spot-ink', '--c-black-spot'], ['--c-potential-ink', '--c-potential'],
                ['--c-none-ink', '--c-paper'], ['--c-town', '--c-land']];
              return Math.min(...pairs.map(([a, b]) => {
                const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
                return (high + 0.05) / (low + 0.05);
              }));
            }"""
        )
        assert worst >= 4.5, scheme


def test_first_paint_of_600_sites_and_10_000_crashes(open_page: Callable[..., Any]) -> None:
    page = open_page(build(sites=600, crashes=10_000, projects=700)).page
    paint = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
    )
    assert paint <= 2000
    step = page.evaluate(
        "() => { const start = performance.now();"
        " document.querySelector('[data-severity=slight]').click();"
        " return performance.now() - start; }"
    )
    assert step <= 250
