"""Which nodes are one junction: links, rounds, medians, and how wide one may be."""

from __future__ import annotations

import numpy as np
import pytest
from small import roads

from blackspots.network import build_network


def ring(radius: float, corners: int, legs: int) -> list[list[tuple[float, float]]]:
    """A ring drawn as pieces between its legs, and the legs."""
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    around = [(float(radius * np.cos(t)), float(radius * np.sin(t))) for t in turn]
    at = [i * corners // legs for i in range(legs)]
    pieces = [
        [around[k % corners] for k in range(a, b + 1)]
        for a, b in zip(at, [*at[1:], corners], strict=True)
    ]
    return pieces + [[around[i], (5 * around[i][0], 5 * around[i][1])] for i in at]


@pytest.mark.parametrize(("radius", "junctions"), [(12, 1), (35, 1), (60, 4)])
def test_a_round_ring_is_one_junction_up_to_its_greatest_length(
    radius: float, junctions: int
) -> None:
    assert len(build_network(roads(*ring(radius, 24, 4))).junctions) == junctions


def test_a_square_block_is_four_junctions() -> None:
    assert len(build_network(roads(*ring(40, 4, 4))).junctions) == 4


def test_a_recorded_roundabout_is_one_junction_whatever_its_shape() -> None:
    lines = ring(120, 4, 4)
    flags = [True] * 4 + [None] * 4
    net = build_network(roads(*lines, roundabout=flags))
    assert len(net.junctions) == 1
    assert net.junctions["legs"].tolist() == [4]
    assert len(build_network(roads(*lines)).junctions) == 4


def test_staggered_crossroads_are_one_junction_within_the_link() -> None:
    r"""
    ::

              │
        ──────┴──┬──────
                 │
    """
    lines = [(0, 0), (500, 0), (525, 0), (1000, 0)], [(500, 0), (500, 300)], [(525, 0), (525, -300)]
    assert len(build_network(roads(*lines)).junctions) == 1
    assert len(build_network(roads(*lines), junction_link=20).junctions) == 2


def test_a_street_of_short_blocks_is_not_one_long_junction() -> None:
    main = [(25.0 * i, 0.0) for i in range(41)]
    sides = [[(25.0 * i, 0.0), (25.0 * i, 200.0)] for i in range(1, 40)]
    net = build_network(roads(main, *sides))
    assert len(net.junctions) == 39


def test_a_crash_near_two_nodes_of_a_junction_counts_once() -> None:
    from small import crashes  # noqa: PLC0415

    from blackspots.locating import locate, weights  # noqa: PLC0415

    net = build_network(roads(*ring(12, 24, 4)))
    made = locate(
        crashes([(12, 1), (0, 12), (-11, -2)]),
        segments=net.segments,
        parts=net.parts,
        nodes=net.nodes,
        routes=net.routes,
    )
    assert set(made.crashes["junction_id"]) == {0}
    assert weights(made)["weight"].sum() == pytest.approx(3)
