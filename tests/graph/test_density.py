"""Kernel density along a network: worked cases, every walk by hand, and mass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import between, networks, placed

from blackspots.graph import (
    Events,
    Graph,
    adaptive_bandwidths,
    choice,
    lixelize,
)
from blackspots.graph import density as module
from blackspots.graph import density_plain as plain
from blackspots.graph import plain as shared

Array = np.ndarray[Any, Any]
WALKS = ("discontinuous", "continuous")
METHODS = ("simple", *WALKS)
KERNELS = ("uniform", "triangular", "epanechnikov", "quartic", "triweight", "gaussian")

both = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def on(graph: Graph, *places: tuple[int, float]) -> Events:
    edge, measure = zip(*places, strict=True)
    return Events.on(graph, np.array(edge), np.array(measure, dtype=float))


def kernel_density(graph: Graph, events: Events, edge: Any, measure: Any, **options: Any) -> Array:
    return module.kernel_density(graph, events, np.asarray(edge), np.asarray(measure), **options)


def mass(graph: Graph, events: Events, longest: float, **options: Any) -> float:
    parts = lixelize(graph, longest)
    made = kernel_density(graph, events, parts.edge, parts.middle, **options)
    # Nothing is known on edges of a part without length, and nothing lies there.
    return float(np.nansum(made * parts.length))


# --- lixels


@given(data=st.data(), longest=st.floats(0.1, 20.0))
@settings(max_examples=60, deadline=None)
def test_lixels_lose_nothing_and_none_is_longer(data: st.DataObject, longest: float) -> None:
    length = np.array(data.draw(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=9)))
    graph = Graph(np.zeros(len(length), int), np.ones(len(length), int), length, 2)
    made = lixelize(graph, longest)
    assert (made.length <= longest * (1 + 1e-9) + 1e-6).all()
    for e, own in enumerate(graph.length):
        rows = slice(made.start[e], made.start[e + 1])
        assert (made.edge[rows] == e).all()
        assert (made.begin[rows][0], made.end[rows][-1]) == (0.0, own)
        assert (made.begin[rows][1:] == made.end[rows][:-1]).all()
        # As few as that takes.
        assert (len(made.edge[rows]) - 1) * longest < own or len(made.edge[rows]) == 1


def test_an_empty_network_has_no_lixel_and_no_length_is_refused() -> None:
    nothing = Graph(np.empty(0, int), np.empty(0, int), np.empty(0), 0)
    assert lixelize(nothing, 50.0).start.tolist() == [0]
    with pytest.raises(ValueError, match="lixel"):
        lixelize(nothing, 0.0)


# --- the star of shared/reference/screening.md

STAR = Graph(np.zeros(4, int), np.arange(1, 5), np.full(4, 20.0), 5)


def test_density_on_a_star_against_the_reference(way: str) -> None:
    events = on(STAR, (0, 3.0))
    made = {
        method: kernel_density(STAR, events, [1], [3.0], bandwidth=10.0, method=method)[0]
        for method in METHODS
    }
    exact = 15 / 16 * (1 - 0.36) ** 2 / 10
    assert made["simple"] == pytest.approx(exact, rel=1e-14), way
    assert round(made["simple"], 4) == 0.0384
    assert round(made["discontinuous"], 4) == 0.0128
    assert made["continuous"] == pytest.approx(exact / 2, rel=1e-14)


def test_mass_on_a_star_against_the_reference(way: str) -> None:
    events = on(STAR, (0, 3.0))
    found = [mass(STAR, events, 0.01, bandwidth=5.0, method=method) for method in METHODS]
    assert [round(each, 4) for each in found] == [1.1158, 1.0, 1.0], way


def test_behind_a_junction_the_continuous_density_is_lowered_on_the_event_side(way: str) -> None:
    #  Event 3 m before the node: at 1 m it is k(2) and, turned round, (2/4 - 1) k(4).
    made = kernel_density(STAR, on(STAR, (0, 3.0)), [0], [1.0], bandwidth=10, method="continuous")

    def k(d: float) -> float:
        return 15 / 16 * (1 - d * d / 100) ** 2 / 10

    assert made[0] == pytest.approx(k(2) - k(4) / 2, rel=1e-14), way


@pytest.mark.parametrize("edges", [1, 2, 3, 5])
def test_an_event_at_a_node_begins_with_two_nths_in_each_road(way: str, edges: int) -> None:
    graph = Graph(np.zeros(edges, int), np.arange(1, edges + 1), np.full(edges, 20.0), edges + 1)
    at = np.arange(edges)
    for method in WALKS:
        made = kernel_density(
            graph, on(graph, (0, 0.0)), at, np.full(edges, 4.0), bandwidth=10, method=method
        )
        assert made == pytest.approx(2 / edges * 15 / 16 * 0.84**2 / 10, rel=1e-13), way
        assert mass(graph, on(graph, (0, 0.0)), 0.05, bandwidth=10, method=method) == (
            pytest.approx(1.0, abs=1e-5)
        )


def test_the_same_node_named_by_another_edge_gives_the_same(way: str) -> None:
    graph = Graph(np.array([0, 1, 1]), np.array([1, 2, 3]), np.array([8.0, 9.0, 7.0]), 4)
    parts = lixelize(graph, 1.0)
    for method in METHODS:
        made = [
            kernel_density(graph, on(graph, at), parts.edge, parts.middle, bandwidth=6.0,
                           method=method)
            for at in ((0, 8.0), (1, 0.0), (2, 0.0))
        ]  # fmt: skip
        assert made[0] == pytest.approx(made[1], rel=1e-13), way
        assert made[0] == pytest.approx(made[2], rel=1e-13)


# --- loops, dead ends, parts


def test_a_ring_shorter_than_the_bandwidth_is_walked_round_and_round(way: str) -> None:
    ring = Graph(np.array([0]), np.array([0]), np.array([4.0]), 1)
    for method in WALKS:
        made = kernel_density(
            ring, on(ring, (0, 1.0)), [0], [2.0], bandwidth=10.0, method=method, kernel="uniform"
        )
        # At 1, 5 and 9 m one way, 3 and 7 m the other.
        assert made[0] == pytest.approx(5 * 0.05), way
        assert mass(ring, on(ring, (0, 1.0)), 0.01, bandwidth=10.0, method=method) == (
            pytest.approx(1.0, abs=1e-4)
        )


def test_walks_turn_round_at_a_dead_end_and_the_simple_method_loses_there(way: str) -> None:
    road = Graph(np.array([0]), np.array([1]), np.array([30.0]), 2)
    events = on(road, (0, 2.0))
    for method in WALKS:
        made = kernel_density(road, events, [0], [1.0], bandwidth=10.0, method=method)
        there, back = (15 / 16 * (1 - d * d / 100) ** 2 / 10 for d in (1.0, 3.0))
        assert made[0] == pytest.approx(there + back), way
        assert mass(road, events, 0.05, bandwidth=10.0, method=method) == pytest.approx(
            1.0, abs=1e-4
        )
    assert mass(road, events, 0.05, bandwidth=10.0, method="simple") < 0.9


def test_what_is_out_of_reach_gets_nothing(way: str) -> None:
    graph = Graph(np.array([0, 2]), np.array([1, 3]), np.array([5.0, 5.0]), 4)
    for method in METHODS:
        made = kernel_density(
            graph, on(graph, (0, 1.0)), [1, 0], [1.0, 1.0], bandwidth=3.0, method=method
        )
        assert made[0] == 0.0, way
        assert made[1] > 0.0


def test_a_node_of_degree_two_changes_nothing(way: str) -> None:
    # 0 ---- 10 ---- 1   and   0 --4-- 2 --6-- 1
    whole = Graph(np.array([0]), np.array([1]), np.array([10.0]), 2)
    cut = Graph(np.array([0, 1]), np.array([2, 2]), np.array([4.0, 6.0]), 3)
    for method in METHODS:
        made = kernel_density(
            whole, on(whole, (0, 3.0)), [0, 0], [1.0, 7.0], bandwidth=6.0, method=method
        )
        same = kernel_density(
            cut, on(cut, (0, 3.0)), [0, 1], [1.0, 3.0], bandwidth=6.0, method=method
        )
        assert made == pytest.approx(same, rel=1e-13), way


def test_an_edge_of_no_length_is_its_node(way: str) -> None:
    # 0 -5- 1 -0- 2 -5- 3, and 2 -5- 4: the same as a star of three
    split = Graph(np.array([0, 1, 2, 2]), np.array([1, 2, 3, 4]), np.array([5.0, 0.0, 5.0, 5.0]), 5)
    star = Graph(np.array([0, 1, 1]), np.array([1, 2, 3]), np.array([5.0, 5.0, 5.0]), 4)
    for method in WALKS:
        for here, there in (((0, 3.0), (0, 3.0)), ((1, 0.0), (0, 5.0))):
            made = kernel_density(
                split, on(split, here), [0, 1, 2, 3], [1.0, 0.0, 2.0, 2.0], bandwidth=4.0,
                method=method,
            )  # fmt: skip
            same = kernel_density(
                star, on(star, there), [0, 1, 1, 2], [1.0, 0.0, 2.0, 2.0], bandwidth=4.0,
                method=method,
            )  # fmt: skip
            assert made == pytest.approx(same, rel=1e-13), way
    nowhere = Graph(np.array([0]), np.array([0]), np.array([0.0]), 1)
    assert np.isnan(
        kernel_density(nowhere, on(nowhere, (0, 0.0)), [0], [0.0], bandwidth=1, method="continuous")
    ).all()


# --- against every walk, followed one by one


def k(kernel: str, x: float) -> float:
    """The kernels as textbooks have them."""
    if kernel == "gaussian":
        whole = math.erf(3 / math.sqrt(2))
        return math.exp(-x * x / 2) / math.sqrt(2 * math.pi) / whole if x <= 3 else 0.0
    return {
        "uniform": 0.5,
        "triangular": 1 - x,
        "epanechnikov": 0.75 * (1 - x**2),
        "quartic": 15 / 16 * (1 - x**2) ** 2,
        "triweight": 35 / 32 * (1 - x**2) ** 3,
    }[kernel] * (x <= 1)


def every_walk(  # noqa: C901 - the whole of it in one place
    graph: Graph, at: tuple[int, float], place: tuple[int, float], method: str, reach: float
) -> list[tuple[float, float]]:
    """Length and share of each walk from an event to a place that is no longer than ``reach``."""
    sides = [(e, side) for e in range(len(graph.u)) for side in (0, 1)]
    ends: list[list[tuple[int, int]]] = [[] for _ in range(graph.nodes)]
    for e, side in sides:
        ends[(graph.u, graph.v)[side][e]].append((e, side))
    found = []

    def along(e: int, side: int, away: float, share: float) -> None:
        """From the ``side`` end of an edge on."""
        length = float(graph.length[e])
        if e == place[0]:
            found.append((away + (place[1] if side == 0 else length - place[1]), share))
        if away + length <= reach:
            arrive(e, 1 - side, away + length, share)

    def arrive(e: int, side: int, away: float, share: float) -> None:
        """At the ``side`` end of an edge."""
        roads = ends[int((graph.u, graph.v)[side][e])]
        n = len(roads)
        for road in roads:
            if method == "continuous":
                factor = 2 / n - (road == (e, side))
            elif n == 1:
                factor = 1.0
            else:
                factor = 0.0 if road == (e, side) else 1 / (n - 1)
            if factor:
                along(*road, away, share * factor)

    e, m = at
    length = float(graph.length[e])
    if method == "discontinuous" and m in (0.0, length):
        roads = ends[int((graph.u if m == 0.0 else graph.v)[e])]
        for road in roads:
            along(*road, 0.0, 2 / len(roads))
    else:
        if e == place[0]:
            found.append((abs(m - place[1]), 1.0))
        arrive(e, 0, m, 1.0)
        arrive(e, 1, length - m, 1.0)
    return [(away, share) for away, share in found if away <= reach]


@st.composite
def small(draw: st.DrawFn) -> Graph:
    """Loops, parallel edges, dead ends, parts out of reach; none without length."""
    nodes = draw(st.integers(1, 4))
    ends = st.integers(0, nodes - 1)
    edges = draw(st.lists(st.tuples(ends, ends, st.integers(3, 12)), min_size=1, max_size=5))
    u, v, length = (np.array(side) for side in zip(*edges, strict=True))
    return Graph(u, v, length / 4.0, nodes)


@both
@given(
    data=st.data(),
    kernel=st.sampled_from(KERNELS),
    method=st.sampled_from(METHODS),
    quarters=st.integers(1, 9),
    adaptive=st.booleans(),
)
def test_the_density_is_the_sum_over_every_walk(
    way: str, data: st.DataObject, kernel: str, method: str, quarters: int, adaptive: bool
) -> None:
    graph = data.draw(small())
    events, places = data.draw(placed(graph, 4)), data.draw(placed(graph, 4))
    chance = st.sampled_from([0.0, 0.5, 1.0, 3.0])
    weights = np.array([data.draw(chance) for _ in range(len(events))])
    ends = 3.0 if kernel == "gaussian" else 1.0
    # Distances are whole quarters: none falls on a step of a kernel, where rounding decides.
    width = (quarters / 4.0 + (0.1 if kernel in {"uniform", "gaussian"} else 0.0)) / ends
    factor = np.array([data.draw(st.sampled_from([0.5, 0.75, 1.0])) for _ in weights])
    bandwidths = width * factor if adaptive else np.full(len(events), width)
    at = (events.unsorted(events.edge), events.unsorted(events.measure))
    to = (places.unsorted(places.edge), places.unsorted(places.measure))
    made = kernel_density(
        graph, events, *to, bandwidth=width, method=method, kernel=kernel, weights=weights,
        bandwidths=bandwidths if adaptive else None, least=0.0,
    )  # fmt: skip
    together = Events.on(graph, *(np.concatenate(each) for each in zip(at, to, strict=True)))
    away = between(graph, together)[graph.nodes :, graph.nodes :][: len(events), len(events) :]
    for j, place in enumerate(zip(*to, strict=True)):
        total = 0.0
        for i, event in enumerate(zip(*at, strict=True)):
            h = bandwidths[i]
            if method == "simple":
                walks = [(min(away[i, j], 99.0), 1.0)]
            else:
                walks = every_walk(graph, event, place, method, ends * h + 0.01)
            total += sum(weights[i] * share * k(kernel, d / h) / h for d, share in walks)
        assert made[j] == pytest.approx(total, rel=1e-10, abs=1e-12), way


@both
@given(data=st.data(), method=st.sampled_from(WALKS), kernel=st.sampled_from(KERNELS[1:]))
def test_the_walking_methods_integrate_to_the_number_of_events(
    way: str, data: st.DataObject, method: str, kernel: str
) -> None:
    graph = data.draw(small())
    events = data.draw(placed(graph, 5))
    width = 1.0 / 3.0 if kernel == "gaussian" else 1.0
    assert mass(
        graph, events, 0.002, bandwidth=width, method=method, kernel=kernel
    ) == pytest.approx(len(events), rel=2e-3), way


@both
@given(data=st.data(), method=st.sampled_from(WALKS))
def test_mass_is_kept_where_edges_have_no_length(
    way: str, data: st.DataObject, method: str
) -> None:
    graph, events = data.draw(networks())
    # Those in a part without any length have no place to be spread over.
    part = np.arange(graph.nodes)
    for _ in range(graph.nodes):
        np.minimum.at(part, graph.u, part[graph.v])
        np.minimum.at(part, graph.v, part[graph.u])
    size = np.bincount(part[graph.u], graph.length, graph.nodes)
    count = (size[part[graph.u[events.edge]]] > 0.0).sum()
    made = mass(graph, events, 0.01, bandwidth=0.5, method=method, kernel="triweight")
    assert made == pytest.approx(count, abs=2e-2), way


# --- both implementations, pruned walks, adaptive bandwidths


def town(side: int, count: int, seed: int) -> tuple[Graph, Events]:
    """A square grid of uneven streets with events, many at one place or at nodes."""
    chance = np.random.Generator(np.random.PCG64(seed))
    number = np.arange(side * side).reshape(side, side)
    u = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    v = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    graph = Graph(u, v, chance.uniform(40.0, 120.0, len(u)), side * side)
    edge = chance.integers(0, len(u), count)
    share = chance.choice([0.0, 0.25, 0.5, 1.0], count) + chance.choice([0.0, 1e-3], count)
    return graph, Events.on(graph, edge, np.minimum(share, 1.0) * graph.length[edge])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
def test_plain_and_compiled_agree_to_the_rounding_of_a_sum(
    method: str, kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    graph, events = town(12, 150, 3)
    parts = lixelize(graph, 25.0)
    made = []
    for size in (0, 10**12):
        monkeypatch.setattr(choice, "COMPILED_FROM", size)
        made.append(
            kernel_density(
                graph, events, parts.edge, parts.middle, bandwidth=70.0, method=method,
                kernel=kernel, least=1e-3,
            )
        )  # fmt: skip
    assert made[0].max() > 0.0
    # The order of adding differs; no term is greater than the density's maximum by much.
    assert np.abs(made[0] - made[1]).max() <= 1e-12 * made[0].max()


def test_threads_change_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = pytest.importorskip("blackspots.graph.density_kernels")
    graph, events = town(12, 300, 4)
    parts = lixelize(graph, 25.0)
    monkeypatch.setattr(choice, "COMPILED_FROM", 0)
    monkeypatch.setattr(kernels, "SHARED_FROM", 10)
    for method in METHODS:
        made = []
        for count in (1, 2, 8):
            monkeypatch.setattr(choice, "threads", lambda count=count: count)
            made.append(
                kernel_density(
                    graph, events, parts.edge, parts.middle, bandwidth=150.0, method=method
                ).tobytes()
            )
        assert made[0] == made[1] == made[2]


@pytest.mark.parametrize("method", WALKS)
def test_walks_in_parts_give_the_same_as_together(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, events = town(6, 40, 7)
    parts = lixelize(graph, 25.0)
    made = []
    for some in (1, 7, 10**6):
        monkeypatch.setattr(plain, "WALKS", some)
        monkeypatch.setattr(plain, "ORIGINS", some)
        monkeypatch.setattr(shared, "ROWS", 50 * some)
        made.append(
            [
                kernel_density(
                    graph, events, parts.edge, parts.middle, bandwidth=200.0, method=each
                )
                for each in (method, "simple")
            ]
        )
    for other in made[1:]:
        assert np.abs(np.array(made[0]) - np.array(other)).max() <= 1e-15


@pytest.mark.parametrize("method", WALKS)
def test_where_walks_are_many_the_kernels_take_over(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    graph, events = town(6, 40, 7)
    used = []
    walked = module._kernels().walked

    def told(*given: Any, **options: Any) -> Any:
        used.append(1)
        return walked(*given, **options)

    monkeypatch.setattr(module._kernels(), "walked", told)
    options: dict[str, Any] = {"bandwidth": 200.0, "method": method}
    few = kernel_density(graph, events, [3], [5.0], **options)
    assert not used
    monkeypatch.setattr(module, "WALKED", 0.001)
    assert kernel_density(graph, events, [3], [5.0], **options) == pytest.approx(few, rel=1e-12)
    assert used


@pytest.mark.parametrize(("method", "least"), [("discontinuous", 2e-2), ("continuous", 2e-2)])
def test_what_light_walks_lose_is_given_back(way: str, method: str, least: float) -> None:
    graph, events = town(8, 20, 5)
    exactly, pruned = (
        mass(graph, events, 2.0, bandwidth=300.0, method=method, least=each)
        for each in (1e-4, least)
    )
    assert exactly == pytest.approx(20.0, rel=1e-3), way
    assert pruned == pytest.approx(20.0, rel=1e-3)


def test_walks_that_cannot_be_followed_are_refused(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, events = town(8, 5, 6)
    with pytest.raises(ValueError, match="spans too many nodes"):
        kernel_density(
            graph, events, [0], [1.0], bandwidth=900.0, method="discontinuous", least=0.2
        )
    monkeypatch.setattr(module, "STEPS", 100)
    with pytest.raises(ValueError, match="more than 100 steps"):
        kernel_density(graph, events, [0], [1.0], bandwidth=900.0, method="continuous")
    assert way


def test_adaptive_bandwidths_against_abramson_1982(way: str) -> None:
    graph = Graph(np.array([0]), np.array([1]), np.array([1000.0]), 2)
    events = on(graph, (0, 800.0), *((0, 200.0 + k) for k in range(4)))
    pilot = kernel_density(
        graph, events, events.unsorted(events.edge), events.unsorted(events.measure), bandwidth=50.0
    )
    made = adaptive_bandwidths(graph, events, bandwidth=50.0, trim=(0.01, 100.0))
    mean = np.exp(np.log(pilot).mean())
    assert made == pytest.approx(50.0 * np.sqrt(mean / pilot)), way
    assert np.exp(np.log(made).mean()) == pytest.approx(50.0)
    assert made[0] > made[1:].max()
    trimmed = adaptive_bandwidths(graph, events, bandwidth=50.0, trim=(0.9, 1.1))
    assert (trimmed.min(), trimmed.max()) == (pytest.approx(45.0), pytest.approx(55.0))


@pytest.mark.parametrize("method", METHODS)
def test_degenerate_inputs_give_a_plain_answer(way: str, method: str) -> None:
    none = Events.on(STAR, np.empty(0, int), np.empty(0))
    made = kernel_density(STAR, none, [0, 1], [1.0, 2.0], bandwidth=5.0, method=method)
    assert made.tolist() == [0.0, 0.0], way
    empty = np.empty(0, int)
    assert not len(
        kernel_density(STAR, on(STAR, (0, 1.0)), empty, empty, bandwidth=5.0, method=method)
    )
    heap = on(STAR, *[(0, 7.0)] * 10)
    one = kernel_density(STAR, on(STAR, (0, 7.0)), [0], [7.0], bandwidth=5.0, method=method)
    ten = kernel_density(STAR, heap, [0], [7.0], bandwidth=5.0, method=method)
    assert ten == pytest.approx(10 * one)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"bandwidth": 0.0}, "bandwidth"),
        ({"bandwidth": np.nan}, "bandwidth"),
        ({"bandwidth": 5.0, "bandwidths": [np.nan]}, "bandwidths"),
        ({"bandwidth": 5.0, "bandwidths": [1.0, 2.0]}, "bandwidths"),
        ({"bandwidth": 5.0, "weights": [-1.0]}, "weights"),
        ({"bandwidth": 5.0, "weights": [np.nan]}, "weights"),
        ({"bandwidth": 5.0, "method": "planar"}, "method"),
        ({"bandwidth": 5.0, "kernel": "normal"}, "kernel"),
        ({"bandwidth": 5.0, "least": 1.0}, "least"),
    ],
)
def test_what_makes_no_density_is_refused(options: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        kernel_density(STAR, on(STAR, (0, 1.0)), [0], [1.0], **options)
