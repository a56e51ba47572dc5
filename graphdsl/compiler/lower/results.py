"""Losses, metrics and outputs."""

from __future__ import annotations

from typing import Any

from graphdsl.compiler.lower import expressions, statements
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.values import POISON, Poison
from graphdsl.graph.build import Expr
from graphdsl.graph.graph import Result, Role
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label


def declare_result(frame: Frame, statement: ast.Loss | ast.Metric | ast.Output, role: Role) -> None:
    """Add a result to the model's."""
    shared, name, expr = frame.shared, statement.name, statement.value
    value = expressions.as_tensor(frame, statements.right_side(frame, name, expr), expr.span)
    if isinstance(value, Poison):
        frame.bind(name, POISON, role)
        return
    if value.type.weak:
        dtype = shared.float if value.type.dtype.is_float else value.type.dtype
        value = shared.builder.cast(value, dtype)
    if role == "loss" and not _is_loss(frame, statement, value):
        frame.bind(name, POISON, role)
        return
    node = statements.named(frame, name, value, expr)
    if isinstance(node, Expr):
        shared.results.append(Result(role, name.id, node.id))
        frame.bind(name, node, role, statement.span)


def _is_loss(frame: Frame, statement: Any, value: Expr) -> bool:
    expr = statement.value
    first = next((r for r in frame.shared.results if r.role == "loss"), None)
    if first is not None:
        binding = frame.scope.nodes.get(first.name)  # none if its name was bound before
        more = [Label(binding.span, "the first loss", primary=False)] if binding else []
        help = ["add the terms up in one loss; report the others with 'metric'"]
        frame.error("E0312", "a model has one loss", statement.name.span, more=more, help=help)
        return False
    if value.type.shape:
        frame.error(
            "E0311",
            f"a loss is a scalar, this is {value.type}",
            expr.span,
            help=[f"average over the batch: loss {statement.name.id} = mean({expr.span.text})"],
        )
        return False
    if not value.type.dtype.is_float:
        frame.error("E0311", f"a loss is a float, this is {value.type}", expr.span)
        return False
    return True
