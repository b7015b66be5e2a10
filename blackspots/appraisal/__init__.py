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
    present_value_factor,
    yearly_cost,
)
from blackspots.appraisal.projects import appraise, bends

__all__ = [
    "LEVELS",
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
    "yearly_cost",
]
