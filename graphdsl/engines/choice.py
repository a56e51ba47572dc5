"""Which engine runs a program: the one that was asked for, or the one that pays.

`auto` is NumPy but for long trainings, where compiling pays: `LONG` says when, from the model, the
data and the settings alone, never from the clock, so that the same training gives the same bits.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from graphdsl.graph.graph import Graph
from graphdsl.language.diagnostics import Diagnostic, UsageError, did_you_mean

Engine = Literal["auto", "numpy", "numba"]
ENGINES: tuple[Engine, ...] = ("auto", "numpy", "numba")

LONG = 10_000_000
"""The nodes that a training has to run through, one step after another, for `auto` to compile it:
about ten seconds of NumPy's start-up cost alone."""


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


def is_installed() -> bool:
    """Whether numba can be imported."""
    return find_spec("numba") is not None


def pays(graph: Graph, steps: float) -> bool:
    """Whether so many steps of a graph are worth compiling it."""
    return is_installed() and steps * len(graph.nodes) >= LONG
