"""Which of the two implementations serves a size: compiled kernels, or numpy and scipy."""

from __future__ import annotations

import importlib.util
import os
from types import ModuleType

COMPILED_FROM = 20_000
"""Events and edges together from which compiled kernels pay for being loaded."""


def kernels(size: int) -> ModuleType | None:
    """The compiled kernels if they are to be used for ``size`` events and edges.

    They need numba (the extra ``fast``); without it numpy and scipy serve every size. Both
    give the same result.
    """
    if size < COMPILED_FROM or importlib.util.find_spec("numba") is None:
        return None
    from blackspots.graph import kernels as compiled  # noqa: PLC0415 - compiles on first use

    return compiled


def threads() -> int:
    """How many threads share the work of the kernels."""
    return min(os.cpu_count() or 1, 8)
