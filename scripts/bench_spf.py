"""Safety performance function and Empirical Bayes at a million units, as ratios to peers.

    python scripts/bench_spf.py [--units N] [--rounds R] [--only PEER ...]

Counts of a known function: ln mu = -7 + .7 ln AADT + .9 ln length + .3 and -.2 for two classes,
k = .8. Each run is a process of its own; the peers take turns, and a ratio is taken within a
round, so that other load on the machine falls on all. Imports and making the data are not timed.

`fit` is one fit and Empirical Bayes; `interval` has the interval of k too, `per-length` a k that
goes with length. Peers: the gradient search that stands by (`search`), and statsmodels (`glm`,
with k held at the truth, and `negative-binomial`, by Newton's method).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from benching import in_turns, ratios, timed

from blackspots.screening import negative_binomial as nb
from blackspots.screening.expected import empirical_bayes
from blackspots.screening.spf import SafetyPerformanceFunction, fit_spf

SEED = 20_260_101
TRUTH = np.array([-7.0, 0.7, 0.9, 0.3, -0.2])
SHARES = np.array([0.3, 0.2])
K = 0.8
OURS = ("fit", "interval", "per-length")
PEERS = ("search", "glm", "negative-binomial")

Data = tuple[np.ndarray, pd.DataFrame, np.ndarray]
Run = Callable[[], tuple[np.ndarray, float, float]]


def data(units: int) -> Data:
    """Counts, covariates and lengths [km]."""
    chance = np.random.Generator(np.random.PCG64(SEED))
    length = chance.uniform(0.05, 0.6, units)
    columns = [
        np.ones(units),
        chance.normal(8.0, 1.0, units),
        np.log(length),
        *(chance.random((2, units)) < SHARES[:, None]).astype(float),
    ]
    names = ["one", "ln(traffic)", "ln(km)", "urban", "hilly"]
    covariates = pd.DataFrame(dict(zip(names, columns, strict=True)))
    mu = np.exp(covariates.to_numpy() @ TRUTH)
    return chance.poisson(mu * chance.gamma(1 / K, K, units)).astype(float), covariates, length


def ours(name: str, made: Data) -> Run:
    """One of :data:`OURS`."""
    x, covariates, length = made

    def run() -> tuple[np.ndarray, float, float]:
        one = np.ones(len(x))
        spf: SafetyPerformanceFunction
        if name == "per-length":
            spf = fit_spf(x, one / length, covariates, length=length, dispersion="per-length",
                          interval=False)  # fmt: skip
            mu = spf.predict(one / length, covariates, length=length)
            k = spf.k_of(len(x), length=length)
        else:
            spf = fit_spf(x, one, covariates, interval=name == "interval")
            mu, k = spf.predict(one, covariates), np.full(len(x), spf.k)
        weight = 1 / (1 + k * mu)
        return spf.coefficients, spf.k, float((weight * mu + (1 - weight) * x).sum())

    return run


def peer(name: str, made: Data) -> Run:
    """One of :data:`PEERS`."""
    x, covariates, _ = made
    z = covariates.to_numpy()

    def finish(b: np.ndarray, k: float) -> tuple[np.ndarray, float, float]:
        mu = np.exp(z @ b)
        weight = 1 / (1 + k * mu)
        return b, k, float((weight * mu + (1 - weight) * x).sum())

    if name == "search":

        def run() -> tuple[np.ndarray, float, float]:
            counts = nb.Counts(x, z, np.zeros(len(x)))
            found = nb._search(nb.Likelihood(counts), *nb._start(counts))  # noqa: SLF001
            if found is None:
                raise RuntimeError(name)
            return finish(found.b, found.k)

        return run
    import statsmodels.api as sm  # noqa: PLC0415 - a peer, and slow to import

    def run_peer() -> tuple[np.ndarray, float, float]:
        if name == "glm":
            family = sm.families.NegativeBinomial(alpha=K)
            return finish(np.asarray(sm.GLM(x, z, family=family).fit().params), K)
        found = sm.NegativeBinomial(x, z).fit(method="newton", disp=0, maxiter=100)
        return finish(found.params[:-1], float(found.params[-1]))

    return run_peer


def judged(made: Data, rounds: int) -> dict[str, Any]:
    """The posterior of every unit, all columns of it."""
    x, covariates, _ = made
    mu = np.exp(covariates.to_numpy() @ TRUTH)
    return {"wall": min(timed(lambda: empirical_bayes(x, mu, K))[0]["wall"] for _ in range(rounds))}


def main() -> None:
    """Take turns and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=[*OURS, *PEERS, "posterior"])
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        name, units = asked.child
        made = data(int(units))
        if name == "posterior":
            figures = judged(made, 1)
        else:
            run = ours(name, made) if name in OURS else peer(name, made)
            figures, (b, k, total) = timed(run)
            figures |= {"k": k, "traffic": float(b[1]), "expected": total}
        print(json.dumps(figures))
        return
    names = list(asked.only or [*OURS, *PEERS, "posterior"])
    if importlib.util.find_spec("statsmodels") is None:
        print("statsmodels is not installed: its rows are left out")
        names = [name for name in names if name not in PEERS[1:]]
    peers = {name: (name, str(asked.units)) for name in names}
    figures = in_turns(__file__, peers, asked.rounds)
    print(f"{asked.units:,} units, {asked.rounds} rounds; ratio: fit over the peer, middle (range)")
    for name in names:
        rows = figures[name]
        line = f"{name:18} {statistics.median(row['wall'] for row in rows):8.2f} s"
        if "peak" in rows[0]:
            line += f"  +{max(row['peak'] for row in rows):6.0f} MB"
            line += f"  k {rows[0]['k']:.4f}  ln(AADT) {rows[0]['traffic']:.4f}"
            line += f"  sum of EB {rows[0]['expected']:,.1f}"
        if name in PEERS and "fit" in figures:
            ratio = ratios(figures["fit"], rows)
            line += f"  ratio {statistics.median(ratio):.3f} ({ratio[0]:.3f} to {ratio[-1]:.3f})"
        print(line)


if __name__ == "__main__":
    main()
