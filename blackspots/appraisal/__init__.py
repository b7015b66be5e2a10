"""What a work buys: crashes avoided, valued and discounted, against its cost.

The user's own repairs come first; remedies of the catalogue are added for every site. An
effect that is not known is not guessed: such a work is listed with the crash cost it faces.
"""

from __future__ import annotations

from blackspots.appraisal.benefit import (
    LEVELS,
    CrashCosts,
    Effect,
    Terms,
    crash_costs,
    crashes_avoided,
    effect,
    night_share,
    overall_night_share,
    yearly_cost,
)
from blackspots.appraisal.closures import MEASURE, with_closures
from blackspots.appraisal.projects import appraise, bends
from blackspots.presets.costs import present_value_factor

__all__ = [
    "LEVELS",
    "MEASURE",
    "CrashCosts",
    "Effect",
    "Terms",
    "appraise",
    "bends",
    "crash_costs",
    "crashes_avoided",
    "effect",
    "night_share",
    "overall_night_share",
    "present_value_factor",
    "with_closures",
    "yearly_cost",
]
