"""A browser that is offline, and a watch over what a page does in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from needs import missing

from blackspots.maps import MapData, save_page

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: opens the page in Chromium")


@dataclass
class Watched:
    """A page, with every request and every complaint it made."""

    page: Any
    file: Path
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Nothing was loaded but the file itself, and nothing went wrong."""
        outside = [
            url for url in self.requests if not url.startswith(("file://", "data:", "blob:"))
        ]
        assert not outside
        assert not self.complaints


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, for the whole session."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright", "pip install playwright")
    if not CHROMIUM.exists():
        missing(str(CHROMIUM), "install Chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Opens a page of some data, offline; what it did is checked at the end of the test."""
    opened: list[tuple[Any, Watched]] = []

    def start(data: MapData, anchor: str = "", **options: Any) -> Watched:
        file = save_page(data, tmp_path / f"page-{len(opened)}.html")
        context = browser.new_context(
            offline=True,
            reduced_motion="reduce",
            **{"viewport": {"width": 1366, "height": 768}, **options},
        )
        page = context.new_page()
        watched = Watched(page, file)
        page.on("request", lambda request: watched.requests.append(request.url))
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        page.on("console", lambda said: watched.complaints.append(said.text))
        page.on("dialog", lambda dialog: (watched.complaints.append("dialog"), dialog.dismiss()))
        page.goto(file.as_uri() + anchor)
        page.wait_for_selector("#columns th, #rail-columns th", state="attached")
        opened.append((context, watched))
        return watched

    yield start
    for context, watched in opened:
        context.close()
        watched.check()
