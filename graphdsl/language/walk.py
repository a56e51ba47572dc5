"""What a node of the syntax is made of, for whoever walks over a tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from graphdsl.language import ast


def children(node: ast.Node) -> Iterator[ast.Node]:
    """The nodes directly inside `node`, in the order they are written."""
    return nodes_in(tuple(getattr(node, one.name) for one in fields(node)))


def nodes_in(value: Any) -> Iterator[ast.Node]:
    """The nodes that a field's value holds: itself, or those in a tuple, nested as it may be."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, ast.Node):
            yield one
        elif isinstance(one, tuple):
            pending.extend(reversed(one))


def bound_names(statement: ast.AnyStatement) -> tuple[ast.Name, ...]:
    """The names a statement binds."""
    match statement:
        case ast.Assign(names=names) | ast.Dim(names=names) | ast.Import(names=names):
            return names
        case ast.Update() | ast.Return() | ast.Repeat() | ast.Data() | ast.Train():
            return ()
    return (statement.name,)
