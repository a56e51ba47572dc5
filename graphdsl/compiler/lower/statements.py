"""Statements: what each declaration adds to the graph, in a file and inside a block."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphdsl.compiler.lower import blocks, expressions, repeat
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.results import declare_result
from graphdsl.compiler.lower.scope import universal
from graphdsl.compiler.lower.updates import update
from graphdsl.compiler.lower.values import (
    POISON,
    BlockFunction,
    Poison,
    SharedBlock,
    Value,
    describe,
    is_constant,
)
from graphdsl.compiler.lower.variables import declare_param, declare_state, read_type
from graphdsl.graph.build import Expr
from graphdsl.graph.graph import Origin
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import Poly, symbol
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label
from graphdsl.ops.rules import plural


def lower_statement(frame: Frame, statement: ast.AnyStatement) -> None:
    """Add one statement of a file or of a block's body."""
    match statement:
        case ast.Assign():
            _assign(frame, statement)
        case ast.Input():
            _input(frame, statement)
        case ast.Param():
            warn_of_shadowing(frame, statement.name)
            value = declare_param(frame, statement)
            frame.bind(statement.name, value, "param", typed=statement.type)
        case ast.State():
            warn_of_shadowing(frame, statement.name)
            value = declare_state(frame, statement)
            frame.bind(statement.name, value, "state", typed=statement.type)
        case ast.Update():
            update(frame, statement)
        case ast.Loss():
            declare_result(frame, statement, "loss")
        case ast.Metric():
            declare_result(frame, statement, "metric")
        case ast.Output():
            declare_result(frame, statement, "output")
        case ast.Const():
            before = frame.shared.mode_reads
            value = constant(frame, statement)
            by_mode = frame.shared.mode_reads > before
            frame.bind(statement.name, value, "const", by_mode=by_mode)
        case ast.Repeat():
            repeat.lower_repeat(frame, statement)
        case ast.Collect():
            repeat.collect(frame, statement)
        case ast.Share():
            frame.bind(statement.name, blocks.share(frame, statement), "share")


def lower_body(frame: Frame, block: ast.Block) -> list[Value] | Poison:
    """The values a block's body returns."""
    for position, statement in enumerate(block.body):
        if isinstance(statement, ast.Return):
            if position + 1 < len(block.body):
                after = block.body[position + 1]
                frame.error("E0322", "nothing can follow 'return'", after.span)
            return _return(frame, statement)
        lower_statement(frame, statement)
    if "return" in frame.shared.broken:
        return POISON
    return frame.error(
        "E0414",
        f"the block '{block.name.id}' returns nothing",
        block.name.span,
        help=["end its body with 'return …'"],
    )


def _return(frame: Frame, statement: ast.Return) -> list[Value] | Poison:
    whole = ast.ListExpr(statement.values, span=statement.span)
    frame = frame.inside(call_names=blocks.names_of_calls(whole, "", frame))
    values = [expressions.evaluate(frame, value) for value in statement.values]
    return POISON if any(isinstance(v, Poison) for v in values) else values


def constant(frame: Frame, statement: ast.Const) -> Value:
    """The value of a constant, which the command line or Python may override."""
    shared, name = frame.shared, statement.name.id
    warn_of_shadowing(frame, statement.name)
    if frame.scope is shared.main and name in shared.overrides:
        value: Value = shared.overrides[name]
    else:
        value = expressions.evaluate(frame, statement.value)
    if isinstance(value, Poison):
        return POISON
    if not is_constant(value) and not isinstance(value, Poly):
        return frame.error(
            "E0304",
            f"a constant is a number, a truth value or a list of them, not {describe(value)}",
            statement.value.span,
            help=[f"leave 'const' out to bind a node: {name} = …"],
        )
    if frame.scope is shared.main:
        shared.constants[name] = value
    return value


def declare_dims(frame: Frame, statement: ast.Dim) -> None:
    """Bind symbolic sizes."""
    for name in statement.names:
        warn_of_shadowing(frame, name)
        frame.bind(name, symbol(name.id), "dim")


def _input(frame: Frame, statement: ast.Input) -> None:
    shared = frame.shared
    warn_of_shadowing(frame, statement.name)
    type = read_type(frame, statement.type)
    if type is None:
        frame.bind(statement.name, POISON, "input")
        return
    shared.builder.origin = Origin(statement.span, frame.trail)
    x = shared.builder.add(OPS["input"], (), (("type", type),), type, statement.name.id)
    if statement.type is not None:
        shared.written[x.id] = (statement.type, frame)
    shared.inputs[statement.name.id] = x
    shared.names[statement.name.id] = x.id
    frame.bind(statement.name, x, "input", statement.span, statement.type)


def _assign(frame: Frame, statement: ast.Assign) -> None:
    before = frame.shared.mode_reads
    if len(statement.names) == 1:
        name = statement.names[0]
        values = [right_side(frame, name, statement.value)]
    else:
        values = _several(frame, statement)
    by_mode = frame.shared.mode_reads > before
    for name, value in zip(statement.names, values, strict=True):
        made = named(frame, name, value, statement.value)
        decided = by_mode and not isinstance(made, Expr)
        frame.bind(name, made, "op", by_mode=decided)


def right_side(frame: Frame, name: ast.Name, expr: ast.Expr) -> Value:
    """The value of an expression that a name is bound to."""
    if isinstance(expr, ast.Name | ast.Number | ast.String | ast.Bool):
        return expressions.evaluate(frame, expr)
    own = frame.scope.own(name.id)
    carried = own is not None and own.kind == "carried"
    first = carried and frame.qualified(name.id) + "." == frame.prefix
    # what is bound twice is told as that: what it owns collides with nothing besides
    own_name = name.id if own is None or carried else f"{name.id}@{name.span.start}"
    call_names = blocks.names_of_calls(expr, "" if first else own_name, frame)
    return expressions.evaluate(frame.inside(call_names=call_names, statement=name.id), expr)


def _several(frame: Frame, statement: ast.Assign) -> list[Any]:
    """The values of `a, b = block(…)`, one for each name."""
    poisons: list[Any] = [POISON] * len(statement.names)
    call = statement.value
    if not isinstance(call, ast.Call):
        frame.error("E0405", "several names need a call that returns several values", call.span)
        return poisons
    function = expressions.evaluate(frame, call.function)
    if isinstance(function, Poison):
        return poisons
    if not isinstance(function, BlockFunction | SharedBlock):
        frame.error("E0405", f"{describe(function)} returns one value", call.span)
        return poisons
    names = blocks.names_of_calls(call, statement.names[0].id, frame)
    values = blocks.call_all(frame.inside(call_names=names), call, function)
    if isinstance(values, Poison):
        return poisons
    if len(values) != len(statement.names):
        block = function.function if isinstance(function, SharedBlock) else function
        declared = Label(block.block.name.span, "the block", primary=False)
        message = (
            f"'{function.name}' returns {len(values)} {plural(len(values), 'value', 'values')}, "
            f"{len(statement.names)} names stand on the left"
        )
        frame.error("E0405", message, call.span, more=[declared])
        return poisons
    return values


def named(frame: Frame, name: ast.Name, value: Value, expr: ast.Expr) -> Value:
    """Give a value its name in the graph; constants stay constants for whoever reads the name."""
    shared = frame.shared
    warn_of_shadowing(frame, name)
    node = expressions.as_tensor(frame, value, expr.span)
    if isinstance(node, Poison):
        return POISON
    qualified = _fresh(frame, frame.qualified(name.id))
    if node.node.name is not None or node.node.op.leaf:
        shared.builder.origin = Origin(expr.span, frame.trail)
        node = shared.builder.apply(OPS["identity"], (node,))
    shared.builder.nodes[node.id] = replace(node.node, name=qualified)
    shared.names[qualified] = node.id
    return value if is_constant(value) or isinstance(value, Poly) else node


def _fresh(frame: Frame, qualified: str) -> str:
    """The qualified name; later calls of a shared block name their nodes `cell.z#2`, `cell.z#3`."""
    if not frame.cell or qualified not in frame.shared.names:
        return qualified
    number = 2
    while f"{qualified}#{number}" in frame.shared.names:
        number += 1
    return f"{qualified}#{number}"


def rebind(frame: Frame, name: ast.Name, value: Value, by_mode: bool) -> None:
    """After a loop, give a carried name its last value."""
    binding = frame.scope.own(name.id)
    if binding is not None and binding.kind == "carried":
        frame.bind(name, value, "op", by_mode=by_mode)
    else:
        found = frame.scope.find(name.id)
        assert found is not None
        found.value, found.by_mode = value, by_mode
    node = expressions.as_tensor(frame, value, name.span)
    if isinstance(node, Expr):
        frame.shared.names[frame.qualified(name.id)] = node.id


def warn_of_shadowing(frame: Frame, name: ast.Name) -> None:
    """Warn of a name of the file that hides one of the prelude's or an op's."""
    hidden = universal(name.id, frame.shared.float)
    if hidden is None and frame.scope.own(name.id) is None:
        binding = frame.scope.find(name.id)
        hidden = binding.value if binding and binding.span.source is not name.span.source else None
    what = "whether this is a training step" if name.id == "training" else describe(hidden)
    if (hidden is not None or name.id == "training") and not frame.prefix:
        frame.warn("W0106", f"'{name.id}' hides {what}", name.span)
