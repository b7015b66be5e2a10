"""Clusters along a network: worked cases, and a plain definition."""

from __future__ import annotations

import tracemalloc

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import between, networks, numbered

from blackspots.graph import Events, Graph, clusters_by_density, clusters_by_linkage

both = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

#        4
#        |  edge 2, 10 m
# 0 ---- 1 ---- 2 ---- 3     edges 0, 1 and 3, 10 m each
TEE = Graph(np.array([0, 1, 1, 2]), np.array([1, 2, 4, 3]), np.array([10.0] * 4), 5)


def on(graph: Graph, *places: tuple[int, float]) -> Events:
    edge, measure = zip(*places, strict=True)
    return Events.on(graph, np.array(edge), np.array(measure, dtype=float))


def test_linkage_steps_across_a_junction(way: str) -> None:
    events = on(TEE, (3, 9.0), (0, 8.0), (2, 1.0), (1, 2.0))
    assert clusters_by_linkage(TEE, events, 3.0).tolist() == [0, 1, 1, 1], way
    assert clusters_by_linkage(TEE, events, 2.9).tolist() == [0, 1, 2, 3]
    assert clusters_by_linkage(TEE, events, 17.0).tolist() == [0, 0, 0, 0]


def test_a_gap_is_a_gap_and_not_two(way: str) -> None:
    events = on(TEE, (0, 1.0), (0, 4.0), (0, 8.0))
    assert clusters_by_linkage(TEE, events, 3.0).tolist() == [0, 0, 1], way


def test_linkage_goes_around_the_block(way: str) -> None:
    # 0 == (100 m, 2 m) == 1: events at both ends of the long edge
    graph = Graph(np.array([0, 0]), np.array([1, 1]), np.array([100.0, 2.0]), 2)
    events = on(graph, (0, 1.0), (0, 99.0))
    assert clusters_by_linkage(graph, events, 4.0).tolist() == [0, 0], way
    assert clusters_by_linkage(graph, events, 3.9).tolist() == [0, 1]


def test_density_counts_the_event_itself(way: str) -> None:
    events = on(TEE, (0, 1.0), (0, 2.0), (0, 3.0), (3, 5.0))
    assert clusters_by_density(TEE, events, 1.0, 3).tolist() == [0, 0, 0, -1], way
    assert clusters_by_density(TEE, events, 1.0, 4).tolist() == [-1, -1, -1, -1]
    assert clusters_by_density(TEE, events, 1.0, 1).tolist() == [0, 0, 0, 1]


def fronts(border: float) -> list[tuple[int, float]]:
    """Two heaps of three, each with a core in front, and an event between these.

    On edges 0 and 1:  9 xxx - 10 core | border - 3.5 core - 5 xxx
    """
    return [(0, 9.0)] * 3 + [(0, 10.0), (1, border), (1, 3.5)] + [(1, 5.0)] * 3


def test_a_border_event_goes_to_its_nearest_core_in_any_order(way: str) -> None:
    places = fronts(2.0)
    made = clusters_by_density(TEE, on(TEE, *places), 2.0, 4)
    assert made.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1], way
    turned = clusters_by_density(TEE, on(TEE, *places[::-1]), 2.0, 4)
    assert turned.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1]


def test_of_equally_near_cores_the_one_on_the_lower_edge_counts(way: str) -> None:
    places = fronts(1.75)
    made = clusters_by_density(TEE, on(TEE, *places), 2.0, 4)
    assert made.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1], way
    turned = clusters_by_density(TEE, on(TEE, *places[::-1]), 2.0, 4)
    assert turned.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1]


def test_no_events_have_no_clusters(way: str) -> None:
    none = Events.on(TEE, np.empty(0, dtype=np.int64), np.empty(0))
    assert len(clusters_by_linkage(TEE, none, 5.0)) == 0, way
    assert len(clusters_by_density(TEE, none, 5.0, 2)) == 0


@both
@given(network=networks(), quarters=st.integers(0, 20))
def test_linkage_is_the_components_of_the_pairs(
    way: str, network: tuple[Graph, Events], quarters: int
) -> None:
    graph, events = network
    near = between(graph, events)[graph.nodes :, graph.nodes :] <= quarters / 4
    label = list(range(len(events)))
    for _ in label:
        label = [min(label[j] for j in np.flatnonzero(row)) for row in near]
    assert clusters_by_linkage(graph, events, quarters / 4).tolist() == numbered(label), way


@both
@given(network=networks(), quarters=st.integers(0, 20), minimum=st.integers(1, 5))
def test_density_is_the_plain_definition(
    way: str, network: tuple[Graph, Events], quarters: int, minimum: int
) -> None:
    graph, events = network
    away = between(graph, events)[graph.nodes :, graph.nodes :]
    near = away <= quarters / 4
    core = near.sum(axis=1) >= minimum
    label = [i if core[i] else -1 for i in range(len(events))]
    for _ in range(len(events)):
        label = [
            min(label[j] for j in np.flatnonzero(near[i] & core)) if core[i] else -1
            for i in range(len(events))
        ]
    edge = events.unsorted(events.edge)
    for i in np.flatnonzero(~core):
        nearest = min(
            ((away[i, j], edge[j], j) for j in np.flatnonzero(near[i] & core)), default=None
        )
        label[i] = label[nearest[2]] if nearest else -1
    made = clusters_by_density(graph, events, quarters / 4, minimum)
    assert made.tolist() == numbered(label), way


def test_a_heap_costs_no_square_of_memory(way: str) -> None:
    # All within reach of all: 20,000 events are 400 million pairs.
    chance = np.random.default_rng(3)
    events = Events.on(TEE, chance.integers(0, 4, 20_000), chance.uniform(0.0, 10.0, 20_000))
    clusters_by_density(TEE, on(TEE, (0, 1.0)), 1.0, 1)  # what is compiled is not counted
    tracemalloc.start()
    try:
        labels = clusters_by_density(TEE, events, 50.0, 5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert set(labels.tolist()) == {0}
    assert peak < 20_000 * 2_000, (way, peak)
