"""Optimizer rules: the body of an `optimizer`, ready to be expanded on parameters and gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphdsl.compiler.lower import blocks, expressions, statements, updates
from graphdsl.compiler.lower.context import Frame, Lowering
from graphdsl.compiler.lower.scope import Binding, Scope
from graphdsl.compiler.lower.values import (
    OptimizerFunction,
    Poison,
    describe,
    is_constant,
)
from graphdsl.compiler.lower.variables import read_type
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Init, Variable
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import symbol
from graphdsl.graph.types import TensorType, find_misfit
from graphdsl.language import ast
from graphdsl.language.diagnostics import Report, did_you_mean

MakeState = Callable[[str, TensorType | None, Init], Expr]
"""Gives the leaf of an optimizer state: of the parameter's type where the type is None."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """What one application of a rule gives: the new parameter and the new states."""

    parameter: Expr
    states: Mapping[str, Expr]


@dataclass(frozen=True, slots=True)
class UpdateRule:
    """An optimizer as `train` names it: `expand` writes its rule for one parameter."""

    name: str
    arguments: tuple[str, ...]
    flat: bool
    """Whether every op of the rule is elementwise, so that it runs once a group of parameters."""
    _function: OptimizerFunction = field(repr=False)
    _call: ast.Call = field(repr=False)
    _scope: Scope = field(repr=False)

    def expand(
        self,
        builder: Builder,
        p: Expr,
        g: Expr,
        scales: Mapping[str, float],
        make_state: MakeState,
        name: str,
    ) -> Expansion:
        """Append the rule's nodes: `p` is the parameter, `g` its gradient; `scales` multiply the
        arguments of those names; `name` is what is updated, after which random streams are named.
        Raises `ModelError` where the rule does not fit."""
        report = Report()
        found = _expand(self, builder, p, g, scales, make_state, report, name)
        report.raise_errors()
        assert found is not None
        return found


def read_optimizer(frame: Frame, expr: ast.Expr, params: Sequence[Variable]) -> UpdateRule | None:
    """The rule that `train { optimizer = … }` names, checked against every trained parameter."""
    call = expr if isinstance(expr, ast.Call) else ast.Call(expr, (), (), span=expr.span)
    function = expressions.evaluate(frame, call.function)
    if isinstance(function, Poison):
        return None
    if not isinstance(function, OptimizerFunction):
        frame.error(
            "E0505",
            f"'optimizer' names an optimizer, not {describe(function)}",
            expr.span,
            help=["optimizer = adam(lr = 1e-3)"],
        )
        return None
    formals = tuple(f.name.id for f in function.optimizer.formals)
    name = function.optimizer.name.id
    scope = Scope(frame.scope)
    rule = UpdateRule(name, formals, True, function, call, scope)
    quiet = Report()
    flat = TensorType(frame.shared.float, (symbol("·"),))
    if _check(rule, frame, flat, {}, quiet) and not quiet.errors:
        return rule
    rule = UpdateRule(name, formals, False, function, call, scope)
    for variable in params:
        _check(rule, frame, frame.shared.builder.nodes[variable.node].type, {}, frame.shared.report)
    return rule


def _check(
    rule: UpdateRule,
    frame: Frame,
    type: TensorType,
    scales: Mapping[str, float],
    report: Report,
) -> bool:
    """Expand the rule aside; whether it is made of elementwise ops alone."""
    builder = Builder(frame.shared.float)
    p, g = (builder.add(OPS["input"], (), (("type", type),), type) for _ in range(2))

    def make_state(name: str, typed: TensorType | None, init: Init) -> Expr:
        kept = typed or type
        return builder.add(OPS["input"], (), (("type", kept),), kept)

    _expand(rule, builder, p, g, scales, make_state, report)
    return all(node.op.elementwise or node.op.leaf for node in builder.nodes)


def _expand(
    rule: UpdateRule,
    builder: Builder,
    p: Expr,
    g: Expr,
    scales: Mapping[str, float],
    make_state: MakeState,
    report: Report,
    name: str = "",
) -> Expansion | None:
    optimizer = rule._function.optimizer
    shared = Lowering(builder, report, {}, training=True)
    caller = Frame(shared, rule._scope, step_names=True)
    bound = blocks.bind_arguments(
        caller,
        rule._call,
        rule.name,
        optimizer.formals,
        optimizer.name,
        rule._function.home,
    )
    if bound is None:
        return None
    for key, factor in scales.items():
        value = bound[key].value
        if isinstance(value, bool) or not isinstance(value, Expr | int | float):
            message = f"'with' multiplies '{key}', which is {describe(value)}"
            caller.error("E0313", message, rule._call.span)
            return None
        bound[key].value = value * factor
    place = optimizer.name.span
    bound |= {key: Binding(x, place, "op", used=True) for key, x in (("p", p), ("g", g))}
    trail = ((rule._call.span, f"in the optimizer '{rule.name}'"),)
    scope = Scope(rule._function.home, nodes=bound)
    # no name of a file begins with a keyword: the streams of a rule are nobody else's
    frame = Frame(shared, scope, f"optimizer.{name}.", trail, step_names=True)
    return _run(frame, optimizer, p, make_state)


def _run(
    frame: Frame, optimizer: ast.Optimizer, p: Expr, make_state: MakeState
) -> Expansion | None:
    """The body, each `update` seen by the lines after it."""
    states: dict[str, Expr] = {}
    targets: dict[str, Expr] = {"p": p}
    for statement in optimizer.body:
        match statement:
            case ast.State():
                made = _state(frame, statement, make_state)
                if made is None:
                    return None
                targets[statement.name.id] = made
                frame.bind(statement.name, made, "state")
            case ast.Update():
                value = _update(frame, statement, targets)
                if value is None:
                    return None
                states[statement.name.id] = value
                frame.scope.nodes[statement.name.id].value = value
            case ast.Assign() | ast.Const():
                statements.lower_statement(frame, statement)
            case _:
                message = "an optimizer holds states, updates and ops"
                frame.error("E0411", message, statement.span)
    if "p" in states:
        return Expansion(states.pop("p"), states)
    frame.error(
        "E0411",
        f"the optimizer '{optimizer.name.id}' never updates p",
        optimizer.name.span,
        help=["end it with 'update p = p - …'"],
    )
    return None


def _state(frame: Frame, statement: ast.State, make_state: MakeState) -> Expr | None:
    init = statement.init
    value = expressions.evaluate(frame, init.value) if isinstance(init, ast.Fill) else None
    if not isinstance(init, ast.Fill) or not is_constant(value) or isinstance(value, tuple):
        frame.error(
            "E0308",
            f"the state '{statement.name.id}' of an optimizer begins at a number",
            statement.span,
            help=[f"state {statement.name.id} = 0"],
        )
        return None
    typed = read_type(frame, statement.type) if statement.type else None
    if statement.type is not None and typed is None:
        return None
    misfit = find_misfit(value, typed.dtype) if typed else None
    if misfit is not None:
        frame.error("E0308", f"the initial value does not fit: {misfit}", init.value.span)
        return None
    return make_state(statement.name.id, typed, Init(value=value))


def _update(frame: Frame, statement: ast.Update, targets: Mapping[str, Expr]) -> Expr | None:
    name = statement.name.id
    if name not in targets:
        help = did_you_mean(name, targets) or [f"declare it: state {name} = 0"]
        message = f"'{name}' is neither p nor a state of this optimizer"
        frame.error("E0309", message, statement.name.span, help=help)
        return None
    value: Any = expressions.tensor(frame, statement.value)
    if isinstance(value, Poison):
        return None
    return updates.fitted(frame, value, targets[name], statement.value)
