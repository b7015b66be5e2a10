"""Network screening: which places stand out, by the law's definition and by statistics."""

from __future__ import annotations

from blackspots.screening.expected import SafetyPerformanceFunction, empirical_bayes, fit_spf
from blackspots.screening.model import Expectation, expect
from blackspots.screening.places import expected_at
from blackspots.screening.sites import rank, screen

__all__ = [
    "Expectation",
    "SafetyPerformanceFunction",
    "empirical_bayes",
    "expect",
    "expected_at",
    "fit_spf",
    "rank",
    "screen",
]
