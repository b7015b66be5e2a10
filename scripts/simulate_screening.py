"""What screening finds where the truth is known: power, false discoveries, and its intervals.

    python scripts/simulate_screening.py [--provinces N] [--seed S]

Provinces are made up: roads of 8 to 40 km whose traffic changes every few kilometres, a junction
every few kilometres. There are three kinds: *chance only*, crashes in proportion to the traffic;
*places differ*, the same times a Gamma variable for every 500 m and every junction; *planted*, the
same with spots of 200 m on half of the roads that have many times the crashes. Printed are

- how many planted spots each verdict finds, and how many of what it finds is no planted spot;
- how often the 90 % interval holds the true mean, at sections and junctions as they are, and at
  the sites, whose ends were chosen because of their crashes.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy import stats

from blackspots.locating import Reach, locate, weights
from blackspots.network import Network, build_network
from blackspots.presets import definition
from blackspots.schema import CRASHES, EMPTY
from blackspots.screening import Layers, clusters_along, empirical_bayes, expect, screen

CRS = "EPSG:32648"
ROADS, YEARS, WINDOW = 40, 3.0, 500.0
CASES = {"chance only": (0.0, False), "places differ": (0.5, False), "planted": (0.5, True)}
"""Overdispersion of places of 500 m, and whether spots are planted."""
PER_VEHICLE_KM = 1.0e-7
"""Crashes for a vehicle and kilometre."""
SPOT, PLANTED_EACH = 200.0, 20.0
"""Length [m] of a planted spot, and the crashes a kilometre and year that it adds."""
STEP = 50.0
SHARES = {"fatal": 0.25, "serious": 0.2, "slight": 0.35, "pdo": 0.2}


@dataclass(frozen=True, slots=True)
class Province:
    """A network, its crashes, and the true crashes a year of every ``STEP`` of road.

    ``cells``: ``route_id``, ``at`` (middle [m]), ``rate`` [1/year], ``planted`` (number of the
    spot, -1 none). ``at_junctions``: true crashes a year of each junction.
    """

    network: Network
    crashes: gpd.GeoDataFrame
    cells: pd.DataFrame
    at_junctions: pd.Series


def made_up(rng: np.random.Generator, spread: float, *, planted: bool) -> Province:
    """One province."""
    network = _network(rng)
    cells = _cells(network, rng, spread, planted=planted)
    count = rng.poisson(cells["rate"] * YEARS)
    which = np.repeat(np.arange(len(cells)), count)
    along = cells["at"].to_numpy()[which] + rng.uniform(-STEP / 2, STEP / 2, len(which))
    route = cells["route_id"].to_numpy()[which]
    lines = network.routes.geometry.loc[route].to_numpy()
    points = shapely.line_interpolate_point(lines, along)
    junctions = network.junctions
    entering = junctions["aadt"].to_numpy()
    rate = 365 * entering * 5e-8 * _differing(rng, spread, len(junctions))
    met = np.repeat(np.arange(len(junctions)), rng.poisson(rate * YEARS))
    points = np.r_[points, junctions.geometry.to_numpy()[met]]
    size = len(points)
    severity = rng.choice(list(SHARES), size=size, p=list(SHARES.values()))
    days = rng.integers(0, int(YEARS * 365.25), size)
    columns = {c.name: pd.Series([None] * size, dtype=EMPTY[c.kind]) for c in CRASHES.columns}
    crashes = gpd.GeoDataFrame(
        {
            **columns,
            "severity": severity,
            "date": pd.Timestamp(2021, 1, 1) + pd.to_timedelta(days, unit="D"),
            "source_file": "made up",
            "source_row": np.arange(size),
        },
        geometry=points,
        crs=CRS,
        index=pd.Index([f"c{i}" for i in range(size)], name="crash_id"),
    )
    return Province(network, crashes, cells, pd.Series(rate, index=junctions.index))


def _network(rng: np.random.Generator) -> Network:
    """Roads side by side, cut where their traffic changes, with short side roads."""
    rows: list[tuple[str | None, float, list[tuple[float, float]]]] = []
    for road in range(ROADS):
        length = float(rng.uniform(8_000, 40_000))
        cuts = np.unique(np.r_[0.0, np.sort(rng.uniform(500, length - 500, int(length / 4000)))])
        cuts = np.r_[cuts, length]
        y = 5_000.0 * road
        base = float(rng.lognormal(8.3, 0.7))
        for start, end in pairwise(cuts):
            traffic = base * float(rng.lognormal(0.0, 0.4))
            rows.append((f"R{road}", traffic, [(start, y), (end, y)]))
            if start > 0:
                rows.append((None, 0.1 * traffic, [(start, y), (start, y + 300.0)]))
    frame = pd.DataFrame(rows, columns=["ref", "aadt", "line"])
    return build_network(
        gpd.GeoDataFrame(
            {
                "ref": frame["ref"].to_numpy(),
                "aadt": frame["aadt"].to_numpy(),
                "road_class": np.where(frame["ref"].notna(), "national", "local"),
            },
            geometry=[shapely.LineString(line) for line in frame["line"]],
            crs=CRS,
            index=pd.Index([f"r{i}" for i in range(len(frame))], name="road_id"),
        )
    )


def _differing(rng: np.random.Generator, spread: float, size: int) -> np.ndarray:
    """What differs from place to place: mean 1, variance ``spread``."""
    return rng.gamma(1 / spread, spread, size) if spread > 0 else np.ones(size)


def _cells(
    network: Network, rng: np.random.Generator, spread: float, *, planted: bool
) -> pd.DataFrame:
    """True crashes a year of every bit of the numbered roads."""
    parts = []
    spots = 0
    own = network.segments[network.segments["ref"].notna()]
    for route, pieces in own.sort_values("route_offset").groupby("route_id"):
        length = float(network.routes.at[route, "length"])
        at = np.arange(STEP / 2, length - STEP / 2, STEP)
        which = np.searchsorted(pieces["route_offset"].to_numpy(), at, side="right") - 1
        traffic = pieces["aadt"].to_numpy()[which]
        place = _differing(rng, spread, int(length / WINDOW) + 1)[(at / WINDOW).astype(int)]
        rate = 365 * PER_VEHICLE_KM * traffic * place * STEP / 1000
        spot = np.full(len(at), -1)
        if planted and rng.random() < 0.5:  # noqa: PLR2004 - half of the roads
            for start in rng.uniform(1000, length - 1000, max(int(length / 10_000), 1)):
                inside = (at >= start) & (at < start + SPOT)
                rate[inside] += PLANTED_EACH * STEP / 1000
                spot[inside] = spots
                spots += 1
        parts.append(pd.DataFrame({"route_id": route, "at": at, "rate": rate, "planted": spot}))
    return pd.concat(parts, ignore_index=True)


def judged(province: Province, seed: int) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Verdicts found (true or false), and whether intervals hold the truth."""
    net = province.network
    placement = locate(
        province.crashes, segments=net.segments, parts=net.parts, nodes=net.nodes,
        routes=net.routes, reach=Reach(junction=20.0),
    )  # fmt: skip
    located = placement.crashes
    layers = Layers(
        routes=net.routes, segments=net.segments, nodes=net.nodes, junctions=net.junctions
    )
    expectation = expect(
        located, routes=net.routes, segments=net.segments, junctions=net.junctions,
        crossings=None, areas=None, window=WINDOW, years=YEARS,
    )  # fmt: skip
    clusters = clusters_along(
        located,
        net.routes,
        net.segments,
        net.nodes,
        radius=20.0,
        bandwidth=150.0,
        simulations=999,
        level=0.05,
        seed=seed,
    )
    made = screen(
        located, expectation, definition("vn-26-2012"), layers, weight=weights(placement),
        clusters=clusters,
    )  # fmt: skip
    return _verdicts(made.sites, clusters, province), _held(made.sites, province)


def _spots_in(cells: pd.DataFrame, route: float, low: float, high: float) -> set[int]:
    here = (cells["route_id"] == route) & cells["at"].between(low - STEP / 2, high + STEP / 2)
    return set(cells.loc[here & (cells["planted"] >= 0), "planted"])


def _verdicts(sites: pd.DataFrame, clusters: pd.DataFrame, province: Province) -> pd.DataFrame:
    """For each way of looking: what it found on roads, how much is planted, spots found."""
    road = sites[sites["route_id"].notna()]
    found = {
        "definition": road[road["verdict"] == "black-spot"],
        "empirical bayes": road[road["eb"]],
        "both": road[road["eb"] & (road["verdict"] == "black-spot")],
        "clusters": clusters[clusters["significant"]].rename(
            columns={"low": "from_measure", "high": "to_measure"}
        ),
    }
    rows = []
    for name, frame in found.items():
        hits = [
            _spots_in(province.cells, *place)
            for place in frame[["route_id", "from_measure", "to_measure"]].to_numpy("float64")
        ]
        rows.append(
            {
                "by": name,
                "found": len(hits),
                "false": sum(not hit for hit in hits),
                "planted": province.cells["planted"].max() + 1,
                "caught": len(set().union(*hits)) if hits else 0,
            }
        )
    return pd.DataFrame(rows)


def _held(sites: pd.DataFrame, province: Province) -> dict[str, np.ndarray]:
    """Whether the interval of each site on a road holds its true mean."""
    road = sites[sites["route_id"].notna() & sites["junctions"].isna()]
    cells = province.cells.sort_values(["route_id", "at"])
    total = np.r_[0.0, np.cumsum(cells["rate"].to_numpy())]
    step = float(cells["at"].max()) + 1e4
    key = cells["route_id"].to_numpy() * step + cells["at"].to_numpy()
    # What is expected is of the window where the site is shorter: the truth likewise.
    middle = (road["from_measure"] + road["to_measure"]).to_numpy("float64") / 2
    half = np.maximum((road["to_measure"] - road["from_measure"]).to_numpy("float64"), WINDOW) / 2
    base = road["route_id"].to_numpy("float64") * step
    low, high = (
        np.searchsorted(key, base + middle - half),
        np.searchsorted(key, base + middle + half),
    )
    truth = total[high] - total[low]
    inside = (road["expected_low"] <= truth) & (truth <= road["expected_high"])
    return {"sites": inside.to_numpy(), "true/expected": truth / road["expected"].to_numpy()}


def sections(province: Province, rng: np.random.Generator) -> np.ndarray:
    """Whether the interval of fixed sections of 500 m holds their true mean."""
    cells = province.cells.assign(section=(province.cells["at"] // WINDOW).astype(int))
    truth = cells.groupby(["route_id", "section"])["rate"].sum().to_numpy() * YEARS
    mean = np.full(len(truth), truth.mean())
    x = rng.poisson(truth)
    k = max(float(((x - mean) ** 2 - x).sum() / (mean**2).sum()), 0.05)
    made = empirical_bayes(x, mean, k)
    low, high = (stats.gamma.ppf(p, made["shape"], scale=1 / made["rate"]) for p in (0.05, 0.95))
    return np.asarray((low <= truth) & (truth <= high))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--provinces", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    seeds = np.random.SeedSequence(options.seed).spawn(options.provinces * len(CASES))
    for number, (name, (spread, planted)) in enumerate(CASES.items()):
        found: list[pd.DataFrame] = []
        held: dict[str, list[np.ndarray]] = {}
        crashes = 0
        for i in range(options.provinces):
            rng = np.random.default_rng(seeds[number * options.provinces + i])
            province = made_up(rng, spread, planted=planted)
            crashes += len(province.crashes)
            verdicts, intervals = judged(province, seed=i)
            found.append(verdicts)
            for of, values in {**intervals, "sections": sections(province, rng)}.items():
                held.setdefault(of, []).append(values)
        print(f"{name}: {options.provinces} provinces, {crashes:,} crashes")
        _print_found(pd.concat(found))
        _print_held({of: np.concatenate(values) for of, values in held.items()})


def _print_found(every: pd.DataFrame) -> None:
    total = every.groupby("by", sort=False)[["found", "false", "planted", "caught"]].sum()
    share = every.assign(share=every["false"] / every["found"].clip(lower=1))
    rate = share.groupby("by", sort=False)["share"]
    mean, error = rate.mean().to_dict(), rate.sem().to_dict()
    print("  by                sites   no spot   share of these   spots found")
    for by, found, false, planted, caught in total.itertuples():
        spots = f"{caught / planted:12.1%}" if planted else f"{'-':>12}"
        doubt = f"{mean[by]:7.1%} +-{1.645 * error[by]:5.1%}"
        print(f"  {by:16} {found:6d} {false:9d} {doubt:>16} {spots}")


def _print_held(held: dict[str, np.ndarray]) -> None:
    for of in ("sections", "sites"):
        print(
            f"  90 % intervals of {len(held[of]):,} {of} that hold the true mean"
            f" {held[of].mean():7.1%}"
        )
    print(f"  true mean of sites over what is expected {held['true/expected'].mean():7.2f}")


if __name__ == "__main__":
    main()
