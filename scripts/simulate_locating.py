"""How often crashes are put on the right road, and whether the probabilities keep their word.

    python scripts/simulate_locating.py [--crashes N] [--seed S]

Crashes are drawn on two networks where the truth is then known: the sample study's, and a town
made up of what goes wrong (a divided road with service roads beside it, an overpass, a dense
grid of streets). Their coordinates get 5 to 30 m of noise, their km posts 0 to 100 m, and the road
is not always recorded, or a wrong one is. Each crash is placed by ``locate`` and, for comparison,
on the nearest segment; the second table says how often places of a stated probability are right.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from blackspots import crs as crs_
from blackspots.config import load_study
from blackspots.inputs import read_inputs
from blackspots.locating import Placement, locate, nearest_segments
from blackspots.locating.places import Reach, at_junctions
from blackspots.network import Network, build_network
from blackspots.referencing import kms_at
from blackspots.schema import CRASHES, EMPTY

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "lang-son" / "study.toml"
TOWN_CRS = "EPSG:32648"
RECORDED, WRONG, WITH_KM, NEAR = 0.8, 0.03, 0.7, 0.1
"""Shares: crashes with their road's number; with another's; of the former with a km; and those
on a road without number of which the nearest number is recorded."""
BUSIER = 4.0
"""Crashes per metre of a numbered road for one of another road."""
BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0 + 1e-9)


@dataclass(frozen=True, slots=True)
class Case:
    """A network, crashes as a register would hold them, and where they truly are."""

    network: Network
    crashes: gpd.GeoDataFrame
    truth: pd.DataFrame


def sample_network() -> Network:
    """The network of the sample study."""
    study = load_study(SAMPLE)
    target = crs_.parse(study.study.crs, "crs")
    inputs = read_inputs(study, target, countermeasures=frozenset())
    if inputs.roads is None:
        raise SystemExit("the sample study has no roads")
    return build_network(inputs.roads)


def town() -> Network:
    """A made-up town: one divided road, its service roads, an overpass and a grid of streets."""
    lines: list[list[tuple[float, float]]] = []
    columns: dict[str, list[object]] = {
        name: [] for name in ("ref", "oneway", "layer", "km_from", "km_to", "road_class")
    }

    def add(line: list[tuple[float, float]], **given: object) -> None:
        lines.append(line)
        for name, values in columns.items():
            values.append(given.get(name))

    stops = [float(x) for x in range(0, 4001, 80)]
    crossed = [float(x) for x in range(400, 4000, 800)]
    east = sorted({0.0, *crossed, 4000.0})
    add([(x, 0.0) for x in east], ref="QL1", oneway="yes", km_from=10.0, km_to=14.0,
        road_class="national")  # fmt: skip
    add([(x, 22.0) for x in reversed(east)], ref="QL1", oneway="yes", km_from=14.0, km_to=10.0,
        road_class="national")  # fmt: skip
    for y in (-18.0, 40.0):
        add([(x, y) for x in stops], road_class="service")
    for x in crossed:
        add([(x, -18.0), (x, 0.0), (x, 22.0), (x, 40.0)], road_class="local")
    over = 2040.0
    add([(over, -900.0), (over, 0.0), (over, 900.0)], ref="DT234", layer=1, km_from=0.0, km_to=1.8,
        road_class="provincial")  # fmt: skip
    rows = [float(y) for y in (*range(-898, -17, 80), *range(40, 921, 80))]
    for y in rows:
        if y not in (-18.0, 40.0):
            add([(x, y) for x in stops], road_class="local")
    for x in stops[::2]:
        for side in ([y for y in rows if y < 0], [y for y in rows if y > 0]):
            add([(x, y) for y in side], road_class="local")
    index = pd.Index([f"r{i}" for i in range(len(lines))], name="road_id")
    shapes = [shapely.LineString(line) for line in lines]
    frame = gpd.GeoDataFrame(
        {name: pd.Series(values, index=index, dtype=object) for name, values in columns.items()},
        index=index,
        geometry=shapes,
        crs=TOWN_CRS,
    )
    return build_network(frame)


def drawn(network: Network, count: int, seed: int) -> Case:
    """Crashes on a network, with the noise of a register."""
    chance = np.random.default_rng(seed)
    segments = network.segments
    length = segments["length"].to_numpy()
    numbered = segments["ref"].notna().to_numpy()
    weight = length * np.where(numbered, BUSIER, 1.0)
    at = chance.choice(len(segments), count, p=weight / weight.sum())
    measure = chance.uniform(0, length[at])
    spots = shapely.line_interpolate_point(segments.geometry.to_numpy()[at], measure)
    spread = chance.uniform(5, 30, count)
    xy = shapely.get_coordinates(spots) + chance.normal(size=(count, 2)) * spread[:, None]
    of = segments.iloc[at]
    own = of["ref"].to_numpy(dtype=object)
    refs = np.array(sorted(set(segments["ref"].dropna())), dtype=object)
    luck = chance.uniform(size=count)
    anything = refs[chance.integers(0, len(refs), count)]
    near = _nearest_number(network, spots)
    route = own.copy()
    wrong = (luck >= RECORDED) & (luck < RECORDED + WRONG)
    route[wrong], route[luck >= RECORDED + WRONG] = anything[wrong], None
    # On a road without a number some registers name the road with one that is near.
    beside = ~numbered[at] & (chance.uniform(size=count) < NEAR)
    route[beside] = near[beside]
    km = np.full(count, np.nan)
    told = (route == own) & (chance.uniform(size=count) < WITH_KM)
    for row in np.flatnonzero(told):
        along = of["route_sign"].iloc[row] > 0
        share = measure[row] if along else length[at[row]] - measure[row]
        place = of["route_offset"].iloc[row] + share * of["route_span"].iloc[row] / length[at[row]]
        km[row] = kms_at(network.routes, int(of["route_id"].iloc[row]), np.array([place]))[0]
    km += chance.normal(size=count) * chance.uniform(0, 100, count) / 1000
    km = np.where(km >= 0, km.round(1), np.nan)
    columns = {
        "route": route, "km": km, "uncertainty": 1.0, "km_uncertainty": 50.0,
        "severity": "injury", "source_file": "simulated", "source_row": np.arange(count),
    }  # fmt: skip
    index = pd.Index([f"c{i}" for i in range(count)], name="crash_id")
    frame = {
        c.name: pd.Series(columns.get(c.name), index=index, dtype=EMPTY[c.kind])
        for c in CRASHES.columns
    }
    points = gpd.points_from_xy(*xy.T)
    crashes = gpd.GeoDataFrame(frame, geometry=points, crs=segments.crs, index=index)
    truth = pd.DataFrame({"segment_id": segments.index.to_numpy()[at], "measure": measure}, index)
    return Case(network, crashes, truth)


def _nearest_number(network: Network, spots: np.ndarray) -> np.ndarray:
    """The number of the nearest road that has one."""
    numbered = network.segments[network.segments["ref"].notna()]
    tree = shapely.STRtree(numbered.geometry.to_numpy())
    found = tree.query_nearest(spots, all_matches=False)[1]
    return np.asarray(numbered["ref"].to_numpy(dtype=object)[found])


def placed(case: Case, crashes: gpd.GeoDataFrame) -> Placement:
    """The crashes on the case's network, as the tool places them."""
    net = case.network
    return locate(
        crashes, segments=net.segments, parts=net.parts, nodes=net.nodes, routes=net.routes
    )


def report(name: str, case: Case) -> None:
    """Print what was right."""
    made = placed(case, case.crashes)
    nearest = nearest_segments(case.crashes.geometry, case.network.segments, 50.0)
    near = nearest["segment_id"].reindex(case.crashes.index)
    truth = case.truth["segment_id"].to_numpy()
    found = made.crashes["segment_id"].to_numpy(dtype="float64", na_value=np.nan)
    by_nearest = near.to_numpy(dtype="float64", na_value=np.nan)
    route = case.network.segments["route_id"]
    of_truth = route.loc[truth].to_numpy()
    there = made.crashes["route_id"].to_numpy(dtype="float64", na_value=np.nan)
    of_nearest = np.where(
        np.isnan(by_nearest), np.nan, route.reindex(by_nearest).to_numpy(dtype="float64")
    )
    print(f"{name}: {len(truth):,} crashes on {len(case.network.segments):,} segments; "
          f"noise found {made.sigma:.1f} m")  # fmt: skip
    print(f"  right segment  locate {np.mean(found == truth):.1%}   "
          f"nearest only {np.mean(by_nearest == truth):.1%}")  # fmt: skip
    print(f"  right road     locate {np.mean(there == of_truth):.1%}   "
          f"nearest only {np.mean(of_nearest == of_truth):.1%}")  # fmt: skip
    print(f"  to be reviewed {made.crashes['uncertain'].mean():.1%}")
    _calibration(case, made)


def _calibration(case: Case, made: Placement) -> None:
    """How often the likeliest place is right, by the probability it was given."""
    right = _right_place(case, made)
    said = made.crashes["probability"].to_numpy(dtype="float64", na_value=np.nan)
    print("  said           right    crashes")
    for low, high in pairwise(BINS):
        rows = (said >= low) & (said < high)
        if rows.sum() >= 30:  # noqa: PLR2004 - fewer say nothing
            print(f"  {said[rows].mean():6.1%}       {right[rows].mean():6.1%}   {rows.sum():8,}")


def _right_place(case: Case, made: Placement) -> np.ndarray:
    """Whether each crash is on the route, or at the junction, where it truly is."""
    sure = pd.DataFrame(case.truth)
    sure["crash"] = np.arange(len(sure))
    at_junctions(sure, case.network.segments, case.network.nodes, Reach().junction)
    at = made.crashes["junction_id"].to_numpy(dtype="float64", na_value=-1)
    route = case.network.segments["route_id"].loc[case.truth["segment_id"]].to_numpy()
    found = made.crashes["route_id"].to_numpy(dtype="float64", na_value=-2)
    junction = sure["junction_id"].to_numpy()
    return np.asarray((found == route) | ((junction >= 0) & (at == junction)))


def main() -> None:
    """Both networks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crashes", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=20_260_101)
    given = parser.parse_args()
    for name, network in (("sample province", sample_network()), ("town", town())):
        report(name, drawn(network, given.crashes, given.seed))


if __name__ == "__main__":
    main()
