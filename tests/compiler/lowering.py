"""What tests of lowering ask of a program: its parameters, types, values and warnings."""

from __future__ import annotations

from typing import Any

import graphdsl
from graphdsl.compiler.lower import Lowered, lower
from graphdsl.driver import check
from graphdsl.graph.types import DType
from graphdsl.language.parser import parse
from graphdsl.language.source import Source


def lowered(text: str, training: bool = False, **constants: Any) -> Lowered:
    """A program's graph, in f64."""
    return lower(parse(Source(text)), constants, float=DType.f64, training=training)


def param_names(text: str, **modes: bool) -> list[str]:
    """The qualified names of its parameters."""
    return [v.name for v in lowered(text, **modes).graph.params]


def type_of(text: str, name: str) -> str:
    """The type of a named node, as text."""
    graph = lowered(text).graph
    return str(graph.nodes[graph.names[name]].type)


def value_of(text: str, name: str = "y", **feeds: Any) -> Any:
    """What a named node is for these feeds."""
    return graphdsl.loads(text, dtype="f64").evaluate(name, feeds)


def warnings(text: str) -> list[str]:
    """The codes of what is said against it."""
    return [one.code for one in check(Source(text))]
