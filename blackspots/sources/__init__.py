"""What a user hands over, read into validated tables with the rejected rows beside them."""

from __future__ import annotations

from blackspots.sources.crashes import read_crashes
from blackspots.sources.decisions import Decisions, read_decisions
from blackspots.sources.extent import extent_of
from blackspots.sources.files import Source
from blackspots.sources.findings import Findings
from blackspots.sources.layers import (
    read_areas,
    read_boundary,
    read_crossings,
    read_places,
    read_railways,
    read_roads,
)
from blackspots.sources.points import outside
from blackspots.sources.proposals import UnconfirmedHeaders
from blackspots.sources.repairs import read_repairs
from blackspots.sources.stacks import heaped
from blackspots.sources.values import route as route_name

__all__ = [
    "Decisions",
    "Findings",
    "Source",
    "UnconfirmedHeaders",
    "extent_of",
    "heaped",
    "outside",
    "read_areas",
    "read_boundary",
    "read_crashes",
    "read_crossings",
    "read_decisions",
    "read_places",
    "read_railways",
    "read_repairs",
    "read_roads",
    "route_name",
]
