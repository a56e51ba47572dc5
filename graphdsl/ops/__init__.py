"""The ops, each declared once. Importing this package fills the table `graph.op.OPS`."""

from graphdsl.ops import (
    activations,
    arithmetic,
    calculus,
    comparison,
    functions,
    indexing,
    leaves,
    linear,
    network,
    reduction,
    selection,
    shape,
    storage,
)

__all__ = [
    "activations",
    "arithmetic",
    "calculus",
    "comparison",
    "functions",
    "indexing",
    "leaves",
    "linear",
    "network",
    "reduction",
    "selection",
    "shape",
    "storage",
]
