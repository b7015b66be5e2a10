"""Which way of ranking catches the most later crashes, where the truth is known.

    python scripts/backtest_simulated.py [--seeds FIRST LAST] [--length M] [--shares 0.02 0.05 0.1]

Made-up provinces on the network of the sample study: traffic differs from road to road, places of
like traffic differ too (a road has its own risk, so has every 100 m), junctions have three times
the crashes, and one place in a hundred is a black spot with six times as many. Five years are
drawn; three rank, two score. Four cases: few crashes or many, traffic counted on every road or on
none. The figures are means over the provinces, with a 90 % interval of the mean, and what the
best way catches more than each other, by pairs.

Seeds 1 to 10 and 101 to 120 were looked at while the ways were made and chosen; 201 to 220, the
default, were not.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from simulate_locating import sample_network

from blackspots.network import Network
from blackspots.screening.backtest import ALL, Split, backtest
from blackspots.screening.units import units_of

SPLIT = Split((2021, 2023), (2024, 2025))
GRAIN = 100.0
"""Length [m] of a place with a risk of its own."""
RADIUS = 50.0
"""Within this distance [m] of a junction its crashes happen."""
OF_ROADS, OF_PLACES = 0.3, 0.8
"""Variance of the gamma factors of routes and places (assumption A)."""
AT_JUNCTION, AT_SPOT, SPOTS = 3.0, 6.0, 0.01
POWER = 0.8
"""Crashes grow with this power of traffic (assumption A)."""
AADT = {"national": 8000.0, "provincial": 2500.0, "district": 900.0, "local": 300.0, "path": 60.0}
SEVERE = {"national": 0.45, "provincial": 0.4, "district": 0.3, "local": 0.2, "path": 0.15}
"""Share of crashes with a killed or seriously injured person (assumption A)."""
FATAL = 0.5
"""Share of fatal ones among these: a register of the kind of the sample's."""
COSTS = pd.Series({"fatal": 100.0, "serious": 20.0, "slight": 4.0, "injury": 8.0, "pdo": 1.0})
PAIRS = (("eb", "count"), ("eb_mix", "count"), ("eb_mix", "eb"), ("eb_mix", "eb_cost"))
CASES = ((300, True), (300, False), (1500, True), (1500, False))
"""Crashes a year, and whether traffic is counted."""


@dataclass(frozen=True, slots=True)
class Case:
    """A province: its network as the ranking may know it, and five years of crashes."""

    network: Network
    crashes: pd.DataFrame


def province(network: Network, *, a_year: float, counted: bool, seed: int) -> Case:
    """Draw a province."""
    chance = np.random.Generator(np.random.PCG64(seed))
    segments = network.segments.copy()
    usual = segments["road_class"].map(AADT).fillna(300.0).to_numpy("float64")
    by_route = pd.Series(chance.lognormal(0, 0.5, len(network.routes)), network.routes.index)
    own = by_route.loc[segments["route_id"]].to_numpy()
    segments["aadt"] = usual * own * chance.lognormal(0, 0.25, len(segments))
    nobody = pd.DataFrame(
        {"place": pd.Series(dtype=object), "route_id": pd.Series(dtype="Int64"),
         "route_measure": pd.Series(dtype=float), "junction_id": pd.Series(dtype="Int64")}
    )  # fmt: skip
    layers = (network.routes, segments, network.junctions, network.nodes)
    places = units_of(nobody, *layers, length=GRAIN, radius=RADIUS)
    pieces, table = places.pieces, places.table
    long = (pieces["to"] - pieces["from"]).to_numpy()
    unit, route = pieces["unit"].to_numpy(), pieces["route"].to_numpy()
    at = (table["kind"] == "junction").to_numpy()
    of_route = chance.gamma(1 / OF_ROADS, OF_ROADS, len(network.routes))
    of_place = chance.gamma(1 / OF_PLACES, OF_PLACES, len(table))
    spot = chance.uniform(size=len(table)) < SPOTS
    factor = of_place * np.where(spot, AT_SPOT, 1.0) * np.where(at, AT_JUNCTION, 1.0)
    kinds = network.routes["road_class"].astype(object).to_numpy()
    class_aadt = pd.Series(kinds).map(AADT).fillna(300.0).to_numpy("float64")
    traffic = table["aadt"].fillna(pd.Series(class_aadt[route]).groupby(unit).first())
    mu = long * traffic.to_numpy()[unit] ** POWER * factor[unit] * of_route[route]
    mu *= a_year / mu.sum()
    severe = pd.Series(kinds).map(SEVERE).fillna(0.2).to_numpy("float64")[route]
    # Where crashes are severe is a matter of the place, too (speed), not of the class alone.
    severe = chance.beta(10 * severe, 10 * (1 - severe))
    parts = []
    for year in range(SPLIT.train[0], SPLIT.test[1] + 1):
        count = chance.poisson(mu)
        piece = np.repeat(np.arange(len(mu)), count)
        bad = chance.uniform(size=len(piece)) < severe[piece]
        fatal = bad & (chance.uniform(size=len(piece)) < FATAL)
        measure = pieces["from"].to_numpy()[piece] + chance.uniform(size=len(piece)) * long[piece]
        parts.append(
            pd.DataFrame(
                {
                    "date": pd.Timestamp(year, 7, 1),
                    "place": "segment",
                    "route_id": network.routes.index.to_numpy()[route[piece]],
                    "route_measure": measure,
                    "junction_id": pd.array([pd.NA] * len(piece), dtype="Int64"),
                    "severity": np.select([fatal, bad], ["fatal", "serious"], "slight"),
                    "deaths": np.where(fatal, 1 + chance.poisson(0.15, len(piece)), 0),
                }
            )
        )
    if not counted:
        segments["aadt"] = np.nan
    junctions = network.junctions.copy()
    junctions["aadt"] = _entering(segments, network) if counted else np.nan
    known = replace(network, segments=segments, junctions=junctions)
    return Case(known, pd.concat(parts, ignore_index=True))


def _entering(segments: pd.DataFrame, network: Network) -> pd.Series:
    """Entering traffic of each junction: half the sum of its legs."""
    node = network.nodes["junction_id"].to_numpy(dtype="int64", na_value=-1)
    ends = node[np.r_[segments["from_node"], segments["to_node"]]]
    aadt = np.tile(segments["aadt"].to_numpy(), 2)
    sums = np.bincount(ends[ends >= 0], aadt[ends >= 0] / 2, minlength=len(network.junctions))
    return pd.Series(sums, network.junctions.index)


def judged(
    network: Network, seeds: Sequence[int], *, a_year: float, counted: bool, length: float,
    shares: Sequence[float],
) -> pd.DataFrame:  # fmt: skip
    """Share caught, one row a province, target, share of length and way."""
    tables = []
    for seed in seeds:
        case = province(network, a_year=a_year, counted=counted, seed=seed)
        net = case.network
        units = units_of(
            case.crashes, net.routes, net.segments, net.junctions, net.nodes,
            length=length, radius=RADIUS,
        )  # fmt: skip
        made = backtest(
            units, case.crashes, [SPLIT], shares_of_length=shares, costs=COSTS, draws=0, seed=seed
        )
        tables.append(made[made["split"] == ALL].assign(seed=seed))
    return pd.concat(tables, ignore_index=True)


def report(made: pd.DataFrame, shares: Sequence[float]) -> None:
    """Print the means, and how far each way lies behind the best."""
    for target, rows in made.groupby("target", sort=False):
        print(f"  {target}: {rows['later'].groupby(rows['seed']).first().mean():,.0f} later")
        head = "".join(f"{f'{share:.0%} of the road':>38}" for share in shares)
        print(f"    {'':12}{head}")
        wide: Any = rows.pivot_table(index="seed", columns=["share_of_length", "method"],
                                values="caught")  # fmt: skip
        own = [name for name in wide[shares[0]] if name not in {"oracle", "random"}]
        order = wide[shares[len(shares) // 2]].mean().sort_values(ascending=False).index
        for method in order:
            cells = []
            for share in shares:
                values = wide[share][method]
                best = wide[share][own].mean().idxmax()
                behind = wide[share][best] - values
                mean, half = values.mean(), _half(values)
                cells.append(
                    f"{mean:13.1%} ±{half:5.1%}  behind {behind.mean():5.1%} ±{_half(behind):4.1%}"
                )
            print(f"    {method:12}{''.join(f'{cell:>38}' for cell in cells)}")


def told_apart(made: pd.DataFrame) -> None:
    """Print what one way catches more than another, province by province."""
    keys = ["a_year", "counted", "seed"]
    columns = ["target", "share_of_length", "method"]
    wide: Any = made.pivot_table(index=keys, columns=columns, values="caught")
    print("more than, points of percent, mean of all provinces and 90 % interval")
    for target in dict.fromkeys(made["target"]):
        for share in dict.fromkeys(made["share_of_length"]):
            rows = wide[target][share]
            cells = []
            for one, other in PAIRS:
                apart = 100 * (rows[one] - rows[other])
                cells.append(f"{one} - {other} {apart.mean():+5.2f} ±{_half(apart):4.2f}")
            print(f"  {target:8}{share:4.0%}  " + "   ".join(cells))


def _half(values: pd.Series) -> float:
    """Half the 90 % interval of a mean."""
    if len(values) < 2:  # noqa: PLR2004
        return float("nan")
    return float(stats.t.ppf(0.95, len(values) - 1) * values.std() / np.sqrt(len(values)))


def main() -> None:
    """All cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs=2, default=(201, 220))
    parser.add_argument("--length", type=float, default=500.0)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.02, 0.05, 0.1])
    given = parser.parse_args()
    network = sample_network()
    seeds = range(given.seeds[0], given.seeds[1] + 1)
    tables = []
    for a_year, counted in CASES:
        traffic = "counted on every road" if counted else "not counted"
        print(f"{a_year} crashes a year, traffic {traffic}; {len(seeds)} provinces")
        made = judged(network, seeds, a_year=a_year, counted=counted, length=given.length,
                      shares=given.shares)  # fmt: skip
        report(made, given.shares)
        tables.append(made.assign(a_year=a_year, counted=counted))
    told_apart(pd.concat(tables, ignore_index=True))


if __name__ == "__main__":
    main()
