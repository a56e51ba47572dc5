"""Optimizer rules: the body of an `optimizer`, ready to be expanded on parameters and gradients."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphdsl.compiler.lower import blocks, expressions, habits, names, statements, updates
from graphdsl.compiler.lower.context import Frame, Lowering
from graphdsl.compiler.lower.scope import Binding, Scope
from graphdsl.compiler.lower.values import (
    POISON,
    OptimizerFunction,
    Poison,
    Value,
    describe,
    is_constant,
)
from graphdsl.compiler.lower.variables import read_type
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Init, Level, Variable
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import symbol
from graphdsl.graph.types import TensorType, find_misfit
from graphdsl.language import ast
from graphdsl.language.diagnostics import Report, did_you_mean
from graphdsl.language.settings import SCALE

MakeState = Callable[[str, TensorType | None, Init], Expr | Poison]
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

    def argument(self, builder: Builder, name: str) -> Expr | float:
        """What an argument of the rule comes to, as a node of the step or a number; raises
        `ModelError` where the call does not fit."""
        value = self.bound_argument(builder, name)
        assert isinstance(value, Expr | int | float)
        return value

    def bound_argument(self, builder: Builder, name: str) -> Value:
        """The same of a rule that may yet turn out to be wrong: a text, a list, anything."""
        report = Report()
        shared = Lowering(builder, report, {}, training=True)
        bound = _bind(Frame(shared, self._scope, step_names=True), self)
        report.raise_errors()
        assert bound is not None
        return bound[name].value


def read_optimizer(frame: Frame, expr: ast.Expr, params: Sequence[Variable]) -> UpdateRule | None:
    """The rule that `train { optimizer = … }` names, checked against every trained parameter."""
    call = expr if isinstance(expr, ast.Call) else ast.Call(expr, (), (), span=expr.span)
    function = _named(frame, call.function)
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


def _named(frame: Frame, expr: ast.Expr) -> Value:
    """What is named as the optimizer; of a name that nothing binds, with what could be meant."""
    if not isinstance(expr, ast.Name) or names.is_bound(frame, expr.id):
        return expressions.evaluate(frame, expr)
    seen = dict.fromkeys(name for some in frame.scope.near() for name in some)
    known = [name for name in seen if _is_optimizer(frame, name)]
    listed = (
        f"there are {', '.join(known)}",
        f"one of your own is declared: optimizer {expr.id}(lr = 1e-2) {{ update p = p - lr * g }}",
    )
    help = habits.of_name(expr.id) or did_you_mean(expr.id, known) or listed
    return names.report_unknown(frame, expr, lambda: help)


def _is_optimizer(frame: Frame, name: str) -> bool:
    found = frame.scope.find(name)
    return found is not None and isinstance(found.value, OptimizerFunction)


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

    broken = frame.shared.broken
    _expand(rule, builder, p, g, scales, make_state, report, broken=broken)
    return all(node.op.elementwise or node.op.leaf for node in builder.nodes)


def _bind(caller: Frame, rule: UpdateRule) -> dict[str, Binding] | None:
    """The arguments of the rule's call by name."""
    optimizer = rule._function.optimizer
    name, home = optimizer.name, rule._function.home
    return blocks.bind_arguments(caller, rule._call, rule.name, optimizer.formals, name, home)


def _expand(
    rule: UpdateRule,
    builder: Builder,
    p: Expr,
    g: Expr,
    scales: Mapping[str, float],
    make_state: MakeState,
    report: Report,
    name: str = "",
    broken: frozenset[str] = frozenset(),
) -> Expansion | None:
    optimizer = rule._function.optimizer
    shared = Lowering(builder, report, {}, training=True, broken=broken)
    caller = Frame(shared, rule._scope, step_names=True)
    bound = _bind(caller, rule)
    if bound is None:
        return None
    for key, factor in scales.items():
        value = bound[key].value
        if isinstance(value, bool) or not isinstance(value, Expr | int | float):
            message = f"a factor multiplies '{key}', which is {describe(value)}"
            help = [f"leave '{key}' out of 'with' and '{SCALE}{key}'"]
            caller.error("E0313", message, rule._call.span, help=help)
            return None
        bound[key].value = value * factor
    place = optimizer.name.span
    bound["p"] = Binding(p, place, "state", used=True)
    bound["g"] = Binding(g, place, "op", used=True)
    told = f"in the optimizer '{rule.name}'"
    trail = (Level(rule._call.span, told, name, rule.name),)
    scope = Scope(rule._function.home, nodes=bound)
    # no name of a file begins with a keyword: the streams of a rule are nobody else's
    frame = Frame(shared, scope, f"optimizer.{name}.", trail, step_names=True)
    return _run(frame, optimizer, p, make_state)


def check_rule(frame: Frame, optimizer: ast.Optimizer) -> None:
    """Report what is wrong with a rule whatever it is applied to, of which nothing is known."""
    _run(frame, optimizer, POISON, lambda name, type, init: POISON)


def _run(
    frame: Frame, optimizer: ast.Optimizer, p: Expr | Poison, make_state: MakeState
) -> Expansion | None:
    """The body, each `update` seen by the lines after it."""
    values: dict[str, Expr | Poison] = {}
    targets: dict[str, Expr | Poison] = {"p": p}
    for statement in optimizer.body:
        match statement:
            case ast.State(name=name):
                targets[name.id] = _state(frame, statement, make_state)
                frame.bind(name, targets[name.id], "state")
            case ast.Update(name=name) if name.id in targets:
                values[name.id] = _update(frame, statement, targets[name.id])
                frame.scope.nodes[name.id].value = values[name.id]
            case ast.Update():
                _refuse_target(frame, statement, targets)
            case ast.Assign() | ast.Const():
                statements.lower_statement(frame, statement)
            case _:
                message = "an optimizer holds states, updates and ops"
                frame.error("E0411", message, statement.span)
    if "p" not in values and "update" not in frame.shared.broken:
        message = f"the optimizer '{optimizer.name.id}' never updates p"
        help = ["end it with 'update p = p - …'"]
        frame.error("E0411", message, optimizer.name.span, help=help)
    known = {name: value for name, value in values.items() if not isinstance(value, Poison)}
    if len(known) < len(values) or "p" not in known:
        return None
    return Expansion(known.pop("p"), known)


def _state(frame: Frame, statement: ast.State, make_state: MakeState) -> Expr | Poison:
    init = statement.init
    value = expressions.evaluate(frame, init.value) if isinstance(init, ast.Fill) else None
    if isinstance(value, Poison):
        return POISON
    if not isinstance(init, ast.Fill) or not is_constant(value) or isinstance(value, tuple):
        return frame.error(
            "E0308",
            f"the state '{statement.name.id}' of an optimizer begins at a number",
            statement.span,
            help=[f"state {statement.name.id} = 0"],
        )
    typed = read_type(frame, statement.type) if statement.type else None
    if statement.type is not None and typed is None:
        return POISON
    misfit = find_misfit(value, typed.dtype) if typed else None
    if misfit is not None:
        return frame.error("E0308", f"the initial value does not fit: {misfit}", init.value.span)
    return make_state(statement.name.id, typed, Init(value=value))


def _refuse_target(frame: Frame, statement: ast.Update, targets: Collection[str]) -> None:
    name = statement.name.id
    expressions.evaluate(frame, statement.value)  # for its faults
    help = did_you_mean(name, targets) or [f"declare it: state {name} = 0"]
    message = f"'{name}' is neither p nor a state of this optimizer"
    frame.error("E0309", message, statement.name.span, help=help)


def _update(frame: Frame, statement: ast.Update, target: Expr | Poison) -> Expr | Poison:
    value: Any = expressions.tensor(frame, statement.value)
    if isinstance(value, Poison) or isinstance(target, Poison):
        return POISON
    return updates.fitted(frame, value, target, statement.value) or POISON
