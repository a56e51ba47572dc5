"""Expressions taken apart and put together again, whatever their form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from graphdsl.language import ast
from graphdsl.language.source import Span
from graphdsl.language.walk import nodes_in

Change = Callable[[Any], Any]


def children(node: Any) -> Iterator[Any]:
    """The nodes directly inside one that stand for values: no keywords, no function's own name."""
    return nodes_in(tuple(getattr(node, name) for name in _value_fields(node)))


def rebuilt(node: Any, change: Change) -> Any:
    """The node with each of those directly inside it changed."""
    changed = {name: _changed(getattr(node, name), change) for name in _value_fields(node)}
    return replace(node, **changed)


def names(node: Any) -> Iterator[ast.Name]:
    """Every name in an expression that stands for a value, in the order of the text."""
    if isinstance(node, ast.Name):
        yield node
    for child in children(node):
        yield from names(child)


def span_of(node: Any, name: str) -> Span:
    """Where a name is first read; raises `StopIteration` if it is not."""
    return next(found.span for found in names(node) if found.id == name)


def _value_fields(node: Any) -> list[str]:
    kept = [f.name for f in fields(node) if f.name not in ("span", "op_span")]
    match node:
        case ast.Attribute() | ast.Keyword():
            kept.remove("name")
        case ast.Call(function=ast.Name()):
            kept.remove("function")
    return kept


def _changed(value: Any, change: Change) -> Any:
    if isinstance(value, tuple):
        return tuple(_changed(one, change) for one in value)
    return change(value) if isinstance(value, ast.Node) else value
