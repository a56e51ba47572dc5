"""Products of small matrices by NumPy: what there is to know of the library that computes them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from graphdsl.compiler.rewrite.turning import turn
from graphdsl.engines.blas import find_openblas
from graphdsl.graph.graph import Graph

WITH_SMALL_KERNELS = frozenset({"SkylakeX", "Cooperlake", "SapphireRapids"})
"""The processors, as OpenBLAS names its kernels, for which it has some for small matrices: they
need AVX-512. Those of others first copy operands into an order of their own, whatever it was."""


def turned(graph: Graph, sizes: Mapping[str, int]) -> Graph:
    """A graph as NumPy computes it quickest here: cotangents transposed where that pays."""
    found = turn(graph, sizes)
    return found if found is not graph and has_small_kernels() else graph


@cache
def has_small_kernels() -> bool:
    """Whether NumPy's products of small matrices take kernels of their own."""
    library = find_openblas()
    return library is not None and library.architecture in WITH_SMALL_KERNELS
