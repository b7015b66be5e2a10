"""Rank road-safety works by the lives they save: black spots, level crossings, budgets.

The public verbs are imported on first use, so that ``import blackspots`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_VERBS = {
    "BlackspotsError": "blackspots.errors",
    "Study": "blackspots.config",
    "appraise": "blackspots.appraisal",
    "build_network": "blackspots.network",
    "load_study": "blackspots.config",
    "locate": "blackspots.locating",
    "optimise": "blackspots.programme",
    "ranked_map": "blackspots.maps",
    "run_study": "blackspots.study",
    "screen": "blackspots.screening",
}

__all__ = ["__version__", *sorted(_VERBS)]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _VERBS:
        return getattr(import_module(_VERBS[name]), name)
    raise AttributeError(f"module 'blackspots' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_VERBS])
