"""Rank road-safety works by the lives they save: black spots, level crossings, budgets.

The public verbs are imported on first use, so that ``import blackspots`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Verb to its module, with its name there where that would not tell its subject.
_VERBS = {
    "BlackspotsError": "blackspots.errors",
    "Study": "blackspots.config",
    "appraise": "blackspots.appraisal",
    "assign_accidents": "blackspots.locating.assigning:assign",
    "build_network": "blackspots.network",
    "cluster_points": "blackspots.screening.alone",
    "closure_options": "blackspots.crossings.closing",
    "density_at": "blackspots.screening.alone",
    "detect_crossings": "blackspots.crossings.detecting:detect",
    "empirical_bayes": "blackspots.screening.expected",
    "events_on": "blackspots.screening.alone",
    "fit_spf": "blackspots.screening.spf",
    "kde_plus": "blackspots.screening.kdeplus",
    "kde_plus_along": "blackspots.screening.kdeplus_along",
    "lixel_density": "blackspots.screening.alone",
    "load_study": "blackspots.config",
    "locate": "blackspots.locating",
    "match_crossings": "blackspots.crossings.matching:match",
    "nearest_distances": "blackspots.screening.alone",
    "network_k": "blackspots.screening.alone",
    "optimise": "blackspots.programme",
    "published_function": "blackspots.presets.spfs",
    "rail_lines": "blackspots.crossings.lines",
    "ranked_map": "blackspots.maps",
    "rate_crossings": "blackspots.crossings.rating:rate",
    "run_study": "blackspots.study",
    "screen": "blackspots.screening",
    "screen_table": "blackspots.screening.tabular",
}

__all__ = ["__version__", *sorted(_VERBS)]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _VERBS:
        module, _, own = _VERBS[name].partition(":")
        return getattr(import_module(module), own or name)
    raise AttributeError(f"module 'blackspots' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_VERBS])
