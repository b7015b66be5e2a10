"""The page of the sample study, opened as a user opens it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from blackspots.cli import main

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "out"
    assert main(["run", str(sample / "study.toml"), "--out", str(folder), "--quiet"]) == 0
    return folder


def test_the_sample_page_shows_what_the_tables_say(out: Path, browser: Any) -> None:
    with (out / "ranking.csv").open(encoding="utf-8-sig", newline="") as text:
        ranking = list(csv.DictReader(text))
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    context = browser.new_context(offline=True, viewport={"width": 1366, "height": 768})
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type != "log" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((out / "map.html").as_uri())
    rows = page.locator("tbody tr:visible")
    assert rows.count() == min(len(ranking), 100)
    for place in (0, 3):
        first_words = ranking[place]["label"].split(" (")[0]
        assert first_words in rows.nth(place).inner_text()
    said = page.locator("[aria-live]").all_inner_texts()
    funded = sum(row["funded"] == "True" for row in ranking)
    assert any(f"{funded} trong {len(ranking)}" in text for text in said), said
    assert any(f"{summary['read']} vụ đã đọc" in text for text in said), said
    rows.nth(3).click()
    assert page.get_by_role("heading", name=ranking[3]["label"]).is_visible()
    assert not complaints
    assert all(url.startswith(("file:", "data:", "blob:")) for url in requests)
    context.close()
