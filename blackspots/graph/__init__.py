"""Distances along the road network: counts, neighbours, clusters and density of events.

All is exact, and the same at every size, with compiled kernels (the extra ``fast``) or without:
see :mod:`blackspots.graph.network` for how distances are held, :mod:`blackspots.graph.choice`
for what computes them.
"""

from blackspots.graph.clusters import clusters_by_density, clusters_by_linkage
from blackspots.graph.density import adaptive_bandwidths, kernel_density
from blackspots.graph.distances import (
    Nearest,
    Neighbours,
    counts_within,
    nearest,
    neighbours,
    node_distances,
)
from blackspots.graph.kfunction import KFunction, k_function
from blackspots.graph.lixels import Lixels, lixelize
from blackspots.graph.network import Events, Graph

__all__ = [
    "Events",
    "Graph",
    "KFunction",
    "Lixels",
    "Nearest",
    "Neighbours",
    "adaptive_bandwidths",
    "clusters_by_density",
    "clusters_by_linkage",
    "counts_within",
    "k_function",
    "kernel_density",
    "lixelize",
    "nearest",
    "neighbours",
    "node_distances",
]
