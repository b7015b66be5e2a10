"""Snapping, counts and clusters along a network, as ratios to peers in the same run.

    python scripts/bench_network.py [--sizes S M L] [--rounds R] [--only OPERATION ...]

A made-up network (a bent grid with gaps, curvy edges of 5 to 20 vertices) and crashes (hot
spots and an even background, 10 to 30 m off the road): S has 5,000 edges and 1,000 crashes, M
100,000 of each, L a million of each. Each run is a process of its own; the peers take turns,
and a ratio is taken within a round, so that other load on the machine falls on all. Imports,
what is compiled or cached on first use, and loading the data are not timed; indexes are.

Peers that are not installed are left out, which the output says. To have them all:

    pip install numba duckdb duckdb-extension-spatial geopandas networkx pyarrow

What networkx needs at M is extrapolated from a sample of its events; the output says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from benching import in_turns, ratios, timed

SEED = 20_260_101
SIZES = {"S": (5_000, 1_000), "M": (100_000, 100_000), "L": (1_000_000, 1_000_000)}
SPACING, KEPT = 250.0, 0.9
SNAP, RADIUS, MINIMUM = 100.0, 250.0, 5
SAMPLE = 500
"""Events from which the time of networkx is extrapolated."""

Data = dict[str, np.ndarray]
Run = Callable[[], Any]


def network(edges: int, chance: np.random.Generator) -> Data:
    """A bent grid with gaps: nodes ``u`` and ``v``, and the lines' vertices."""
    side = int(np.ceil(np.sqrt(edges / 1.6))) + 2
    cell = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    place = (cell + chance.uniform(-0.3, 0.3, cell.shape)) * SPACING + (400_000.0, 2_400_000.0)
    number = np.arange(side * side).reshape(side, side)
    u = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    v = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    kept = np.sort(chance.permutation(np.flatnonzero(chance.random(len(u)) < KEPT))[:edges])
    u, v = u[kept], v[kept]
    count = chance.integers(5, 21, len(u))
    start = np.concatenate([[0], np.cumsum(count)])
    own = np.repeat(np.arange(len(u)), count)
    step = np.arange(start[-1]) - start[own]
    inner = (step > 0) & (step < count[own] - 1)
    share = (step + np.where(inner, chance.uniform(-0.3, 0.3, len(own)), 0.0)) / (count[own] - 1)
    bend = (chance.normal(0.0, 0.08, len(u))[own]) * np.sin(
        np.pi * chance.integers(1, 4, len(u))[own] * share
    ) + np.where(inner, chance.normal(0.0, 0.01, len(own)), 0.0)
    along = (place[v] - place[u])[own]
    xy = place[u][own] + share[:, None] * along + bend[:, None] * along[:, ::-1] * (-1.0, 1.0)
    return {"u": u, "v": v, "xy": xy, "start": start, "nodes": np.array(side * side)}


def crashes(lines: np.ndarray, count: int, chance: np.random.Generator) -> np.ndarray:
    """Coordinates of crashes: three of five in hot spots, half of these at junctions."""
    length = shapely.length(lines)
    spots = max(count // 60, 20)
    spot_edge = chance.integers(0, len(lines), spots)
    spot_at = (
        np.where(chance.integers(0, 2, spots) == 0, 0.0, chance.random(spots)) * length[spot_edge]
    )
    weight = np.minimum(chance.pareto(1.3, spots) + 1.0, 200.0)
    hot = chance.choice(spots, count * 3 // 5, p=weight / weight.sum())
    even = chance.choice(len(lines), count - len(hot), p=length / length.sum())
    edge = np.concatenate([spot_edge[hot], even])
    measure = np.concatenate(
        [
            np.abs(spot_at[hot] + chance.normal(0.0, 40.0, len(hot))),
            chance.random(len(even)) * length[even],
        ]
    )
    on = shapely.get_coordinates(shapely.line_interpolate_point(lines[edge], measure))
    off = chance.uniform(10.0, 30.0, (count, 1)) * chance.normal(0.0, 1.0, (count, 2))
    return chance.permutation(on + off)


def made(size: str, path: Path) -> None:
    """One size: network, crashes, and the crashes where they were snapped."""
    from blackspots.nearest import nearest  # noqa: PLC0415 - not for every peer

    edges, count = SIZES[size]
    chance = np.random.default_rng([SEED, edges])
    data = network(edges, chance)
    lines = lines_of(data)
    data["points"] = crashes(lines, count, chance)
    data["length"] = shapely.length(lines)
    snapped = nearest(data["points"], lines, SNAP)
    there = snapped.line >= 0
    data["edge"], data["measure"] = snapped.line[there], snapped.measure[there]
    np.savez(path, **data)  # type: ignore[arg-type]


def lines_of(data: Data) -> np.ndarray:
    """The edges as LineStrings."""
    return np.asarray(
        shapely.from_ragged_array(
            shapely.GeometryType.LINESTRING, data["xy"], (data["start"].astype(np.int64),)
        )
    )


# --- snapping


def snap_own(data: Data) -> Run:
    """The project's."""
    from blackspots.nearest import nearest  # noqa: PLC0415 - each peer imports its own

    lines, points = lines_of(data), data["points"]
    return lambda: nearest(points, lines, SNAP)


def snap_shapely(data: Data) -> Run:
    """Candidates within the distance, the nearest of them, and where on it."""
    lines, points = lines_of(data), np.asarray(shapely.points(data["points"]))

    def run() -> Any:
        point, line = shapely.STRtree(lines).query(points, predicate="dwithin", distance=SNAP)
        away = shapely.distance(points[point], lines[line])
        order = np.lexsort((line, away, point))
        first = order[np.diff(point[order], prepend=-1) > 0]
        at = shapely.line_locate_point(lines[line[first]], points[point[first]])
        return point[first], line[first], away[first], at

    return run


def snap_geopandas(data: Data) -> Run:
    """``sjoin_nearest``, and where on the line."""
    import geopandas as gpd  # noqa: PLC0415 - each peer imports its own

    lines = gpd.GeoDataFrame(geometry=lines_of(data), crs=9215)
    points = gpd.GeoDataFrame(geometry=shapely.points(data["points"]), crs=9215)

    def run() -> Any:
        joined = points.sjoin_nearest(lines, max_distance=SNAP, distance_col="away")
        line = lines.geometry.to_numpy()[joined["index_right"].to_numpy()]
        return joined, shapely.line_locate_point(line, joined.geometry.to_numpy())

    return run


def snap_duckdb(data: Data) -> Run:
    """``ST_DWithin``, the nearest of each, and where on it."""
    import duckdb  # noqa: PLC0415 - each peer imports its own
    import pyarrow as pa  # noqa: PLC0415

    database = duckdb.connect()
    # Installed as a package, or by DuckDB itself.
    found = importlib.util.find_spec("duckdb_extension_spatial")
    folders = found.submodule_search_locations if found else None
    files = [file for each in folders or () for file in Path(each).rglob("*.duckdb_extension")]
    database.execute(f"LOAD '{files[0]}'" if files else "LOAD spatial")
    for name, geometry in (
        ("e", lines_of(data)),
        ("c", np.asarray(shapely.points(data["points"]))),
    ):
        table = pa.table({"id": np.arange(len(geometry)), "wkb": shapely.to_wkb(geometry)})
        database.register("given", table)
        database.execute(f"CREATE TABLE {name} AS SELECT id, ST_GeomFromWKB(wkb) g FROM given")  # noqa: S608
        database.unregister("given")
    query = f"""
        WITH j AS (SELECT c.id point, e.id line, ST_Distance(c.g, e.g) away
                   FROM c JOIN e ON ST_DWithin(c.g, e.g, {SNAP})),
             b AS (SELECT point, min_by(line, (away, line)) line, min(away) away
                   FROM j GROUP BY point)
        SELECT b.*, ST_LineLocatePoint(e.g, c.g) * ST_Length(e.g) measure
        FROM b JOIN e ON e.id = b.line JOIN c ON c.id = b.point"""  # noqa: S608
    return lambda: database.execute(query).fetchnumpy()


# --- along the network


def own(name: str, *options: Any) -> Callable[[Data], Run]:
    """A function of the project, from plain arrays on."""

    def prepared(data: Data) -> Run:
        from blackspots import graph  # noqa: PLC0415 - each peer imports its own

        def run() -> Any:
            roads = graph.Graph(data["u"], data["v"], data["length"], int(data["nodes"]))
            events = graph.Events.on(roads, data["edge"], data["measure"])
            return getattr(graph, name)(roads, events, *options)

        return run

    return prepared


def split(data: Data) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """The network with events as nodes: ends and lengths of its pieces, first event's node."""
    nodes, edge, measure = int(data["nodes"]), data["edge"], data["measure"]
    order = np.lexsort((measure, edge))
    edge, measure = edge[order], np.minimum(measure[order], data["length"][edge[order]])
    begins = np.diff(edge, prepend=-1) != 0
    ends = np.append(begins[1:], True)
    free = np.setdiff1d(np.arange(len(data["u"])), edge)
    one = [data["u"][edge[begins]], nodes + order[:-1][~begins[1:]], nodes + order[ends]]
    other = [nodes + order[begins], nodes + order[1:][~begins[1:]], data["v"][edge[ends]]]
    length = [
        measure[begins],
        np.diff(measure)[~begins[1:]],
        data["length"][edge[ends]] - measure[ends],
    ]
    return (
        np.concatenate([*one, data["u"][free]]),
        np.concatenate([*other, data["v"][free]]),
        np.maximum(np.concatenate([*length, data["length"][free]]), 1e-9),
        nodes,
    )


def networkx_graph(data: Data) -> Any:
    """The split network as networkx has it."""
    import networkx as nx  # noqa: PLC0415 - each peer imports its own

    one, other, length, _ = split(data)
    roads = nx.Graph()
    roads.add_weighted_edges_from(zip(one.tolist(), other.tolist(), length.tolist(), strict=True))
    return roads


def networkx_sample(data: Data) -> tuple[Any, Any, np.ndarray, float]:
    """Networkx, the network, events to look at, and what their time is to be multiplied by."""
    import networkx as nx  # noqa: PLC0415 - each peer imports its own

    count, nodes = len(data["edge"]), int(data["nodes"])
    few = min(count, SAMPLE) if count > SIZES["S"][1] else count
    chosen = np.random.default_rng(SEED).choice(count, few, replace=False)
    return nx, networkx_graph(data), nodes + chosen, count / few


def counts_networkx(data: Data) -> Run:
    """A bounded search from each event."""
    nx, roads, sample, factor = networkx_sample(data)
    nodes = int(data["nodes"])

    def run() -> Any:
        search = nx.single_source_dijkstra_path_length
        for event in sample.tolist():
            sum(node >= nodes for node in search(roads, event, cutoff=RADIUS))
        return {"factor": factor}

    return run


def density_networkx(data: Data) -> Run:
    """DBSCAN on bounded searches; its time is that of the searches, one for each event."""
    nx, roads, sample, factor = networkx_sample(data)
    nodes = int(data["nodes"])

    def run() -> Any:
        label: dict[int, int] = {}
        search = nx.single_source_dijkstra_path_length
        for event in sample.tolist():
            near = [node for node in search(roads, event, cutoff=RADIUS) if node >= nodes]
            if len(near) >= MINIMUM:
                # All of a neighbourhood are taken up, as a queue of DBSCAN would.
                for node in near:
                    label.setdefault(node, event)
        return {"factor": factor}

    return run


def linkage_scipy(data: Data) -> Run:
    """One search from all events, and components of what meets between their cells."""
    from scipy import sparse  # noqa: PLC0415 - each peer imports its own
    from scipy.sparse import csgraph  # noqa: PLC0415

    def run() -> Any:
        one, other, length, nodes = split(data)
        low, high = np.minimum(one, other), np.maximum(one, other)
        order = np.lexsort((length, high, low))
        low, high, length = low[order], high[order], length[order]
        first = (np.diff(low, prepend=-1) != 0) | (np.diff(high, prepend=-1) != 0)
        low, high, length = low[first], high[first], length[first]
        count = len(data["edge"])
        size = nodes + count
        roads = sparse.csr_array((length, (low, high)), shape=(size, size))
        away, _, source = csgraph.dijkstra(
            roads,
            directed=False,
            indices=np.arange(nodes, size),
            limit=RADIUS,
            min_only=True,
            return_predecessors=True,
        )
        meets = away[low] + length + away[high] <= RADIUS
        links = (source[low[meets]] - nodes, source[high[meets]] - nodes)
        some = sparse.csr_array((np.ones(len(links[0]), np.int8), links), shape=(count, count))
        return csgraph.connected_components(some, directed=False)

    return run


@dataclass(frozen=True)
class Peer:
    """Another way to the same result: how, at which sizes, and the ratio to reach there."""

    prepare: Callable[[Data], Run]
    goals: dict[str, float | None]
    needs: tuple[str, ...] = ()


OWN: dict[str, Callable[[Data], Run]] = {
    "snap": snap_own,
    "counts": own("counts_within", RADIUS),
    "density": own("clusters_by_density", RADIUS, MINIMUM),
    "linkage": own("clusters_by_linkage", RADIUS),
}

PEERS: dict[str, dict[str, Peer]] = {
    "snap": {
        "shapely dwithin": Peer(snap_shapely, {"S": 1.1, "M": None, "L": None}),
        "geopandas sjoin_nearest": Peer(
            snap_geopandas, {"S": None, "M": None, "L": 0.09}, ("geopandas",)
        ),
        "duckdb ST_DWithin": Peer(
            snap_duckdb,
            {"S": None, "M": None, "L": 0.6},
            ("duckdb", "duckdb_extension_spatial", "pyarrow"),
        ),
    },
    "counts": {
        "networkx": Peer(counts_networkx, {"S": None, "M": 1 / 400}, ("networkx",)),
    },
    "density": {
        "networkx": Peer(density_networkx, {"S": None, "M": 1 / 300}, ("networkx",)),
    },
    "linkage": {
        "scipy min_only": Peer(linkage_scipy, {"S": None, "M": None, "L": 0.3}),
    },
}


def child(operation: str, peer: str, path: Path, small: Path) -> None:
    """One timed run; prints its figures as JSON."""
    prepare = PEERS[operation][peer].prepare if peer else OWN[operation]
    data = dict(np.load(path))
    if peer or len(data["points"]) == SIZES["S"][1]:
        prepare(dict(np.load(small)))()  # imports, and what is only done once
    else:
        _compile(dict(np.load(small)), prepare)
    figures, result = timed(prepare(data))
    # What was measured on a sample stands for the whole.
    factor = result["factor"] if isinstance(result, dict) and "factor" in result else 1.0
    print(json.dumps(figures | {"wall": figures["wall"] * factor, "factor": factor}))


def _compile(small: Data, prepare: Callable[[Data], Run]) -> None:
    """Warm up with the kernels that a large input will use."""
    import blackspots.nearest as snapping  # noqa: PLC0415 - not for every peer
    from blackspots.graph import choice  # noqa: PLC0415

    kept = choice.COMPILED_FROM, snapping.COMPILED_FROM
    choice.COMPILED_FROM = snapping.COMPILED_FROM = 0
    prepare(small)()
    choice.COMPILED_FROM, snapping.COMPILED_FROM = kept


def measure(size: str, operation: str, folder: Path, rounds: int) -> None:
    """All rounds of one operation at one size, and its table."""
    peers = {}
    for name, peer in PEERS[operation].items():
        lacking = [each for each in peer.needs if importlib.util.find_spec(each) is None]
        if lacking:
            wanted = " ".join(each.replace("_", "-") for each in lacking)
            print(f"{size} {operation}: {name} is left out; to have it: pip install {wanted}")
        elif size in peer.goals:
            peers[name] = peer
    if not peers:
        return
    files = [str(folder / f"{each}.npz") for each in (size, "S")]
    words = {name: (operation, name, *files) for name in ("", *peers)}
    figures = in_turns(__file__, words, rounds)
    for name, runs in figures.items():
        wall, peak = (statistics.median(run[key] for run in runs) for key in ("wall", "peak"))
        line = f"{size} {operation:8s} {name or 'blackspots':24s} {wall:9.4f} s  +{peak:5.0f} MB"
        if name:
            found = ratios(figures[""], runs)
            ratio, goal = statistics.median(found), peers[name].goals[size]
            line += f"  ratio {ratio:.5f} ({found[0]:.5f} to {found[-1]:.5f})"
            line += f"  goal {goal:.5f} {'met' if ratio <= goal else 'MISSED'}" if goal else ""
            if runs[0]["factor"] > 1.0:
                line += f"  (extrapolated from {SAMPLE} events)"
        print(line, flush=True)


def main() -> int:
    """Make the data, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--only", nargs="+", choices=OWN, default=list(OWN))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the data are kept between runs")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        operation, peer, path, small = options.child
        child(operation, peer, Path(path), Path(small))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for size in dict.fromkeys(["S", *options.sizes]):
            if not (folder / f"{size}.npz").exists():
                made(size, folder / f"{size}.npz")
        if importlib.util.find_spec("numba") is None:
            print("numba is not installed, so blackspots runs uncompiled: pip install numba")
        for size in options.sizes:
            for operation in options.only:
                measure(size, operation, folder, options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
