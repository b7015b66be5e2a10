"""The tables of railways and level crossings."""

from __future__ import annotations

from typing import Final

from blackspots.schema.keeping import Column, Table

KINDS: Final = ("official", "self-opened", "unknown")
"""What a crossing is by law, as its list says."""

PROTECTIONS: Final = ("none", "signs", "lights", "gates", "guarded")
"""What guards a crossing, least first: nothing; signs only; automatic lights or bells without
gates; automatic gates; a person on duty, with or without gates."""

LEVELS: Final = ("fatal", "serious", "slight", "injury", "pdo")

RAILWAYS: Final = Table(
    "railways",
    "railway_id",
    "Railway tracks, one row a line.",
    (
        Column("name", "text", "name of the railway line"),
        Column("ref", "text", "number of the railway line"),
        Column("rail_kind", "text", "kind of railway, as recorded: rail, tram, disused ..."),
        Column("service", "text", "what a side track is for: siding, yard, spur; empty for a main"),
        Column("bridge", "boolean", "on a bridge"),
        Column("tunnel", "boolean", "in a tunnel"),
        Column("layer", "integer", "vertical order where lines cross"),
        Column("km_from", "number", "official km at the track's first vertex", "km", minimum=0),
        Column("km_to", "number", "official km at the track's last vertex", "km", minimum=0),
        Column("trains", "number", "trains on it", "trains/day", minimum=0),
        Column("speed", "number", "greatest speed of trains", "km/h", minimum=0),
        Column("node_ids", "ids", "a node id for each vertex; shared with roads that meet it"),
    ),
    ("LineString",),
)

CROSSINGS: Final = Table(
    "crossings",
    "crossing_id",
    "Places where a road or path crosses the railway at grade.",
    (
        Column("name", "text", "name of the crossing"),
        Column("kind", "text", "official, self-opened or unknown", allowed=KINDS),
        Column("protection", "text", "none, signs, lights, gates, guarded ..., as recorded"),
        Column("railway", "text", "railway line"),
        Column("km", "number", "km along the railway", "km", minimum=0),
        Column("aadt", "number", "road vehicles over it", "vehicles/day", minimum=0),
        Column("trains", "number", "trains over it", "trains/day", minimum=0),
        Column("day_trains", "number", "of them through trains by day", "trains/day", minimum=0),
        Column("switch_trains", "number", "of them switching trains", "trains/day", minimum=0),
        Column("four_wheelers", "number", "of the vehicles with four wheels", "vehicles/day"),
        Column("three_wheelers", "number", "of the vehicles with three wheels", "vehicles/day"),
        Column("two_wheelers", "number", "motorcycles among them", "vehicles/day"),
        Column("walkers", "number", "persons on foot or bicycle over it", "persons/day"),
        Column("width", "number", "width of the road or path", "m", minimum=0),
        Column("lanes", "number", "lanes of the road", minimum=0),
        Column("road_class", "text", "class of the road or path, as recorded"),
        Column("paved", "boolean", "whether the road is paved"),
        Column("urban", "boolean", "whether it lies in a town"),
        Column("sight", "boolean", "whether the sight of trains is long enough"),
        Column("tracks", "integer", "tracks that it crosses", minimum=0),
        Column("main_tracks", "integer", "main tracks among them", minimum=0),
        Column("speed", "number", "greatest speed of trains", "km/h", minimum=0),
    ),
    ("Point",),
)

RAIL_LINES: Final = Table(
    "rail lines",
    "line_id",
    "Railway lines: one axis with one measure, however many tracks lie side by side.",
    (
        Column("ref", "text", "name of the line, else its number"),
        Column("length", "number", "length of the axis", "m", required=True, minimum=0),
        Column("km_from", "number", "official km at measure 0", "km"),
        Column("km_to", "number", "official km at its end", "km"),
    ),
    ("LineString",),
)
"""Beside these the frame carries ``post_measures`` and ``post_km`` as routes do
(:mod:`blackspots.referencing`)."""

TRACKS: Final = Table(
    "tracks",
    "railway_id",
    "The tracks of the railways with the line each belongs to, or why it belongs to none.",
    (
        *RAILWAYS.columns,
        Column("line_id", "integer", "line"),
        Column("main", "boolean", "whether it is a main track", required=True),
        Column("reason", "text", "why no train runs on it that a road could meet"),
    ),
    ("LineString",),
)

OUTCOMES: Final = ("crossing", "facing", "review", "apart")
"""What was found where a road and a railway meet: a crossing at grade; path ends that face each
other over the track; levels that contradict each other, to be looked at; apart (bridge, tunnel)."""

FOUND_CROSSINGS: Final = Table(
    "found crossings",
    "found_id",
    "Places where a road or path meets a railway, one for each strand of road.",
    (
        Column("outcome", "text", "what it is", required=True, allowed=OUTCOMES),
        Column("reasons", "text", "codes of what speaks for and against it, joined by ;"),
        Column("confidence", "number", "0 to 1: how sure it is crossed at grade", "", True),
        Column("line_id", "integer", "railway line"),
        Column("line", "text", "name of the railway line"),
        Column("measure", "number", "measure on the line", "m"),
        Column("km", "number", "official km on the line", "km"),
        Column("tracks", "integer", "tracks that it crosses", required=True, minimum=1),
        Column("main_tracks", "integer", "main tracks among them", required=True, minimum=0),
        Column("road_ids", "text", "roads of the layer that make the strand, joined by ;"),
        Column("road_name", "text", "number or name of the road"),
        Column("road_class", "text", "class of the road"),
        Column("angle", "number", "angle between road and track", "degrees", minimum=0),
        Column("in_station", "boolean", "whether it lies in a station's throat", required=True),
        Column("crossing_id", "text", "listed crossing that it is; empty for none"),
        Column("status", "text", "listed, candidate, review, apart, verified or refused"),
    ),
    ("Point",),
)

MATCHES: Final = Table(
    "matches",
    "match_id",
    "Listed crossings and found ones, one to one; what has no partner stands alone.",
    (
        Column("crossing_id", "text", "listed crossing"),
        Column("found_id", "text", "found crossing"),
        Column("distance", "number", "between the two", "m", minimum=0),
        Column("along", "number", "of it along the railway", "m"),
        Column("reason", "text", "why it has no partner; empty for a pair"),
    ),
)

CROSSING_REGISTER: Final = Table(
    "crossing register",
    "crossing_id",
    "All crossings with their class, protection, traffic, accidents and rating.",
    (
        *(column for column in CROSSINGS.columns if column.name not in {"railway", "km"}),
        Column("line", "text", "railway line"),
        Column("km", "number", "official km on the line", "km"),
        Column("measure", "number", "measure on the line", "m"),
        Column("offset", "number", "distance from the line", "m", minimum=0),
        Column("place_reason", "text", "why it is on no line; empty for the placed"),
        Column("area", "text", "area it lies in"),
        Column("listed", "boolean", "in the list; else confirmed in the field", required=True),
        Column("protection_code", "text", "what guards it", allowed=PROTECTIONS),
        Column("crossing_class", "text", "class by the rules: I, II, III ..."),
        Column("required", "text", "protections that the rules allow there, joined by ;"),
        Column("complies", "boolean", "whether its protection complies; empty if unknown"),
        Column("rule_reason", "text", "code of why class or compliance is what it is, or unknown"),
        Column("vehicles", "number", "vehicles a day, median of what is known", "vehicles/day"),
        Column("vehicles_low", "number", "5 % point", "vehicles/day"),
        Column("vehicles_high", "number", "95 % point", "vehicles/day"),
        Column("vehicles_from", "text", "counted, or assumed by class, or by the counted ones"),
        Column("trains_from", "text", "counted at it, of the line, or unknown"),
        Column("crashes", "integer", "crashes with a train in the period", minimum=0),
        Column("queue_crashes", "integer", "road crashes beside it, no train", minimum=0),
        Column("deaths", "integer", "persons killed in crashes with a train"),
        Column("injured", "integer", "persons injured in crashes with a train"),
        Column("exposure", "number", "vehicles times trains", "1/day^2"),
        Column("predicted", "number", "accidents a year by the model alone", "1/year"),
        Column("accidents", "number", "accidents a year with its own history", "1/year"),
        Column("accidents_low", "number", "5 % point", "1/year"),
        Column("accidents_high", "number", "95 % point", "1/year"),
        Column("casualty", "number", "of them with injured or killed", "1/year"),
        Column("fatal", "number", "of them with killed", "1/year"),
        Column("score", "number", "what ranks it: accidents, or an index of exposure"),
        Column("rank", "integer", "1 for the most dangerous; empty where nothing rates it"),
        Column("rank_low", "integer", "5 % point of the rank"),
        Column("rank_high", "integer", "95 % point of the rank"),
        Column("rate_reason", "text", "code of why it is not rated; empty for the rated"),
    ),
    ("Point",),
)

CLOSURES: Final = Table(
    "closures",
    "closure_id",
    "Ways to close paths between two crossings that stay, each a project of its own.",
    (
        Column("group_id", "text", "stretch between two crossings that stay", required=True),
        Column("line", "text", "railway line"),
        Column("km_from", "number", "official km where the stretch begins", "km"),
        Column("km_to", "number", "official km where it ends", "km"),
        Column("from_crossing", "text", "crossing that stays at its start; empty: end of line"),
        Column("to_crossing", "text", "crossing that stays at its end; empty: end of line"),
        Column("paths", "integer", "paths in the stretch", required=True, minimum=1),
        Column("closed", "text", "paths that are closed, joined by ;", required=True),
        Column("n_closed", "integer", "how many", required=True, minimum=1),
        Column("kept", "text", "paths that stay open, joined by ;"),
        Column("service_road", "number", "service road to be built, both sides", "m", True),
        Column("fence", "number", "fence, both sides", "m", required=True, minimum=0),
        Column("detour_mean", "number", "way that a user of a closed path goes more", "m"),
        Column("detour_longest", "number", "longest of these", "m"),
        Column("vehicles_moved", "number", "vehicles that go over another", "vehicles/day"),
        Column("cost", "number", "cost now", "currency", required=True, minimum=0),
        Column("cost_low", "number", "low end", "currency", minimum=0),
        Column("cost_high", "number", "high end", "currency", minimum=0),
        Column("upkeep", "number", "yearly upkeep", "currency/year", required=True, minimum=0),
        Column("detour_cost", "number", "what the detours cost a year", "currency/year", True),
        Column("life", "number", "service life", "years", required=True),
        Column("mark", "text", "weakest mark of what it rests on", required=True),
        *(
            Column(f"avoided_{level}", "number", f"{level} crashes avoided a year", "1/year")
            for level in LEVELS
        ),
        Column("best", "boolean", "whether it has the greatest net benefit here", required=True),
    ),
    ("LineString", "MultiLineString", "Point", "MultiPoint"),
)
