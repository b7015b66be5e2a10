"""Compiled kernel density: the results of :mod:`blackspots.graph.density_plain`, large inputs.

An event is added where a walk or a search from its edge comes by, so that edges without events
cost nothing. Threads share the edges in :data:`PARTS` parts, each with densities of its own that
are added up at the end: the sum, and so each byte of it, is the same on any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import erf, exp, sqrt
from typing import Any

import numpy as np

from blackspots.graph import choice
from blackspots.graph.density_plain import (
    EPANECHNIKOV,
    GAUSSIAN_MASS,
    GAUSSIAN_PEAK,
    QUARTIC,
    TRIANGULAR,
    TRIWEIGHT,
    UNIFORM,
    Shapes,
    Walks,
    halves,
)
from blackspots.graph.kernels import _ball, _from, _grown, _upto, compiled, inlined
from blackspots.graph.network import Array, Events, Graph

PARTS = 2
"""Parts that threads may share; more would each hold all densities once more."""

SHARED_FROM = 10_000
"""Edges or walks from which they are worth sharing."""


@inlined
def _value(kernel: int, x: float) -> float:
    y = 1.0 - x * x
    if kernel == QUARTIC:
        return 0.9375 * y * y
    if kernel == EPANECHNIKOV:
        return 0.75 * y
    if kernel == TRIWEIGHT:
        return 1.09375 * y * y * y
    if kernel == TRIANGULAR:
        return 1.0 - x
    if kernel == UNIFORM:
        return 0.5
    return GAUSSIAN_PEAK * exp(-0.5 * x * x)


@inlined
def _beyond(kernel: int, x: float) -> float:
    z = x * x
    if kernel == QUARTIC:
        return 0.5 - x * (0.9375 - z * (0.625 - 0.1875 * z))
    if kernel == EPANECHNIKOV:
        return 0.5 - x * (0.75 - 0.25 * z)
    if kernel == TRIWEIGHT:
        return 0.5 - x * (1.09375 - z * (1.09375 - z * (0.65625 - 0.15625 * z)))
    if kernel == TRIANGULAR:
        return 0.5 * (1.0 - x) * (1.0 - x)
    if kernel == UNIFORM:
        return 0.5 - 0.5 * x
    return 0.5 - 0.5 * erf(x / sqrt(2.0)) / GAUSSIAN_MASS


@compiled
def _simple(  # noqa: C901, PLR0912, PLR0915 - a call of a kernel costs, a branch does not
    occupied: Array,
    u: Array,
    v: Array,
    length: Array,
    start: Array,
    node: Array,
    half: Array,
    half_length: Array,
    sources: Array,
    source_measure: Array,
    targets: Array,
    target_measure: Array,
    kernel: int,
    reach: Array,
    inverse: Array,
    scale: Array,
    out: Array,
) -> None:
    """Add the kernels of all events on the ``occupied`` edges, two searches for each."""
    nodes, edges = len(start) - 1, len(u)
    from_u, from_v = np.empty(nodes), np.empty(nodes)
    stamp_u, stamp_v = np.full(nodes, -1, np.int32), np.full(nodes, -1, np.int32)
    seen = np.full(edges, -1, np.int32)
    near_u, near_v = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    heap, held = np.empty(len(node) + 1), np.empty(len(node) + 1, np.int32)
    around = np.empty(edges, np.int32)
    for e in occupied:
        s0, s1 = sources[e], sources[e + 1]
        most_u, most_v = -1.0, -1.0
        for i in range(s0, s1):
            most_u = max(most_u, reach[i] - source_measure[i])
            most_v = max(most_v, reach[i] - (length[e] - source_measure[i]))
        count_u = _ball(
            u[e], most_u, start, node, half_length, from_u, stamp_u, e, near_u, heap, held
        )
        count_v = _ball(
            v[e], most_v, start, node, half_length, from_v, stamp_v, e, near_v, heap, held
        )
        around[0] = e
        seen[e] = e
        size = 1
        for k in range(count_u + count_v):
            n = near_u[k] if k < count_u else near_v[k - count_u]
            for q in range(start[n], start[n + 1]):
                f = half[q]
                if seen[f] != e:
                    seen[f] = e
                    if targets[f] < targets[f + 1]:
                        around[size] = f
                        size += 1
        for k in range(size):
            f = around[k]
            f0, f1 = targets[f], targets[f + 1]
            c, d = u[f], v[f]
            u_c = from_u[c] if stamp_u[c] == e else np.inf
            v_c = from_v[c] if stamp_v[c] == e else np.inf
            u_d = from_u[d] if stamp_u[d] == e else np.inf
            v_d = from_v[d] if stamp_v[d] == e else np.inf
            for i in range(s0, s1):
                m, radius = source_measure[i], reach[i]
                rest = length[e] - m
                to_c = min(m + u_c, rest + v_c)
                to_d = min(m + u_d, rest + v_d)
                head, tail = f0, f1
                if f == e:
                    # Straight on, besides out at one end and in at the other.
                    head = f1
                else:
                    if to_c <= radius:
                        head = _upto(target_measure, f0, f1, radius - to_c)
                    if to_d <= radius:
                        tail = _from(target_measure, f0, f1, length[f] - (radius - to_d))
                    tail = max(tail, head)
                for j in range(f0, head):
                    t = target_measure[j]
                    away = min(to_c + t, to_d + (length[f] - t))
                    if f == e:
                        away = min(away, abs(t - m))
                    if away <= radius:
                        out[j] += scale[i] * _value(kernel, away * inverse[i])
                for j in range(tail, f1):
                    t = target_measure[j]
                    away = min(to_c + t, to_d + (length[f] - t))
                    out[j] += scale[i] * _value(kernel, away * inverse[i])


@compiled
def _straight(
    edge: Array,
    measure: Array,
    targets: Array,
    target_measure: Array,
    kernel: int,
    reach: Array,
    inverse: Array,
    scale: Array,
    out: Array,
) -> None:
    for i in range(len(edge)):
        f0, f1 = targets[edge[i]], targets[edge[i] + 1]
        for j in range(_from(target_measure, f0, f1, measure[i] - reach[i]), f1):
            away = abs(target_measure[j] - measure[i])
            if away > reach[i]:
                break
            out[j] += scale[i] * _value(kernel, away * inverse[i])


@compiled
def _walked(  # noqa: C901, PLR0912, PLR0915 - a call of a kernel costs, a branch does not
    part: Array,
    origin_node: Array,
    origin_back: Array,
    origin_low: Array,
    origin_high: Array,
    base: Array,
    carried: Array,
    length: Array,
    start: Array,
    node: Array,
    half: Array,
    targets: Array,
    target_measure: Array,
    kernel: int,
    reach: Array,
    inverse: Array,
    scale: Array,
    continuous: bool,  # noqa: FBT001 - kernels have no keywords
    least: float,
    most: int,
    out: Array,
    lost: Array,
) -> int:
    """Follow the walks of some origins, depth first; the most steps from one of them."""
    edges = len(length)
    at_node, at_back = np.empty(64, np.int32), np.empty(64, np.int32)
    at_away, at_weight = np.empty(64), np.empty(64)
    worst = 0
    for o in part:
        low, high = origin_low[o], origin_high[o]
        slack = 0.0
        for k in range(low, high):
            slack = max(slack, reach[carried[k]] - base[k])
        if slack <= 0.0:
            continue
        at_node[0], at_back[0], at_away[0], at_weight[0] = origin_node[o], origin_back[o], 0.0, 1.0
        size, taken = 1, 0
        while size > 0:
            size -= 1
            n, back, away, weight = at_node[size], at_back[size], at_away[size], at_weight[size]
            degree = start[n + 1] - start[n]
            if size + degree > len(at_node):
                at_node, at_back = _grown(at_node, size + degree), _grown(at_back, size + degree)
                at_away = _grown(at_away, size + degree)
                at_weight = _grown(at_weight, size + degree)
            for q in range(start[n], start[n + 1]):
                h = half[q]
                if continuous:
                    split = weight * (2.0 / degree - 1.0 if h == back else 2.0 / degree)
                elif back < 0:
                    split = weight * (2.0 / degree)
                elif degree == 1:
                    split = weight
                elif h == back:
                    continue
                else:
                    split = weight * (1.0 / (degree - 1.0))
                if split == 0.0:
                    continue
                if abs(split) < least:
                    for k in range(low, high):
                        i = carried[k]
                        far = base[k] + away
                        if far < reach[i]:
                            lost[i] += split * _beyond(kernel, far * inverse[i])
                    continue
                taken += 1
                f = h if h < edges else h - edges
                f0, f1 = targets[f], targets[f + 1]
                if f0 < f1:
                    for k in range(low, high):
                        i = carried[k]
                        begun = base[k] + away
                        if begun > reach[i]:
                            continue
                        w = split * scale[i]
                        if h < edges:
                            for j in range(f0, f1):
                                far = begun + target_measure[j]
                                if far > reach[i]:
                                    break
                                out[j] += w * _value(kernel, far * inverse[i])
                        else:
                            for j in range(f1 - 1, f0 - 1, -1):
                                far = begun + (length[f] - target_measure[j])
                                if far > reach[i]:
                                    break
                                out[j] += w * _value(kernel, far * inverse[i])
                there = away + length[f]
                if there < slack:
                    at_node[size] = node[q]
                    at_back[size] = h + edges if h < edges else h - edges
                    at_away[size], at_weight[size] = there, split
                    size += 1
            if taken > most:
                return taken
        worst = max(worst, taken)
    return worst


def _shared(
    work: Array, places: int, run: Callable[[Array, Array, int], Any]
) -> tuple[Array, list[Any]]:
    """Densities of all parts added up, and what each part gave."""
    parts = PARTS if len(work) >= SHARED_FROM else 1
    outs = [np.zeros(places) for _ in range(parts)]
    some = np.array_split(work, parts)
    if parts == 1 or choice.threads() == 1:
        made = [run(some[k], outs[k], k) for k in range(parts)]
    else:
        with ThreadPoolExecutor(parts) as pool:
            made = list(pool.map(run, some, outs, range(parts)))
    for more in outs[1:]:
        outs[0] += more
    return outs[0], made


def simple(graph: Graph, events: Events, places: Events, shapes: Shapes) -> Array:
    """As :func:`blackspots.graph.density_plain.simple`."""
    start, node, half, half_length = graph.adjacency
    occupied = np.flatnonzero(events.start[1:] > events.start[:-1]).astype(np.int32)

    def run(part: Array, out: Array, _: int) -> None:
        _simple(
            part,
            graph.u,
            graph.v,
            graph.length,
            start,
            node,
            half,
            half_length,
            events.start,
            events.measure,
            places.start,
            places.measure,
            *shapes,
            out,
        )

    return _shared(occupied, len(places), run)[0]


def straight(graph: Graph, events: Events, places: Events, shapes: Shapes) -> Array:
    """As :func:`blackspots.graph.density_plain.straight`."""
    del graph
    out = np.zeros(len(places))
    _straight(events.edge, events.measure, places.start, places.measure, *shapes, out)
    return out


def walked(
    graph: Graph,
    places: Events,
    shapes: Shapes,
    walks: Walks,
    *,
    continuous: bool,
    least: float,
    most: int,
) -> tuple[Array, Array, int]:
    """As :func:`blackspots.graph.density_plain.walked`."""
    every = halves(graph)
    losses = [np.zeros(len(shapes.reach)) for _ in range(PARTS)]

    def run(part: Array, out: Array, k: int) -> int:
        made: int = _walked(
            part,
            *walks,
            graph.length,
            every.start,
            every.node,
            every.half,
            places.start,
            places.measure,
            *shapes,
            continuous,
            least,
            most,
            out,
            losses[k],
        )
        return made

    origins = np.arange(len(walks.node), dtype=np.int32)
    out, steps = _shared(origins, len(places), run)
    return out, losses[0] + losses[1], max(steps, default=0)
