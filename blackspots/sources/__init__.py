"""What a user hands over, read into validated tables with the rejected rows beside them."""

from __future__ import annotations

from blackspots.sources.alone import read_lines, read_points, read_sites
from blackspots.sources.crashes import Register, read_crashes
from blackspots.sources.decisions import Decisions, read_decisions
from blackspots.sources.extent import extent_of
from blackspots.sources.files import Source
from blackspots.sources.findings import Findings
from blackspots.sources.kmposts import read_posts
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
from blackspots.sources.sitelist import SiteList, read_site_list
from blackspots.sources.stacks import heaped
from blackspots.sources.values import route as route_name
from blackspots.sources.verification import Verified, read_verification

__all__ = [
    "Decisions",
    "Findings",
    "Register",
    "SiteList",
    "Source",
    "UnconfirmedHeaders",
    "Verified",
    "extent_of",
    "heaped",
    "outside",
    "read_areas",
    "read_boundary",
    "read_crashes",
    "read_crossings",
    "read_decisions",
    "read_lines",
    "read_places",
    "read_points",
    "read_posts",
    "read_railways",
    "read_repairs",
    "read_roads",
    "read_site_list",
    "read_sites",
    "read_verification",
    "route_name",
]
