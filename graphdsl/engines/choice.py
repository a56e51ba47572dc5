"""Which engine runs a program: the one that was asked for, or the one that pays.

`auto` is NumPy but for long trainings, where compiling pays: the model, the data and the settings
alone say when, never the clock, so that the same training gives the same bits.
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import Literal

from graphdsl.graph.graph import Graph, Node
from graphdsl.language.diagnostics import Diagnostic, UsageError, did_you_mean

Engine = Literal["auto", "numpy", "numba"]
ENGINES: tuple[Engine, ...] = ("auto", "numpy", "numba")

COMPILING = 6e9
"""The ns that compiling a step takes where nothing of it is kept on disk: 3.6 to 5.5 s, measured
for networks of 60 to 1,240 nodes on two cores."""

NODE, ELEMENT = 130.0, 0.15
"""The ns that a compiled step saves, about, for each node and for each element of an array whose
size no feed decides, such as a parameter's gradient. Measured: 8 µs for 62 nodes of few elements,
58, 1380 and 2040 where parameters have 17,000, 536,000 and 416,000 elements; counted so these are
8, 58, 1480 and 1350. Larger batches save more."""


def check_engine(name: str) -> Engine:
    """The engine of that name; raises `UsageError` where there is none, or it is not installed."""
    if name not in ENGINES:
        help = did_you_mean(name, ENGINES) or (f"the engines are: {', '.join(ENGINES)}",)
        message = f"there is no engine '{name}'"
        raise UsageError(Diagnostic("E0830", message, (), tuple(help)))
    if name == "numba" and not is_installed():
        message = "the engine 'numba' compiles with numba, which is not installed"
        help = ("pip install 'graphdsl-lang[fast]'", "or leave the engine out: NumPy runs it")
        raise UsageError(Diagnostic("E0840", message, (), help))
    return name


def read_engine(name: str) -> Engine:
    """The engine that a file says; raises `ValueError` where there is none of that name."""
    for engine in ENGINES:
        if engine == name:
            return engine
    raise ValueError("its 'engine' makes no sense")


def is_installed() -> bool:
    """Whether numba can be imported."""
    return find_spec("numba") is not None


def pays(graph: Graph, steps: float) -> bool:
    """Whether so many steps of a graph are worth compiling it."""
    return is_installed() and steps * _saved(graph) >= COMPILING


def _saved(graph: Graph) -> float:
    """About how many ns a compiled step saves at least."""
    return NODE * len(graph.nodes) + ELEMENT * sum(map(_known_size, graph.nodes))


def _known_size(node: Node) -> int:
    """The elements of a node's result; 0 where they depend on what is fed."""
    known = [size for size in node.type.shape if isinstance(size, int)]
    return math.prod(known) if len(known) == len(node.type.shape) else 0
