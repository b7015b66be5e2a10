"""Both implementations, by size or by force."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest
from needs import missing

from blackspots.graph import choice


@pytest.fixture(params=["plain", "compiled"])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """One implementation for all sizes."""
    kept = choice.COMPILED_FROM
    if request.param == "compiled":
        if importlib.util.find_spec("numba") is None:
            missing("numba", "pip install numba")
        choice.COMPILED_FROM = 0
        assert choice.kernels(0) is not None
    else:
        choice.COMPILED_FROM = 10**12
    yield request.param
    choice.COMPILED_FROM = kept
