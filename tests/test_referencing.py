"""Linear referencing: measure to point, official km to measure and back, and the words for it.

Checked against arithmetic on straight roads.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import roads

from blackspots.network import build_network
from blackspots.referencing import KM_SLACK, RouteFinder, km_at, km_text, label, point_at, stretch

ROUTES = build_network(
    roads(
        [(0, 0), (10_000, 0)],
        [(0, 150), (10_000, 150)],
        [(0, 900), (2_000, 900)],
        [(0, 500), (4_000, 500)],
        [(0, 2_000), (1_000, 2_000)],
        ref=["QL1", "QL1", "QL4B", "QL1B", None],
        name=[None, None, None, None, "Lê Lợi"],
        km_from=[20, 20, None, 9, None],
        km_to=[30, 30, None, 5, None],
    )
).routes


def route(ref: str | None) -> int:
    return int(ROUTES.index[ROUTES["ref"].isna() if ref is None else ROUTES["ref"] == ref][0])


@pytest.mark.parametrize(
    ("ref", "km", "reason"),
    [
        ("QL7", 3.0, "route-not-in-network"),
        ("QL4B", 1.0, "route-without-km"),
        ("QL1", 30.0 + KM_SLACK + 0.01, "km-outside-route"),
        ("QL1", 20.0 - KM_SLACK - 0.01, "km-outside-route"),
    ],
)
def test_a_km_post_that_is_nowhere_says_why(ref: str, km: float, reason: str) -> None:
    assert RouteFinder(ROUTES).find(ref, km).reason == reason


@pytest.mark.parametrize(
    ("ref", "km", "measure"),
    [("QL1", 20.0, 0), ("QL1", 22.5, 2500), ("QL1", 30.4, 10_000), ("QL1B", 6.0, 1000)],
)
def test_a_km_post_leads_to_its_measure(ref: str, km: float, measure: float) -> None:
    found = RouteFinder(ROUTES).find(ref, km)
    assert (found.reason, found.route_id) == ("", route(ref))
    assert found.measure == pytest.approx(measure)


def test_of_two_lines_that_hold_the_km_the_lowest_id_is_taken() -> None:
    both = ROUTES.index[ROUTES["ref"] == "QL1"]
    assert len(both) == 2
    assert RouteFinder(ROUTES).find("QL1", 25.0).route_id == both.min()


def test_the_route_that_holds_the_km_goes_before_one_that_is_near_it() -> None:
    """Km 10.2 lies within the slack of the first piece and on the second."""
    pieces = build_network(
        roads(
            [(0, 0), (1000, 0)],
            [(1100, 0), (2100, 0)],
            ref=["QL1", "QL1"],
            km_from=[9.0, 10.1],
            km_to=[10.0, 11.1],
        )
    ).routes
    found = RouteFinder(pieces).find("QL1", 10.2)
    assert (found.route_id, found.measure) == (1, pytest.approx(100))


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 10_000))
def test_km_and_measure_are_inverse(measure: float) -> None:
    for ref, factor in (("QL1", 1), ("QL1B", 0.4)):
        own = route(ref)
        found = RouteFinder(ROUTES).find(ref, km_at(ROUTES, own, measure * factor))
        assert found.measure == pytest.approx(measure * factor, abs=1e-6)


def test_no_km_is_nan_and_not_zero() -> None:
    assert np.isnan(km_at(ROUTES, route("QL4B"), 100))


def test_points_and_stretches_lie_on_the_road_and_end_with_it() -> None:
    own = route("QL1")
    assert point_at(ROUTES, own, 400).coords[0] == (400.0, 0.0)
    assert list(stretch(ROUTES, own, 100, 300).coords) == [(100.0, 0.0), (300.0, 0.0)]
    assert stretch(ROUTES, own, -50, 20_000).length == 10_000
    assert stretch(ROUTES, own, 100, 100).geom_type == "Point"


@pytest.mark.parametrize(
    ("km", "written"),
    [(0, "Km0+000"), (45.3, "Km45+300"), (7.0004, "Km7+000"), (9.9996, "Km10+000")],
)
def test_km_are_written_as_on_posts(km: float, written: str) -> None:
    assert km_text(km) == written


def test_labels_name_the_road_and_its_posts_or_metres() -> None:
    assert label(ROUTES, route("QL1"), 2500, 3000) == "QL1 Km22+500–Km23+000"
    # Drawn against its km: the smaller post still comes first.
    assert label(ROUTES, route("QL1B"), 0, 1000) == "QL1B Km5+000–Km6+000"
    assert label(ROUTES, route("QL1"), 2500, 2500) == "QL1 Km22+500"
    assert label(ROUTES, route("QL4B"), 100, 250) == "QL4B 100–250 m"
    assert label(ROUTES, route(None), 0, 10) == "Lê Lợi 0–10 m"


# Km equations -------------------------------------------------------------------------------

JUMPS = build_network(
    roads(
        [(0, 0), (1000, 0)],
        [(1000, 0), (2000, 0)],
        [(2000, 0), (3000, 0)],
        ref=["QL4A"] * 3,
        km_from=[10.0, 11.5, 12.0],
        km_to=[11.0, 12.5, 13.0],
    )
).routes


@pytest.mark.parametrize(
    ("km", "measures"),
    [
        (10.5, [500]),
        (11.75, [1250]),
        (11.2, [1000]),  # a km that is left out: the place of the equation
        (12.25, [1750, 2250]),  # km that stand twice
        (13.0, [3000]),
    ],
)
def test_a_km_equation_keeps_each_stretch_s_own_km(km: float, measures: list[float]) -> None:
    found = RouteFinder(JUMPS).find_all("QL4A", km)
    assert [f.measure for f in found] == pytest.approx(measures)
    for spot in found:
        if km != 11.2:
            assert km_at(JUMPS, 0, spot.measure) == pytest.approx(km)


def test_at_an_equation_the_km_are_those_of_the_stretch_that_begins() -> None:
    assert km_at(JUMPS, 0, 999.999) == pytest.approx(10.999999)
    assert km_at(JUMPS, 0, 1000.0) == pytest.approx(11.5)
    assert km_at(JUMPS, 0, 2000.0) == pytest.approx(12.0)


def test_a_stretch_without_km_is_filled_from_both_sides() -> None:
    made = build_network(
        roads(
            [(0, 0), (1000, 0)],
            [(1000, 0), (2000, 0)],
            [(2000, 0), (3000, 0)],
            ref=["QL4A"] * 3,
            km_from=[0.0, None, 2.2],
            km_to=[1.0, None, 3.2],
        )
    ).routes
    assert km_at(made, 0, 1500) == pytest.approx(1.6)
    assert RouteFinder(made).find("QL4A", 1.6).measure == pytest.approx(1500)


def test_a_route_that_doubles_back_and_crosses_itself_has_a_measure_at_each_pass() -> None:
    """Km 0 to 4 around a figure of eight: the crossing is passed at two km."""
    eight = [(0, 0), (1000, 0), (1000, 1000), (500, 1000), (500, 0), (500, -1000)]
    lines = [[*eight[:1], (500, 0), *eight[1:]]]
    made = build_network(roads(*lines, ref=["QL3"], km_from=[0.0], km_to=[4.5]))
    assert len(made.routes) == 1
    measures = [RouteFinder(made.routes).find("QL3", km).measure for km in (0.5, 3.5)]
    spots = [point_at(made.routes, 0, m) for m in measures]
    assert spots[0].distance(spots[1]) < 1e-6
    assert abs(measures[0] - measures[1]) == pytest.approx(3000)
