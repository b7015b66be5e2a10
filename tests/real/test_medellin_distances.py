"""Medellin: distances along the network and the K function, as spatstat has them.

The network is the given one, not rebuilt (shared/data/crashes/README.md).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blackspots.graph import Events, Graph, counts_within, k_function, nearest

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def medellin(shared: Path) -> tuple[Graph, Events, Path]:
    folder = shared / "crashes" / "medellin"
    segments, crashes = (pd.read_csv(folder / f"{name}.csv") for name in ("segments", "accidents"))
    length = np.hypot(segments["x1"] - segments["x0"], segments["y1"] - segments["y0"])
    table = pd.DataFrame(
        {"from_node": segments["from"], "to_node": segments["to"], "length": length}
    )
    graph = Graph.of(table)
    edge = pd.Index(segments["seg"]).get_indexer(pd.Index(crashes["ref_segment"]))
    events = Events.on(graph, edge, crashes["ref_tp"].to_numpy() * graph.length[edge])
    return graph, events, folder


def test_the_network_is_the_published_one(medellin: tuple[Graph, Events, Path]) -> None:
    graph, events, _ = medellin
    assert (len(graph.u), graph.nodes, len(events)) == (728, 643, 665)
    assert graph.length.sum() == pytest.approx(29_759.42, abs=0.01)


def test_nearest_neighbours_are_the_published_ones(medellin: tuple[Graph, Events, Path]) -> None:
    graph, events, folder = medellin
    found = nearest(graph, events, events)
    # Places are published to a millionth of a segment, distances to a millimetre or so.
    assert found.distance.mean() == pytest.approx(4.642648, abs=2e-6)
    assert (found.distance == 0.0).sum() == 598
    published = pd.read_csv(folder / "accidents.csv")["ref_nndist_network"].to_numpy()
    assert found.distance == pytest.approx(published, abs=5e-4)


def test_the_k_function_is_the_published_one(medellin: tuple[Graph, Events, Path]) -> None:
    graph, events, folder = medellin
    published = pd.read_csv(folder / "reference_linearK.csv")
    made = k_function(graph, events, published["r"].to_numpy())
    assert made.corrected == pytest.approx(published["est_Ang"].to_numpy(), abs=2e-5)
    assert made.uncorrected == pytest.approx(published["est_none"].to_numpy(), abs=2e-5)
    at = int(np.flatnonzero(made.radius == 100.0)[0])
    assert made.corrected[at] == pytest.approx(100.66128, abs=2e-5)
    assert made.uncorrected[at] == pytest.approx(439.55741, abs=2e-5)


def test_pairs_at_one_place_count_if_wanted(medellin: tuple[Graph, Events, Path]) -> None:
    graph, events, _ = medellin
    made = k_function(graph, events, np.array([100.0]), coincident=True)
    pairs = counts_within(graph, events, 100.0).sum() - len(events)
    scale = graph.length.sum() / (len(events) * (len(events) - 1))
    assert made.uncorrected[0] == pytest.approx(pairs * scale)
