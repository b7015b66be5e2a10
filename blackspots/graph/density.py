"""Kernel density of events along a network: how many there are to a metre, at any place.

Three estimators are in use (Okabe and Sugihara 2012, Spatial Analysis along Networks, ch. 9;
McSwiggan, Baddeley and Nair 2017, Scandinavian Journal of Statistics 44(2), 324-345):

``simple``
    The kernel at the shortest distance (Xie and Yan 2008). At a junction it is copied into every
    road, so that the integral over the network exceeds the number of events, and at a dead end
    it falls short: a picture of what is near, not a density.
``discontinuous``
    Walks that never turn round; at a node of degree n each of the other roads gets 1/(n - 1). An
    event at a node begins with 2/n in each. At a dead end the walk turns round. It integrates to
    the number of events, and leaps at nodes.
``continuous``
    Walks that also turn round at nodes: 2/n goes into each other road, 2/n - 1 (below 0 from
    degree 3 on) back. It integrates to the number of events, and has no leaps. It can be below 0
    where two junctions are close.

All walks no longer than the bandwidth count, also around loops and more than once.
"""

from __future__ import annotations

from types import ModuleType
from typing import Literal, get_args

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from blackspots.graph import choice
from blackspots.graph import density_plain as plain
from blackspots.graph.density_plain import Shapes, Walks
from blackspots.graph.network import LONGEST, SLACK, STEP, Array, Events, Graph

Method = Literal["simple", "discontinuous", "continuous"]
Kernel = Literal["uniform", "triangular", "epanechnikov", "quartic", "triweight", "gaussian"]

LEAST = 1e-4
"""Share of an event below which a walk is not followed [1] (mark A); see kernel_density."""

KEPT = 0.5
"""Least share of an event's mass on walks that were followed, else the method is refused (A)."""

STEPS = 3_000_000
"""Most steps of the walks from one end of an edge, else the method is refused (mark A)."""

WALKED = 25
"""Steps of a walk that take numpy as long as one event or edge does, see choice.COMPILED_FROM."""

TRIM = (0.5, 2.0)
"""Least and greatest bandwidth in adaptive ones, by the fixed one [1] (mark A)."""


def kernel_density(
    graph: Graph,
    events: Events,
    at_edge: Array,
    at_measure: Array,
    *,
    bandwidth: float,
    method: Method = "discontinuous",
    kernel: Kernel = "quartic",
    weights: Array | None = None,
    bandwidths: Array | None = None,
    least: float = LEAST,
) -> Array:
    """Density of events at places, with distances along the network.

    A walk splits at each node; one that carries less than ``least`` of its event is not followed
    further. The mass that is lost by this is known exactly, and the event's kernel is scaled up
    by it, so that it still integrates to 1. Only bandwidths of many edges come to this; there the
    continuous method is slow (minutes without the extra ``fast``), and at last refused.

    Parameters
    ----------
    graph, events
        The network and the points on it.
    at_edge, at_measure
        Places: edge, and metres [m] from its ``u`` end, shape (places,). At a node the value is
        the one on this edge (by the discontinuous method each edge has its own).
    bandwidth
        Distance [m] at which a kernel ends; of the Gaussian one the standard deviation (it is
        cut at 3 of them, and scaled to integrate to 1).
    method
        Estimator, see the head of this module.
    kernel
        K, symmetric, of integral 1; the value at the distance d is K(d / bandwidth) / bandwidth.
        ``quartic`` is 15/16 (1 - x²)².
    weights
        What each event counts for [events], 0 or more, shape (events,) in the order they were
        given in; 1 if left out.
    bandwidths
        A bandwidth [m] for each event, in the order they were given in, in place of
        ``bandwidth``: see :func:`adaptive_bandwidths`.
    least
        Share of an event [1], 0 to follow every walk.

    Returns
    -------
    numpy.ndarray
        Density [events/m], shape (places,). On an edge of no length, by the two walking methods,
        it is that of an edge it joins, NaN where there is none.

    Raises
    ------
    ValueError
        For a bandwidth that is not greater than 0, a weight below 0 or unknown, an unknown
        method or kernel; and where the bandwidth spans so many nodes that walks cannot be
        followed (more than half of an event's mass lost, or more than :data:`STEPS` steps).

    Examples
    --------
    A star of four roads, an event 3 m before the node, a place 3 m behind it:

    >>> import numpy as np
    >>> graph = Graph(np.zeros(4, int), np.arange(1, 5), np.full(4, 20.0), 5)
    >>> events = Events.on(graph, np.array([0]), np.array([3.0]))
    >>> for method in ("simple", "discontinuous", "continuous"):
    ...     made = kernel_density(graph, events, [1], [3.0], bandwidth=10.0, method=method)
    ...     print(round(float(made[0]), 4))
    0.0384
    0.0128
    0.0192
    """
    _known("method", method, get_args(Method))
    places = Events.on(graph, np.asarray(at_edge), np.asarray(at_measure, dtype=np.float64))
    shapes = _shapes(events, bandwidth, kernel, weights, bandwidths)
    if not 0.0 <= least < 1.0:
        raise ValueError(f"least must be from 0 to below 1, not {least}")
    if not (len(events) and len(places)):
        return np.zeros(len(places))
    use = _implementation(graph, events, places)
    if method == "simple":
        made: Array = use.simple(graph, events, places, shapes)
    else:
        made = _by_walks(use, graph, events, places, shapes, method == "continuous", least)
    return places.unsorted(made)


def adaptive_bandwidths(
    graph: Graph,
    events: Events,
    *,
    bandwidth: float,
    method: Method = "discontinuous",
    kernel: Kernel = "quartic",
    weights: Array | None = None,
    trim: tuple[float, float] = TRIM,
) -> Array:
    """A bandwidth for each event: short where there are many, long where there are few.

    h_i = h (g / f_i)^(1/2), with the pilot density f_i at the event by the fixed bandwidth h, and
    g the geometric mean of these (Abramson 1982, Annals of Statistics 10(4), 1217-1223; Silverman
    1986, Density Estimation, 5.3), kept between ``trim`` times h.

    Parameters
    ----------
    graph, events, bandwidth, method, kernel, weights
        As for :func:`kernel_density`.
    trim
        Least and greatest bandwidth by the fixed one [1].

    Returns
    -------
    numpy.ndarray
        Bandwidths [m], shape (events,), in the order the events were given in.
    """
    low, high = trim
    if not 0.0 < low <= 1.0 <= high:
        raise ValueError(f"trim must be two factors around 1, not {trim}")
    pilot = kernel_density(
        graph,
        events,
        events.edge,
        events.measure,
        bandwidth=bandwidth,
        method=method,
        kernel=kernel,
        weights=weights,
    )
    made = np.full(events.size, float(bandwidth))
    # An event of no weight that stands alone, or in a hollow of the continuous method.
    known = pilot > 0.0
    if known.any():
        share = np.ones(len(events)) if weights is None else np.asarray(weights)[events.number]
        share = np.where(known, share, 0.0)
        logs = np.log(np.where(known, pilot, 1.0))
        mean = float((share * logs).sum() / share.sum()) if share.any() else float(logs.mean())
        factor = np.where(known, np.exp(0.5 * (mean - logs)), high)
        made[events.number] = bandwidth * np.clip(factor, low, high)
    return made


def _known(name: str, given: str, names: tuple[str, ...]) -> None:
    if given not in names:
        raise ValueError(f"{name} must be one of {', '.join(names)}, not {given!r}")


def _implementation(graph: Graph, events: Events, places: Events) -> ModuleType:
    few = choice.kernels(len(events) + len(graph.u) + len(places)) is None
    return plain if few else _kernels()


def _kernels() -> ModuleType:
    from blackspots.graph import density_kernels  # noqa: PLC0415 - compiles on first use

    return density_kernels


def _shapes(
    events: Events,
    bandwidth: float,
    kernel: Kernel,
    weights: Array | None,
    bandwidths: Array | None,
) -> Shapes:
    names = get_args(Kernel)
    _known("kernel", kernel, names)
    code = names.index(kernel)
    given = np.full(events.size, bandwidth) if bandwidths is None else np.asarray(bandwidths)
    share = np.ones(events.size) if weights is None else np.asarray(weights)
    for name, each in (("bandwidths", given), ("weights", share)):
        if each.shape != (events.size,):
            raise ValueError(f"{name} must hold one number for each of {events.size} events")
    width = given.astype(np.float64)[events.number]
    weight = share.astype(np.float64)[events.number]
    if not (np.isfinite(bandwidth) and bandwidth > 0.0):
        raise ValueError(f"a bandwidth must be greater than 0, not {bandwidth}")
    if not (np.isfinite(width) & (width > 0.0)).all():
        raise ValueError("bandwidths must all be greater than 0")
    if not (np.isfinite(weight) & (weight >= 0.0)).all():
        raise ValueError("weights must all be known, and 0 or more")
    support = plain.CUT if code == plain.GAUSSIAN else 1.0
    # On the grid of distances, so that what is within is so whichever way it is computed.
    reach = np.minimum(np.floor(support * width / STEP) * STEP, LONGEST)
    return Shapes(code, reach, 1.0 / width, weight / width)


def _by_walks(
    use: ModuleType,
    graph: Graph,
    events: Events,
    places: Events,
    shapes: Shapes,
    continuous: bool,  # noqa: FBT001 - of one caller
    least: float,
) -> Array:
    """Density by walks, in the places' sorted order."""
    if (graph.length == 0.0).any():
        return _without_points(use, graph, events, places, shapes, continuous, least)
    if continuous:
        at_node = np.full(len(events), -1, dtype=np.int64)
    else:
        at_node = np.where(
            graph.length[events.edge] - events.measure <= SLACK, graph.v[events.edge], -1
        )
        at_node = np.where(events.measure <= SLACK, graph.u[events.edge], at_node)
    return _along(use, graph, events, places, shapes, at_node, continuous, least)


def _along(
    use: ModuleType,
    graph: Graph,
    events: Events,
    places: Events,
    shapes: Shapes,
    at_node: Array,
    continuous: bool,  # noqa: FBT001 - of one caller
    least: float,
) -> Array:
    """As :func:`_by_walks`, where no edge is without length.

    ``at_node`` is the node at which an event begins with 2/n into each edge, -1 for one that
    begins on its edge.
    """
    between = at_node < 0
    walks = _origins(graph, events, at_node)

    def follow(way: ModuleType, some: Shapes, **bound: float) -> tuple[Array, Array, int]:
        made: tuple[Array, Array, int] = way.walked(
            graph, places, some, walks, continuous=continuous, least=least, most=STEPS, **bound
        )
        return made

    def run(some: Shapes) -> tuple[Array, Array]:
        if use is plain:
            # How many steps there are shows on the way.
            out, lost, steps = follow(plain, some, total=WALKED * choice.COMPILED_FROM)
            if steps < 0:
                many = choice.kernels(choice.COMPILED_FROM) is not None
                out, lost, steps = follow(_kernels() if many else plain, some)
        else:
            out, lost, steps = follow(use, some)
        if steps > STEPS:
            raise ValueError(
                f"the bandwidth spans too many nodes: more than {STEPS:,} steps from one event"
            )
        own = Shapes(some.kernel, *(each[between] for each in some[1:]))
        return out + use.straight(graph, events.only(between), places, own), lost

    out, lost = run(shapes)
    if (lost == 0.0).all():
        return out
    kept = 1.0 - lost
    if not (kept >= KEPT).all():
        raise ValueError(
            f"the bandwidth spans too many nodes: {kept.min():.0%} of an event is on walks that "
            f"carry {least:g} of it or more"
        )
    return run(shapes._replace(scale=shapes.scale / kept))[0]


def _origins(graph: Graph, events: Events, at_node: Array) -> Walks:
    """Both ends of each edge with events between its ends, and the nodes with events."""
    edges = len(graph.u)
    between = np.flatnonzero(at_node < 0)
    edge, measure = events.edge[between], events.measure[between]
    held, low, count = np.unique(edge, return_index=True, return_counts=True)
    # Towards v the last event is the nearest: the edge's events backwards.
    last = np.repeat(low + count - 1, count)
    turned = last - (np.arange(len(edge)) - np.repeat(low, count))
    at = np.flatnonzero(at_node >= 0)
    at = at[np.argsort(at_node[at], kind="stable")]
    node, low_at, count_at = np.unique(at_node[at], return_index=True, return_counts=True)
    begin = np.concatenate([low, low + len(edge), low_at + 2 * len(edge)])
    return Walks(
        np.concatenate([graph.u[held], graph.v[held], node]).astype(np.int32),
        np.concatenate([held, held + edges, np.full(len(node), -1)]).astype(np.int32),
        begin.astype(np.int64),
        (begin + np.concatenate([count, count, count_at])).astype(np.int64),
        np.concatenate([measure, (graph.length[edge] - measure)[turned], np.zeros(len(at))]),
        np.concatenate([between, between[turned], at]).astype(np.int32),
    )


def _without_points(
    use: ModuleType,
    graph: Graph,
    events: Events,
    places: Events,
    shapes: Shapes,
    continuous: bool,  # noqa: FBT001 - of one caller
    least: float,
) -> Array:
    """As :func:`_by_walks`, on the network with each edge of no length shrunk to its node."""
    point = graph.length == 0.0
    links = sparse.csr_array(
        (np.ones(int(point.sum()), dtype=np.int8), (graph.u[point], graph.v[point])),
        shape=(graph.nodes, graph.nodes),
    )
    count, node = csgraph.connected_components(links, directed=False)
    number = np.cumsum(~point) - 1
    rest = Graph(node[graph.u[~point]], node[graph.v[~point]], graph.length[~point], int(count))
    start, _, half, _ = rest.adjacency
    # An edge that each node is an end of, and where on it; none where nothing has a length.
    joins = np.diff(start) > 0
    first = half[np.minimum(start[:-1], max(len(half) - 1, 0))] if len(half) else np.zeros(count)
    first = first.astype(np.int64)

    def moved(points: Events) -> tuple[Array, Array, Array]:
        """Edge and measure on the network that is left, and whether there is such a place."""
        at, on = node[graph.u[points.edge]], point[points.edge]
        there = ~on | joins[at]
        edge = np.where(on, first[at], number[points.edge])
        if not len(rest.u):
            return edge, points.measure, there
        end = np.where(rest.u[np.where(there, edge, 0)] == at, 0.0, np.inf)
        length = rest.length[np.where(there, edge, 0)]
        return edge, np.where(on, np.minimum(end, length), points.measure), there

    edge, measure, there = moved(places)
    out = np.full(len(places), np.nan)
    if not there.any():
        return out
    left = Events.on(rest, edge[there], measure[there])
    edge, measure, known = moved(events)
    # An event on a network of no length is at no other place.
    some = Events.on(rest, edge[known], measure[known])
    own = Shapes(shapes.kernel, *(each[known][some.number] for each in shapes[1:]))
    if not len(some):
        out[there] = 0.0
        return out
    out[there] = left.unsorted(_by_walks(use, rest, some, left, own, continuous, least))
    return out
