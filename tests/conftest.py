"""Fixtures for all tests: real data beside the checkout, and what may be missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from needs import missing

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data by other people, which lies beside the checkout."""
    if not SHARED.is_dir():
        missing("the folder of real data", f"put it at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def sample() -> Path:
    """Folder of the sample study."""
    return ROOT / "data" / "lang-son"
