"""What may be missing on a machine: skipped there, required where nothing may be skipped."""

from __future__ import annotations

import os

import pytest


def missing(what: str, how: str) -> None:
    """Skip with a word on how to get it; with CI=true nothing may skip, so fail."""
    message = f"{what} is not here: {how}"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(message)
    pytest.skip(message)
