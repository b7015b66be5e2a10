"""What a user hands over, read into validated tables with the rejected rows beside them."""

from __future__ import annotations

from blackspots.sources.crashes import read_crashes
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
from blackspots.sources.raw import Source
from blackspots.sources.repairs import read_repairs
from blackspots.sources.values import route as route_name

__all__ = [
    "Findings",
    "Source",
    "outside",
    "read_areas",
    "read_boundary",
    "read_crashes",
    "read_crossings",
    "read_places",
    "read_railways",
    "read_repairs",
    "read_roads",
    "route_name",
]
