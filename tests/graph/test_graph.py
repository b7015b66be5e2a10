"""Distances along a network: worked cases, brute force, and bounds of memory."""

from __future__ import annotations

import importlib.util
import sys
import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needs import missing
from oracle import between, graphs, networks, placed

from blackspots.graph import (
    Events,
    Graph,
    choice,
    counts_within,
    k_function,
    nearest,
    neighbours,
    node_distances,
    plain,
)

both = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
Array = np.ndarray[Any, Any]


def on(graph: Graph, *places: tuple[int, float]) -> Events:
    edge, measure = zip(*places, strict=True)
    return Events.on(graph, np.array(edge), np.array(measure, dtype=float))


# --- the graph


def test_of_a_table_edges_are_positions_and_nodes_keep_their_names() -> None:
    table = pd.DataFrame(
        {"from_node": [70, 10], "to_node": [10, 40], "length": [3.0, 4.5]}, index=[9, 5]
    )
    graph = Graph.of(table)
    assert graph.nodes == 3
    assert graph.names is not None
    assert graph.names[graph.u].tolist() == [70, 10]
    assert graph.names[graph.v].tolist() == [10, 40]
    assert graph.length.tolist() == [3.0, 4.5]


def test_adjacency_has_each_edge_at_both_ends_and_a_loop_twice() -> None:
    graph = Graph(np.array([0, 1, 1, 0]), np.array([1, 0, 1, 1]), np.array([5.0, 6, 7, 8]), 3)
    start, node, edge, length = graph.adjacency
    assert start.tolist() == [0, 3, 8, 8]
    assert edge.tolist() == [0, 3, 1, 1, 2, 0, 2, 3]
    assert node.tolist() == [1, 1, 1, 0, 1, 0, 1, 0]
    assert length.tolist() == graph.length[edge].tolist()
    assert (start.dtype, node.dtype, edge.dtype) == (np.int32, np.int32, np.int32)


@pytest.mark.parametrize(
    ("u", "v", "length", "nodes"),
    [
        ([0], [2], [1.0], 2),
        ([-1], [0], [1.0], 2),
        ([0], [1], [-1.0], 2),
        ([0], [1], [np.nan], 2),
        ([0], [1], [np.inf], 2),
        ([0, 1], [1], [1.0], 2),
    ],
)
def test_what_is_no_graph_is_refused(
    u: list[int], v: list[int], length: list[float], nodes: int
) -> None:
    with pytest.raises(ValueError, match=r"node|length|differ"):
        Graph(np.array(u), np.array(v), np.array(length), nodes)


def test_a_segment_without_a_node_is_refused() -> None:
    table = pd.DataFrame({"from_node": [1.0, np.nan], "to_node": [2.0, 3.0], "length": [1.0, 1.0]})
    with pytest.raises(ValueError, match="missing"):
        Graph.of(table)


def test_events_are_sorted_and_clipped_and_remember_their_order(way: str) -> None:
    graph = Graph(np.array([0, 1]), np.array([1, 2]), np.array([10.0, 10.0]), 3)
    events = on(graph, (1, 5.0), (0, 10.9), (1, -0.5), (0, 10.0), (0, 1.0))
    assert events.edge.tolist() == [0, 0, 0, 1, 1], way
    assert events.measure.tolist() == [1.0, 10.0, 10.0, 0.0, 5.0]
    assert events.number.tolist() == [4, 1, 3, 2, 0]
    assert events.start.tolist() == [0, 3, 5]
    assert events.unsorted(events.measure).tolist() == [5.0, 10.0, 0.0, 10.0, 1.0]


@pytest.mark.parametrize(
    ("edge", "measure"),
    [
        ([1], [0.0]),
        ([-1], [0.0]),
        ([0], [np.nan]),
        ([0, 0], [1.0]),
        ([0.5], [1.0]),
        ([0], [11.5]),
        ([0], [-1.5]),
        ([0], [np.inf]),
    ],
)
def test_events_that_are_nowhere_are_refused(edge: list[float], measure: list[float]) -> None:
    graph = Graph(np.array([0]), np.array([1]), np.array([10.0]), 2)
    with pytest.raises(ValueError, match=r"edge|measure"):
        Events.on(graph, np.array(edge), np.array(measure))


def test_many_events_on_one_edge_are_sorted_alike(way: str) -> None:
    graph = Graph(np.array([0, 1]), np.array([1, 2]), np.array([10.0, 10.0]), 3)
    chance = np.random.default_rng(1)
    edge, measure = chance.integers(0, 2, 500), np.round(chance.uniform(0, 10, 500), 1)
    events = Events.on(graph, edge, measure)
    assert events.number.tolist() == np.lexsort((measure, edge)).tolist(), way


# --- worked cases

#      a 1      b 9
# 0 ----x---------x- 1        edge 0, 10 m
# |                  |
# 2 m                2 m      edges 1 and 2
# 2 ------ 4 m ----- 3        edge 3
SQUARE = Graph(np.array([0, 0, 1, 2]), np.array([1, 2, 3, 3]), np.array([10.0, 2.0, 2.0, 4.0]), 4)


def test_two_events_on_an_edge_also_meet_around_the_block(way: str) -> None:
    graph = Graph(SQUARE.u, SQUARE.v, np.array([30.0, 2.0, 2.0, 4.0]), 4)
    events = on(graph, (0, 1.0), (0, 29.0))
    found = neighbours(graph, events, events, 100.0)
    assert found.source.tolist() == [0, 0, 1, 1], way
    assert found.target.tolist() == [0, 1, 1, 0]
    assert found.distance.tolist() == [0.0, 10.0, 0.0, 10.0]
    assert counts_within(graph, events, 10.0).tolist() == [2, 2]
    assert counts_within(graph, events, 9.99).tolist() == [1, 1]


def test_the_direct_way_counts_where_it_is_shorter(way: str) -> None:
    events = on(SQUARE, (0, 1.0), (0, 9.0))
    assert nearest(SQUARE, events, events).distance.tolist() == [8.0, 8.0], way


def test_a_loop_is_walked_either_way(way: str) -> None:
    # A ring of 10 m at node 0: events at 1 and 9 are 2 m apart across the node.
    graph = Graph(np.array([0]), np.array([0]), np.array([10.0]), 1)
    events = on(graph, (0, 1.0), (0, 9.0), (0, 5.0))
    assert neighbours(graph, events, events, 3.0).distance.tolist() == [0, 2, 0, 2, 0], way
    assert counts_within(graph, events, 4.0).tolist() == [3, 3, 3]


def test_of_parallel_edges_the_shorter_one_leads(way: str) -> None:
    # 0 ==(20 m, 6 m)== 1 --10 m-- 2
    graph = Graph(np.array([0, 1, 1]), np.array([1, 0, 2]), np.array([20.0, 6.0, 10.0]), 3)
    events = on(graph, (0, 0.0), (2, 1.0), (0, 10.0))
    assert counts_within(graph, events, 7.0).tolist() == [2, 2, 1], way
    assert nearest(graph, events, events).distance.tolist() == [7.0, 7.0, 10.0]


def test_what_is_out_of_reach_is_not_within(way: str) -> None:
    graph = Graph(np.array([0, 2]), np.array([1, 3]), np.array([5.0, 5.0]), 4)
    events = on(graph, (0, 1.0), (1, 1.0))
    assert counts_within(graph, events, np.inf).tolist() == [1, 1], way
    alone = nearest(graph, events, events)
    assert alone.number.tolist() == [-1, -1]
    assert np.isinf(alone.distance).all()
    assert node_distances(graph, on(graph, (0, 1.0))).distance.tolist() == [1, 4, np.inf, np.inf]


def test_a_radius_holds_what_decimals_say(way: str) -> None:
    graph = Graph(np.array([0]), np.array([1]), np.array([1.0]), 2)
    events = on(graph, (0, 0.1), (0, 0.4))  # 0.4 - 0.1 is 0.30000000000000004
    assert counts_within(graph, events, 0.3).tolist() == [2, 2], way
    with pytest.raises(ValueError, match="radius"):
        counts_within(graph, events, -1.0)


def test_of_equally_near_ones_the_lowest_edge_then_number_counts(way: str) -> None:
    #   node 1 in the middle of 0, 2 and 3, each 5 m away; one event at 3 m on each edge
    graph = Graph(np.array([1, 1, 1]), np.array([0, 2, 3]), np.array([5.0, 5.0, 5.0]), 4)
    events = on(graph, (2, 3.0), (1, 3.0), (0, 5.0), (1, 3.0))
    found = node_distances(graph, events)
    assert found.number.tolist() == [2, 1, 1, 0], way
    assert found.distance.tolist() == [0.0, 3.0, 2.0, 2.0]
    assert nearest(graph, events, events).number.tolist() == [1, 3, 1, 1]


def test_nothing_gives_nothing(way: str) -> None:
    none = Events.on(SQUARE, np.empty(0, dtype=np.int64), np.empty(0))
    some = on(SQUARE, (0, 1.0))
    assert len(counts_within(SQUARE, none, 5.0)) == 0, way
    assert len(neighbours(SQUARE, some, none, 5.0).source) == 0
    assert nearest(SQUARE, some, none).number.tolist() == [-1]
    assert (node_distances(SQUARE, none).number == -1).all()


def test_the_k_function_of_a_ring() -> None:
    # On a ring of n even events each has two neighbours a step, each way alone.
    graph = Graph(np.array([0]), np.array([0]), np.array([80.0]), 1)
    events = on(graph, *((0, 10.0 * k + 1.0) for k in range(8)))
    made = k_function(graph, events, np.array([5.0, 10.0, 25.0]))
    assert made.uncorrected == pytest.approx([0.0, 80 / 56 * 16, 80 / 56 * 32])
    assert made.corrected == pytest.approx(made.uncorrected / 2)


# --- against brute force


@both
@given(network=networks(), quarters=st.integers(0, 20))
def test_counts_and_pairs_are_those_of_brute_force(
    way: str, network: tuple[Graph, Events], quarters: int
) -> None:
    graph, events = network
    radius = quarters / 4
    within = between(graph, events)[graph.nodes :, graph.nodes :]
    assert counts_within(graph, events, radius).tolist() == (within <= radius).sum(1).tolist(), way
    found = neighbours(graph, events, events, radius)
    made = np.full(within.shape, np.inf)
    made[found.source, found.target] = found.distance
    assert np.array_equal(made, np.where(within <= radius, within, np.inf))
    assert len(found.source) == (within <= radius).sum()
    on_edge = events.unsorted(events.edge)
    keys = list(zip(found.source, found.distance, on_edge[found.target], found.target, strict=True))
    assert keys == sorted(keys)


@both
@given(data=st.data(), quarters=st.integers(0, 20))
def test_the_nearest_is_that_of_brute_force(way: str, data: st.DataObject, quarters: int) -> None:
    graph = data.draw(graphs())
    sources, targets = data.draw(placed(graph)), data.draw(placed(graph))
    limit = quarters / 4
    together = Events.on(
        graph,
        np.concatenate([each.unsorted(each.edge) for each in (sources, targets)]),
        np.concatenate([each.unsorted(each.measure) for each in (sources, targets)]),
    )
    away = between(graph, together)[graph.nodes :]
    first = graph.nodes + len(sources)
    cases = (
        (nearest(graph, sources, targets, limit), away[: len(sources), first:], targets, False),
        (
            nearest(graph, sources, sources, limit),
            away[: len(sources), graph.nodes : first],
            sources,
            True,
        ),
        (
            node_distances(graph, targets, limit),
            between(graph, targets)[: graph.nodes, graph.nodes :],
            targets,
            False,
        ),
    )
    for found, distances, among, same in cases:
        on_edge = among.unsorted(among.edge)
        for i, row in enumerate(distances):
            near = [
                (d, on_edge[j], j)
                for j, d in enumerate(row)
                if d <= limit and not (same and i == j)
            ]
            best = min(near, default=(np.inf, -1, -1))
            assert (found.distance[i], found.number[i]) == (best[0], best[2]), (way, i)


@both
@given(network=networks(), quarters=st.integers(0, 20), cells=st.sampled_from([1, 20, 10**6]))
def test_blocks_of_any_size_give_the_same(
    network: tuple[Graph, Events], quarters: int, cells: int
) -> None:
    graph, events = network
    radius = quarters / 4
    whole = neighbours(graph, events, events, radius)
    kept = plain.CELLS, plain.ROWS, choice.COMPILED_FROM
    try:
        plain.CELLS = plain.ROWS = cells
        choice.COMPILED_FROM = 10**12
        parts = neighbours(graph, events, events, radius)
        counted = counts_within(graph, events, radius)
    finally:
        plain.CELLS, plain.ROWS, choice.COMPILED_FROM = kept
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))
    assert counted.tolist() == np.bincount(whole.source, minlength=len(events)).tolist()


# --- larger networks


def grid(side: int, events: int, seed: int) -> tuple[Graph, Events]:
    """A square grid of uneven streets, with events in hot spots."""
    chance = np.random.default_rng(seed)
    number = np.arange(side * side).reshape(side, side)
    u = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    v = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    graph = Graph(u, v, chance.uniform(50.0, 150.0, len(u)), side * side)
    edge = chance.integers(0, len(u), events)
    edge[: events // 2] = edge[chance.integers(0, max(events // 50, 1), events // 2)]
    return graph, Events.on(graph, edge, chance.uniform(0.0, 1.0, events) * graph.length[edge])


def test_both_ways_are_one_on_a_larger_network(monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("numba") is None:
        missing("numba", "pip install numba")
    results = []
    for limit in (0, 10**12):
        monkeypatch.setattr(choice, "COMPILED_FROM", limit)
        graph, events = grid(60, 3000, 5)
        results.append(
            [
                counts_within(graph, events, 333.3),
                *neighbours(graph, events, events, 200.0),
                *nearest(graph, events, events),
                *node_distances(graph, events, 500.0),
            ]
        )
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))


def test_a_numba_that_cannot_be_used_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "COMPILED_FROM", 0)
    monkeypatch.delattr(sys.modules["blackspots.graph"], "kernels", raising=False)
    monkeypatch.setitem(sys.modules, "blackspots.graph.kernels", None)
    assert counts_within(SQUARE, on(SQUARE, (0, 1.0)), 5.0).tolist() == [1]


def test_memory_grows_with_the_events_not_with_their_square(way: str) -> None:
    graph, events = grid(80, 20_000, 7)
    counts_within(*grid(5, 20, 7), 100.0)  # what is compiled is not counted
    assert graph.nodes * 20_000 * 8 > 1e9
    tracemalloc.start()
    try:
        counts_within(graph, events, 250.0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000 * 8_000, (way, peak)
