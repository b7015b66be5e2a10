"""The tables that flow between the stages, each written down once.

``crashes``, ``roads``, ``posts``, ``crossings``, ``railways``, ``areas`` and ``repairs`` are what
a user hands over (see :mod:`blackspots.sources`); the others are made by the stages. ``check``
(:mod:`blackspots.schema.keeping`) refuses a frame that does not keep to its table.
"""

from __future__ import annotations

from typing import Final

from blackspots.schema.findings import REJECTS, REMARKS
from blackspots.schema.keeping import EMPTY, Column, Kind, SchemaError, Table, check
from blackspots.schema.rail import (
    CLOSURES,
    CROSSING_REGISTER,
    CROSSINGS,
    FOUND_CROSSINGS,
    MATCHES,
    RAIL_LINES,
    RAILWAYS,
    TRACKS,
)

__all__ = [  # and the tables below
    "CLOSURES",
    "CROSSINGS",
    "CROSSING_REGISTER",
    "EMPTY",
    "FOUND_CROSSINGS",
    "MATCHES",
    "RAILWAYS",
    "RAIL_LINES",
    "REJECTS",
    "REMARKS",
    "TRACKS",
    "Column",
    "Kind",
    "SchemaError",
    "Table",
    "check",
]

SEVERITIES: Final = ("fatal", "serious", "slight", "injury", "pdo", "unknown")
"""Crash severity: worst outcome. ``injury``: injured, the grade not recorded."""

PLACES: Final = ("crossing", "junction", "segment", "railway", "area")
"""What a crash was placed at, and what a site is; ``railway``: on the track between crossings."""

SIDES: Final = ("both", "main", "other")
"""A whole road, or a carriageway of a divided one; the measure is that of ``main``."""

VERDICTS: Final = ("black-spot", "undetermined", "potential", "none")
"""Legal verdict of a site, strongest first; ``undetermined``: severities are missing."""

STATUSES: Final = ("proposed", "approved", "in-works", "done", "evaluated")
"""What the office has done about a site, in the order in which it is done."""


CRASHES: Final = Table(
    "crashes",
    "crash_id",
    "Crashes as the register gives them, one row a crash.",
    (
        Column("date", "date", "day of the crash; empty only in a register without dates"),
        Column("hour", "integer", "hour of the day, empty when not recorded", "h", minimum=0),
        Column("severity", "text", "worst outcome", required=True, allowed=SEVERITIES),
        Column("deaths", "integer", "persons killed", "persons", minimum=0),
        Column("serious", "integer", "persons seriously injured", "persons", minimum=0),
        Column("slight", "integer", "persons slightly injured", "persons", minimum=0),
        Column("injured", "integer", "persons injured, of any grade", "persons", minimum=0),
        Column("crash_type", "text", "type of collision, as recorded"),
        Column("mode", "text", "road users or vehicles involved, as recorded"),
        Column("cause", "text", "cause, as recorded"),
        Column("district", "text", "district, as recorded"),
        Column("route", "text", "number of the road, as recorded (QL1, DT234B ...)"),
        Column("km", "number", "km post along the route", "km", minimum=0),
        Column(
            "bearing", "number", "direction of travel, from north by east", "degrees", minimum=0
        ),
        Column("road_layer", "integer", "level of the road: 1 on a bridge, -1 below one"),
        Column("train_involved", "boolean", "whether a train was part of the crash"),
        Column(
            "uncertainty", "number", "how far the place may be from its coordinate", "m", minimum=0
        ),
        Column("km_uncertainty", "number", "how far it may be from its km post", "m", minimum=0),
        Column("duplicate", "boolean", "whether the user says it repeats another row"),
        Column("duplicate_of", "text", "crash it seems to repeat; empty for most"),
        Column("source_file", "text", "file the row came from", required=True),
        Column("source_sheet", "text", "sheet or layer"),
        Column("source_row", "integer", "row in the file, the header being row 1", required=True),
    ),
    ("Point",),
)

ROADS: Final = Table(
    "roads",
    "road_id",
    "Centrelines of roads and paths, one row a line.",
    (
        Column("ref", "text", "number of the road"),
        Column("name", "text", "name of the road"),
        Column("road_class", "text", "class: national, provincial, district, local, path ..."),
        Column("aadt", "number", "annual average daily traffic", "vehicles/day", minimum=0),
        Column("km_from", "number", "official km at the line's first vertex", "km", minimum=0),
        Column("km_to", "number", "official km at the line's last vertex", "km", minimum=0),
        Column("bridge", "boolean", "on a bridge"),
        Column("tunnel", "boolean", "in a tunnel"),
        Column("covered", "boolean", "covered, as by a gallery or a building"),
        Column("layer", "integer", "vertical order where lines cross"),
        Column("oneway", "text", "whether it is one-way, as recorded"),
        Column("lanes", "number", "lanes of both directions", minimum=0),
        Column("surface", "text", "surface, as recorded"),
        Column("maxspeed", "number", "speed limit", "km/h", minimum=0),
        Column("roundabout", "boolean", "part of a roundabout"),
        Column("node_ids", "ids", "a node id for each vertex; lines then meet at shared ids only"),
    ),
    ("LineString",),
)

POSTS: Final = Table(
    "posts",
    "post_id",
    "Km posts beside the roads, with the official km that stands on them.",
    (
        Column("ref", "text", "number of the road", required=True),
        Column("km", "number", "official km", "km", required=True, minimum=0),
        Column("source_file", "text", "file the row came from", required=True),
        Column("source_sheet", "text", "sheet or layer"),
        Column("source_row", "integer", "row in the file, the header being row 1", required=True),
    ),
    ("Point",),
)

AREAS: Final = Table(
    "areas",
    "area_id",
    "Districts, communes, corridors: polygons that results are summed over.",
    (
        Column("name", "text", "name of the area; rows of one name are summed", required=True),
        Column("level", "text", "layer the area belongs to", required=True),
    ),
    ("Polygon", "MultiPolygon"),
)

REPAIRS: Final = Table(
    "repairs",
    "repair_id",
    "The user's own list of works, each at one place and with its cost.",
    (
        Column("work", "text", "what is to be done, as recorded"),
        Column("countermeasure", "text", "entry of the countermeasure catalogue it stands for"),
        Column("cmf", "number", "crash modification factor, when the user knows it", minimum=0),
        Column("life", "number", "service life, when the user knows it", "years", minimum=0),
        Column("cost", "number", "cost of the whole item", "currency", minimum=0),
        Column("quantity", "number", "quantity, with a unit price instead of a cost", minimum=0),
        Column("unit_price", "number", "price of one unit", "currency", minimum=0),
        Column("road_id", "text", "road it lies on (the whole line)"),
        Column("crossing_id", "text", "level crossing it treats"),
        Column("route", "text", "number of the road, with km_from and km_to"),
        Column("km_from", "number", "first km", "km", minimum=0),
        Column("km_to", "number", "last km", "km", minimum=0),
        Column("source_file", "text", "file the row came from", required=True),
        Column("source_sheet", "text", "sheet or layer"),
        Column("source_row", "integer", "row in the file, the header being row 1", required=True),
    ),
    ("Point",),
)

SEGMENTS: Final = Table(
    "segments",
    "segment_id",
    "Roads from junction to junction, or to where they change; measures run from the first vertex.",
    (
        Column("road_id", "text", "road that most of it was drawn as; see parts", required=True),
        Column("ref", "text", "number of the road"),
        Column("name", "text", "name of the road"),
        Column("road_class", "text", "class of the road"),
        Column("oneway", "integer", "+1 one-way along it, -1 against, 0 both ways; empty unknown"),
        Column("side", "text", "of a divided road, or a line beside it", "", True, SIDES),
        Column("roundabout", "boolean", "recorded as part of a roundabout", required=True),
        Column("aadt", "number", "annual average daily traffic, mean by length", "vehicles/day"),
        Column("lanes", "number", "lanes, mean by length"),
        Column("maxspeed", "number", "speed limit, mean by length", "km/h"),
        Column("from_node", "integer", "node at the first vertex", required=True),
        Column("to_node", "integer", "node at the last vertex", required=True),
        Column("length", "number", "length", "m", required=True, minimum=0),
        Column("route_id", "integer", "route it is part of, or lies beside", required=True),
        Column(
            "route_offset", "number", "route measure where it begins in its direction", "m", True
        ),
        Column("route_span", "number", "route measure that it takes", "m", True, minimum=0),
        Column(
            "route_sign", "integer", "+1 drawn along the route's direction, -1 against", "", True
        ),
        Column("km_from", "number", "official km at the segment's start", "km"),
        Column("km_to", "number", "official km at the segment's end", "km"),
    ),
    ("LineString",),
)

PARTS: Final = Table(
    "parts",
    "part_id",
    "Which stretch of which road each stretch of a segment was drawn as.",
    (
        Column("segment_id", "integer", "segment", required=True),
        Column("from_measure", "number", "start on the segment", "m", required=True),
        Column("to_measure", "number", "end on the segment", "m", required=True),
        Column("road_id", "text", "road", required=True),
        Column("road_from", "number", "measure on the road there", "m", required=True),
        Column("road_to", "number", "measure on the road at its end", "m", required=True),
        Column("km_from", "number", "official km there", "km"),
        Column("km_to", "number", "official km at its end", "km"),
        Column("layer", "integer", "vertical order where lines cross", required=True),
        Column("again", "boolean", "drawn again on another road's vertices", required=True),
    ),
)

NODES: Final = Table(
    "nodes",
    "node_id",
    "Ends and shared vertices of segments.",
    (
        Column("degree", "integer", "number of segment ends at it", required=True),
        Column("junction_id", "integer", "junction it belongs to, empty for none"),
    ),
    ("Point",),
)

JUNCTIONS: Final = Table(
    "junctions",
    "junction_id",
    "Nodes where three or more road ends meet, those joined by a short link made one.",
    (
        Column("label", "text", "names of the roads that meet", required=True),
        Column("legs", "integer", "road ends leaving the junction", required=True),
        Column("aadt", "number", "entering traffic, half the sum of its legs", "vehicles/day"),
    ),
    ("Point",),
)

ROUTES: Final = Table(
    "routes",
    "route_id",
    "Segments of one road chained end to end, with one measure.",
    (
        Column("ref", "text", "number of the road"),
        Column("name", "text", "name of the road"),
        Column("length", "number", "length", "m", required=True, minimum=0),
        Column("road_class", "text", "class that most of its length has"),
        Column("km_from", "number", "official km at measure 0", "km"),
        Column("km_to", "number", "official km at its end", "km"),
    ),
    ("LineString",),
)

UNUSED_POSTS: Final = ("unknown-route", "no-km", "too-far", "outlier")
"""Why a km post says nothing of its road."""

PLACED_POSTS: Final = Table(
    "placed posts",
    "post_id",
    "Km posts on the routes whose official km they give, or why they do not.",
    (
        Column("ref", "text", "number of the road"),
        Column("km", "number", "official km", "km"),
        Column("route_id", "integer", "route it stands at"),
        Column("measure", "number", "distance from the route's start", "m"),
        Column("offset", "number", "distance from its road", "m", minimum=0),
        Column("jump", "number", "how far the km jump there, beyond the length of the road", "m"),
        Column("reason", "text", "why it is not used; empty for the used", "", False, UNUSED_POSTS),
    ),
    ("Point",),
)

LOCATED: Final = Table(
    "located crashes",
    "crash_id",
    "Crashes with the place each was put at, or the reason why not.",
    (
        *CRASHES.columns,
        Column("place", "text", "kind of place; empty for the unplaced", allowed=PLACES),
        Column("located_by", "text", "what it was placed by", allowed=("coordinate", "route_km")),
        Column("segment_id", "integer", "segment"),
        Column("road_id", "text", "road of the layer that the segment was drawn as there"),
        Column("measure", "number", "distance from the segment's start", "m"),
        Column("offset", "number", "distance from the segment", "m"),
        Column("route_id", "integer", "route of the segment"),
        Column("route_measure", "number", "distance from the route's start", "m"),
        Column("junction_id", "integer", "junction, for place = junction"),
        Column("crossing_id", "text", "level crossing, for place = crossing"),
        Column("rail_line", "text", "railway line, for a crash with a train"),
        Column("rail_km", "number", "official km on it", "km"),
        Column("queue_at", "text", "level crossing beside it, for a crash without a train"),
        Column("area", "text", "area it lies in"),
        Column("km_difference", "number", "km post against coordinate, along the route", "m"),
        Column("probability", "number", "probability of the place", minimum=0),
        Column("uncertain", "boolean", "whether it stands in the review list"),
        Column("site_id", "text", "site it counts for; empty for none"),
        Column("reason", "text", "why it was not placed; empty for the placed"),
    ),
    ("Point",),
)

CANDIDATES: Final = Table(
    "candidates",
    "candidate_id",
    "Places that a crash of uncertain place may be at, the likeliest first.",
    (
        Column("crash_id", "text", "crash", required=True),
        Column("rank", "integer", "1 for the likeliest", required=True),
        Column("place", "text", "kind of place", required=True, allowed=PLACES),
        Column("located_by", "text", "found by", "", True, ("coordinate", "route_km")),
        Column("segment_id", "integer", "segment"),
        Column("measure", "number", "distance from the segment's start", "m"),
        Column("offset", "number", "distance from the segment", "m"),
        Column("road_id", "text", "road of the layer that the segment was drawn as there"),
        Column("route_id", "integer", "route of the segment"),
        Column("route_measure", "number", "distance from the route's start", "m"),
        Column("junction_id", "integer", "junction, for place = junction"),
        Column("crossing_id", "text", "level crossing, for place = crossing"),
        Column("same_road", "boolean", "whether it is the recorded road; empty if unknown"),
        Column("km_difference", "number", "km post against it, along the route", "m"),
        Column("probability", "number", "probability; those of a crash sum to 1", "", True),
        Column("place_probability", "number", "the same of all at this place", "", True),
        Column("x", "number", "easting of the place on the road", "m", True),
        Column("y", "number", "northing", "m", True),
    ),
)

SITES: Final = Table(
    "sites",
    "site_id",
    "Places to look at, first to treat first.",
    (
        Column("rank", "integer", "1 for the first", required=True),
        Column("kind", "text", "kind of place", required=True, allowed=PLACES),
        Column("label", "text", "place in words", required=True),
        Column("area", "text", "area it lies in"),
        Column("route_id", "integer", "route, for road windows"),
        Column("from_measure", "number", "start on the route", "m"),
        Column("to_measure", "number", "end on the route", "m"),
        Column("length", "number", "length of the site", "m"),
        Column("junction_id", "integer", "junction, the first of those in it"),
        Column("junctions", "text", "all junctions that it holds, joined by ;"),
        Column("crossing_id", "text", "level crossing, for kind = crossing"),
        Column("verdict", "text", "what the definition says", required=True, allowed=VERDICTS),
        Column("rule", "text", "rule of the definition that listed it"),
        Column("rules", "text", "all rules that it meets, joined by ;"),
        Column("short_of", "text", "of a potential site: the class of which one more would do"),
        Column("tight_from", "number", "shortest stretch that still meets the rule: start", "m"),
        Column("tight_to", "number", "and its end, measures on the route", "m"),
        Column("window_start", "date", "first day of the period that met the rule"),
        Column("window_end", "date", "last day of the period that met the rule"),
        Column("window_crashes", "text", "ids of the crashes that met the rule"),
        Column("rule_uncertain", "integer", "how many of these are of uncertain place", minimum=0),
        Column("crashes", "integer", "crashes in the study period", required=True),
        Column("crashes_weighted", "number", "the same, uncertain places by their probability"),
        *(
            Column(name, "integer", f"of them {name}", required=True)
            for name in ("fatal", "serious", "slight", "injury", "pdo", "unknown")
        ),
        Column("deaths", "integer", "persons killed; empty when no crash has the figure"),
        Column("injured", "integer", "persons injured; empty when no crash has the figure"),
        Column("years", "number", "length of the study period", "years", required=True),
        Column("predicted", "number", "crashes a year of like places (SPF)", "1/year", True),
        Column("expected", "number", "Empirical Bayes expected crashes a year", "1/year", True),
        Column("expected_low", "number", "5 % point of its posterior", "1/year", True),
        Column("expected_high", "number", "95 % point of its posterior", "1/year", True),
        Column("weight", "number", "weight of the prediction", required=True),
        Column("excess", "number", "expected less predicted", "1/year", required=True),
        Column("p_excess", "number", "chance that expected > predicted", required=True),
        Column("eb", "boolean", "whether Empirical Bayes finds it high", required=True),
        Column("cluster", "boolean", "whether it holds a significant cluster; empty untested"),
        Column("cluster_q", "number", "false discovery rate at which it does", minimum=0),
        Column("agreement", "text", "legal and Empirical Bayes verdicts side by side"),
        *(
            Column(f"expected_{name}", "number", f"expected {name} crashes a year", "1/year")
            for name in ("fatal", "serious", "slight", "injury", "pdo")
        ),
        Column("cost_per_year", "number", "expected crash cost a year", "currency/year"),
        Column("rank_median", "integer", "median of the rank, by posterior draws"),
        Column("rank_low", "integer", "5 % point of the rank"),
        Column("rank_high", "integer", "95 % point of the rank"),
        Column("p_first_10", "number", "chance to be among the first ten", minimum=0),
        Column("p_paid", "number", "chance to be among as many as the budget pays for", minimum=0),
        Column("p_change_traffic", "number", "chance that a traffic count moves it over the line"),
        Column("p_change_location", "number", "chance that surer places of crashes do"),
        Column("funded", "boolean", "whether the programme funds a work here"),
        Column("why", "text", "code of the reason, a key below why. in the label files"),
        Column("new", "boolean", "whether no earlier list has it; empty without such a list"),
        Column("first_listed", "integer", "end year of the first list that has it"),
        Column("last_listed", "integer", "end year of the last list that has it"),
        Column("status", "text", "what is done about it, in the user's list", allowed=STATUSES),
        Column("owner", "text", "who is in charge of it, in the user's list"),
        Column("note", "text", "the user's note in the list"),
    ),
    ("Point", "LineString", "MultiLineString", "Polygon", "MultiPolygon"),
)

LISTED: Final = Table(
    "site list",
    "site_id",
    "Sites of an earlier run, with what the user has entered beside them.",
    (
        Column("kind", "text", "kind of place", required=True, allowed=PLACES),
        Column("label", "text", "place in words", required=True),
        Column("area", "text", "area it lies in"),
        Column("first_listed", "integer", "end year of the first list that has it", "", True),
        Column("last_listed", "integer", "end year of the last list that has it", "", True),
        Column("status", "text", "what is done about it; empty if not said", allowed=STATUSES),
        Column("status_text", "text", "what stands there when it is none of these"),
        Column("owner", "text", "who is in charge, as entered"),
        Column("note", "text", "note, as entered"),
    ),
    ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"),
)

SOURCES: Final = ("repairs", "catalogue", "closures")
"""Where a project comes from: the user's list, the catalogue, or a group of paths to close."""

PROJECTS: Final = Table(
    "projects",
    "project_id",
    "Candidate works: the user's repairs first, then remedies of the catalogue.",
    (
        Column("source", "text", "where it comes from", "", True, SOURCES),
        Column("group", "text", "sites and overlaps it takes, joined by ;", required=True),
        Column("site_id", "text", "site it treats; empty where no site lies"),
        Column("label", "text", "place in words", required=True),
        Column("work", "text", "what is done, in the user's words; empty for the catalogue's"),
        Column("countermeasure", "text", "entry of the catalogue"),
        Column("cost", "number", "cost now", "currency", minimum=0),
        Column("upkeep", "number", "yearly operating cost", "currency/year", minimum=0),
        Column("detour_cost", "number", "what detours cost its users a year", "currency/year"),
        Column("life", "number", "service life", "years"),
        Column("expected", "number", "crashes a year it faces", "1/year"),
        Column("crash_cost", "number", "crash cost a year it faces", "currency/year"),
        Column("crashes_avoided", "number", "crashes avoided in the first year", "1/year"),
        Column("deaths_avoided", "number", "deaths avoided in the first year", "1/year"),
        Column("injuries_avoided", "number", "injuries avoided in the first year", "1/year"),
        Column("benefit", "number", "present value of the benefit", "currency"),
        Column("npv", "number", "net present value", "currency"),
        Column("bcr", "number", "benefit-cost ratio"),
        Column("mark", "text", "V verified, M memory, A assumption, U the user's"),
        Column("funded", "boolean", "whether the programme chose it", required=True),
        Column("why", "text", "code of the reason", required=True),
    ),
    ("Point", "LineString", "MultiLineString", "Polygon", "MultiPolygon"),
)

TABLES: Final = (
    CRASHES,
    ROADS,
    POSTS,
    CROSSINGS,
    RAILWAYS,
    AREAS,
    REPAIRS,
    SEGMENTS,
    PARTS,
    NODES,
    JUNCTIONS,
    ROUTES,
    PLACED_POSTS,
    LOCATED,
    CANDIDATES,
    RAIL_LINES,
    TRACKS,
    FOUND_CROSSINGS,
    MATCHES,
    CROSSING_REGISTER,
    CLOSURES,
    SITES,
    LISTED,
    PROJECTS,
    REJECTS,
    REMARKS,
)
