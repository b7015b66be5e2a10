"""Which of the two implementations serves a size: compiled kernels, or numpy and scipy."""

from __future__ import annotations

import importlib.util
import os
from types import ModuleType

COMPILED_FROM = 40_000
"""Events and edges together from which compiled kernels pay for being loaded: 0.5 to 0.9 s where
numba has them on disk (once, it compiles for half a minute), as long as numpy and scipy take to
count or cluster so many."""


def kernels(size: int) -> ModuleType | None:
    """The compiled kernels if they are to be used for ``size`` events and edges.

    They need numba (the extra ``fast``); without it numpy and scipy serve every size. Both
    give the same result.
    """
    if size < COMPILED_FROM or importlib.util.find_spec("numba") is None:
        return None
    try:
        from blackspots.graph import kernels as compiled  # noqa: PLC0415 - compiles on first use
    except (ImportError, RuntimeError):
        # A numba that refuses this numpy, or finds no folder to keep what it compiles.
        return None
    return compiled


def threads() -> int:
    """How many threads share the work of the kernels."""
    return min(os.cpu_count() or 1, 8)
