"""Level crossings: finding them, rating them, closing them in groups."""

from __future__ import annotations

from blackspots.crossings.closing import closure_options
from blackspots.crossings.detecting import detect
from blackspots.crossings.lines import on_lines, rail_lines
from blackspots.crossings.matching import match
from blackspots.crossings.protection import protect
from blackspots.crossings.rating import rate
from blackspots.crossings.traffic import traffic_of
from blackspots.crossings.verified import apply_verified

__all__ = [
    "apply_verified",
    "closure_options",
    "detect",
    "match",
    "on_lines",
    "protect",
    "rail_lines",
    "rate",
    "traffic_of",
]
