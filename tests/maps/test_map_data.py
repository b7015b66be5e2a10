"""The page as a file: what gets in, what stays out, the same bytes every time."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import folium
import geopandas as gpd
import pandas as pd
import pytest
from map_fixture import build
from shapely.geometry import LineString, Point

from blackspots import labels
from blackspots.maps import ExternalAddressError, MapData, page_html, ranked_map, save_page
from blackspots.maps import page as page_module
from blackspots.maps.data import payload
from blackspots.maps.encode import digits, joined, paths, script_json, steps
from blackspots.maps.members import site_crashes


@pytest.fixture(scope="module")
def data() -> MapData:
    return build()


@pytest.fixture(scope="module")
def html(data: MapData) -> str:
    return page_html(data)


def data_of(html: str) -> dict:  # type: ignore[type-arg]
    found = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', html, re.S)
    assert found
    return json.loads(found.group(1))


def test_same_data_give_the_same_bytes(data: MapData, html: str) -> None:
    assert page_html(build()) == html


def test_bytes_do_not_depend_on_the_process(html: str) -> None:
    code = (
        "import sys, hashlib; sys.path.insert(0, sys.argv[1]); from map_fixture import build; "
        "from blackspots.maps import page_html; "
        "print(hashlib.sha256(page_html(build()).encode()).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)],
            capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(runs) == 1


def test_it_is_a_folium_map_that_renders_twice_alike(data: MapData, html: str) -> None:
    chart = ranked_map(data)
    assert isinstance(chart, folium.Map)
    assert chart.get_root().render() == html
    assert chart.get_root().render() == html
    assert "iframe" in chart._repr_html_()
    assert folium.Map.default_js, "the lists of the class were changed"


def test_save_leaves_nothing_but_the_page(data: MapData, tmp_path: Path, html: str) -> None:
    file = save_page(data, tmp_path / "deep" / "page.html")
    assert file.read_text(encoding="utf-8") == html
    assert [entry.name for entry in file.parent.iterdir()] == ["page.html"]


def test_no_address_outside_the_page(html: str) -> None:
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", html)
    assert "user-scalable=no" not in html
    for library in ("jquery", "bootstrap", "awesome", "cdn.jsdelivr"):
        assert library not in html.lower()


@pytest.mark.parametrize(
    "layer",
    [
        folium.TileLayer("https://tiles.example/{z}/{x}/{y}.png", attr="example"),
        folium.Marker([21.8, 106.7], icon=folium.CustomIcon("https://example.org/pin.png")),
    ],
)
def test_an_address_outside_the_page_stops_the_build(data: MapData, layer: folium.Element) -> None:
    chart = ranked_map(data)
    chart.add_child(layer)
    with pytest.raises(ExternalAddressError, match="example"):
        chart.get_root().render()


@pytest.mark.parametrize(
    "text",
    [
        '<script src="//example.org/a.js"></script>',
        '<link rel="stylesheet" href="https://example.org/a.css">',
        "<style>@import 'https://example.org/a.css';</style>",
        "<style>b { background: url(https://example.org/a.png) }</style>",
        '<b style="background: url(pin.png)"></b>',
        "<script>fetch('https://example.org/')</script>",
        '<img srcset="pin.png 2x">',
    ],
)
def test_every_kind_of_address_is_found(text: str) -> None:
    with pytest.raises(ExternalAddressError):
        page_module._scan(text)


def test_personal_columns_stay_out() -> None:
    data = build(sites=12, crashes=60, projects=10)
    secret = "Nguyễn Văn Bí Mật"
    for name in ("crashes", "sites", "projects", "segments", "crossings", "areas"):
        frame = getattr(data, name).assign(driver_name=secret, plate="12A-345.67")
        data = replace(data, **{name: frame})
    data = replace(
        data, crashes=data.crashes.assign(cause=secret, mode=secret, source_sheet=secret)
    )
    html = page_html(data)
    for text in ("driver_name", secret, "12A-345.67", "so-theo-doi.xlsx"):
        assert text not in html


def test_totals_reach_the_page(data: MapData, html: str) -> None:
    found = data_of(html)
    counts = found["meta"]["counts"]
    assert counts["read"] == counts["placed"] + counts["unplaced"] + counts["rejected"]
    assert len(found["crashes"]["date"]) == counts["placed"]
    assert sum(found["meta"]["reasons"].values()) == counts["unplaced"]


def test_both_languages_have_the_same_keys() -> None:
    keys = [
        {key for key in labels.texts(language) if key.startswith("page.")}
        for language in labels.LANGUAGES
    ]
    assert keys[0] == keys[1]


def test_every_text_of_the_script_exists() -> None:
    static = Path(page_module.__file__).parent / "static"
    used = {
        key
        for file in (*static.glob("*.js"), *static.glob("*.html"))
        for key in re.findall(
            r"(?:\bt\('|data-text=\"|data-label=\")([\w.-]+)['\"]", file.read_text("utf-8")
        )
        if not key.endswith(".") and key not in ("short.", "sheet.")
    }
    missing = {key for key in used if f"page.{key}" not in labels.texts("en")}
    assert not {key for key in missing if key[-1] not in ".-"}


def test_terms_given_by_the_caller_are_taken() -> None:
    data = build(
        sites=3, crashes=10, projects=3, terms={"rule.two-fatal": {"vi": "Hai", "en": "Two"}}
    )
    assert payload(data)["labels"]["en"]["rule.two-fatal"] == "Two"
    assert payload(data)["labels"]["vi"]["rule.two-fatal"] == "Hai"


def test_unknown_figures_are_null_not_zero() -> None:
    data = build(sites=5, crashes=20, projects=5)
    sites = data.sites.assign(deaths=pd.array([pd.NA] * 5, dtype="Int64"))
    assert payload(replace(data, sites=sites))["sites"]["deaths"] == [None] * 5


def test_lines_are_whole_number_differences() -> None:
    line = LineString([(106.76, 21.85), (106.76001, 21.85), (106.76001, 21.85), (106.75, 21.86)])
    assert paths(line) == [[10676000, 2185000, 1, 0, -1001, 1000]]
    assert paths(Point(1, 1)) == []


def test_short_forms_say_the_same() -> None:
    assert digits([0, 35, None, 10]) == "0z-a"
    assert digits([36, 1]) == [36, 1]
    assert joined(["LS-1", "LS-22"]) == {"start": "LS-", "rest": "1|22"}
    assert joined(["a|b", "c"]) == {"start": "", "rest": ["a|b", "c"]}
    assert joined([]) == {"start": "", "rest": []}
    assert steps([3, 5, 5]) == [3, 2, 0]


def test_json_cannot_leave_its_script() -> None:
    text = script_json({"a": "</script><!--\u2028&"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!--\u2028&"}


def test_members_agree_with_the_counts_of_single_sites() -> None:
    data = build(sites=25, crashes=200, projects=5)
    found = site_crashes(data.sites, data.crashes[~data.crashes.is_empty])
    junctions = data.sites[(data.sites["kind"] == "junction") & (data.sites["crashes"] > 0)]
    assert len(junctions)
    same = [len(found[str(i)]) == n for i, n in junctions["crashes"].items()]
    assert sum(same) >= len(same) - 1


def test_members_given_by_the_caller_win() -> None:
    data = build(sites=4, crashes=30, projects=2)
    crash = str(data.crashes.index[0])
    site = str(data.sites.index[0])
    found = payload(replace(data, members={site: (crash,)}))
    ids = found["crashes"]["id"]
    assert [len(rows) for rows in found["sites"]["members"]] == [1, 0, 0, 0]
    assert ids["start"] + ids["rest"].split("|")[found["sites"]["members"][0][0]] == crash


@pytest.mark.parametrize("sites", [0, 1])
def test_little_data_still_make_a_page(sites: int) -> None:
    data = build(sites=sites, crashes=2, projects=sites)
    bare = replace(data, railways=None, crossings=None, areas=None, boundary=None, places=None)
    assert page_html(bare).startswith("<!DOCTYPE html>")


def test_nothing_at_all_still_makes_a_page(data: MapData) -> None:
    empty = replace(
        data,
        sites=data.sites.iloc[:0], projects=data.projects.iloc[:0], crashes=data.crashes.iloc[:0],
        segments=data.segments.iloc[:0], railways=None, crossings=None, areas=None, boundary=None,
        places=None,
    )  # fmt: skip
    assert "application/json" in page_html(empty)


def test_size_at_600_sites_and_10_000_crashes() -> None:
    assert len(page_html(build(sites=600, crashes=10_000, projects=700)).encode()) <= 1_000_000


def test_any_crs_is_brought_to_degrees() -> None:
    data = build(sites=3, crashes=10, projects=3)
    moved = {
        name: getattr(data, name).to_crs(32648)
        for name in ("sites", "projects", "crashes", "segments", "areas")
    }
    here, there = payload(data)["sites"], payload(replace(data, **moved))["sites"]
    assert all(abs(a - b) <= 1 for a, b in zip(here["x"], there["x"], strict=True))
    assert isinstance(moved["sites"], gpd.GeoDataFrame)


def test_language_must_be_known() -> None:
    with pytest.raises(ValueError, match="language"):
        build(sites=1, crashes=1, projects=1, language="de")
