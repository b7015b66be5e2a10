"""Network screening: which places stand out, by the law's definition and by statistics."""

from __future__ import annotations

from blackspots.screening.agreement import agreement_table
from blackspots.screening.certainty import certainty
from blackspots.screening.clusters import clusters_along
from blackspots.screening.expected import empirical_bayes
from blackspots.screening.following import follow
from blackspots.screening.model import Expectation, expect
from blackspots.screening.places import expected_at, expected_at_crossings
from blackspots.screening.sites import Layers, Screened, rank, screen
from blackspots.screening.spf import SafetyPerformanceFunction, fit_spf

__all__ = [
    "Expectation",
    "Layers",
    "SafetyPerformanceFunction",
    "Screened",
    "agreement_table",
    "certainty",
    "clusters_along",
    "empirical_bayes",
    "expect",
    "expected_at",
    "expected_at_crossings",
    "fit_spf",
    "follow",
    "rank",
    "screen",
]
