"""`update`: what a state, or in an optimizer the parameter, becomes at the end of a step."""

from __future__ import annotations

from graphdsl.compiler.lower import expressions
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.misfits import report_narrowed_update, report_update
from graphdsl.compiler.lower.values import POISON, Poison
from graphdsl.graph.build import Expr
from graphdsl.graph.graph import Origin, Write
from graphdsl.graph.op import OPS
from graphdsl.graph.types import find_misfit, keeps
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label, did_you_mean


def update(frame: Frame, statement: ast.Update) -> None:
    """Enter what a state becomes."""
    shared, name = frame.shared, statement.name
    binding = frame.scope.find(name.id)
    held = binding.value if binding is not None and binding.kind == "state" else None
    state = shared.states.get(held.node.name or "") if isinstance(held, Expr) else None
    poisoned = binding is not None and isinstance(binding.value, Poison)
    if state is None and not poisoned:
        _refuse(frame, name, is_bound=binding is not None)
    if binding is None:
        frame.bind(name, POISON, "state")  # its value most likely reads it
    value = expressions.tensor(frame, statement.value)
    if state is None or binding is None:
        return
    binding.used = True
    if state.name in shared.writes:
        first = shared.builder.nodes[shared.writes[state.name].value].origin
        more = [Label(first.span, "the first update", primary=False)] if first else []
        help = ["one update each: put both into one expression"]
        message = f"'{name.id}' is updated twice"
        frame.error("E0309", message, name.span, more=more, help=help)
        return
    if isinstance(value, Poison):
        return
    target = Expr(shared.builder, state.node)
    made = fitted(frame, value, target, statement.value)
    if made is not None:
        shared.writes[state.name] = Write(target.id, OPS["copy"](made).id)


def _refuse(frame: Frame, name: ast.Name, is_bound: bool) -> None:
    """Report an update of what is no state."""
    states = frame.shared.states
    known = [state.removeprefix(frame.prefix) for state in states]
    what = f"'{name.id}' is {'bound to no state' if is_bound else 'not bound'}"
    help = did_you_mean(name.id, known) or [f"declare it: state {name.id}: […] = 0"]
    if frame.prefix and name.id in states:
        help = ["a block updates its own states: declare it inside, or update it in the file"]
    frame.error("E0309", f"only a state can be updated: {what}", name.span, help=help)


def fitted(frame: Frame, value: Expr, target: Expr, expr: ast.Expr) -> Expr | None:
    """`value` in the type and shape of `target`, or None with the fault reported."""
    builder = frame.shared.builder
    builder.origin = Origin(expr.span, frame.trail)
    if value.type.shape not in (target.type.shape, ()):
        report_update(frame, value, target, expr)
        return None
    number = value.node.attributes().get("value") if value.type.weak else None
    misfit = None if number is None else find_misfit(number, target.type.dtype)
    if misfit is not None:
        frame.error("E0215", f"the new value does not fit: {misfit}", expr.span)
        return None
    if not (value.type.weak or keeps(target.type.dtype, value.type.dtype)):
        report_narrowed_update(frame, value, target, expr)
        return None
    value = builder.cast(value, target.type.dtype)
    if value.type.shape != target.type.shape:
        value = builder.apply(OPS["broadcast_to"], (value,), {"shape": target.type.shape})
    return value
