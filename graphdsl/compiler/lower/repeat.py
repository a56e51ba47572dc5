"""`repeat`: the turns written out, one after the other, at compile time.

A name of the outside that the body binds again is carried from turn to turn. What a turn declares
is named after the first carried name, `o[3].W`; other names live for one turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from graphdsl.compiler.lower import expressions, statements
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.expansion import can_expand, may_turn
from graphdsl.compiler.lower.provenance import Side, explain_sizes, find_unlike
from graphdsl.compiler.lower.scope import Binding, Scope
from graphdsl.compiler.lower.values import POISON, Poison, Value, describe
from graphdsl.graph.build import Expr
from graphdsl.graph.graph import Level, Origin
from graphdsl.graph.op import OPS
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label
from graphdsl.language.source import Span


@dataclass(slots=True)
class _Loop:
    """One `repeat` while it is written out."""

    statement: ast.Repeat
    turns: range
    carried: list[ast.Name]
    prefix: str
    collected: dict[str, list[Expr]] = field(default_factory=dict)
    by_mode: bool = False
    """Whether `training` has decided the bounds."""
    decided: set[str] = field(default_factory=set)
    """The carried names whose values `training` has decided."""


def lower_repeat(frame: Frame, statement: ast.Repeat) -> None:
    """Write out the turns; afterwards carried names have their last values."""
    free = _is_free(frame, statement.variable)
    before = frame.shared.mode_reads
    turns = _turns(frame, statement)
    by_mode = frame.shared.mode_reads > before
    carried = list(_carried(frame, statement.body))
    if turns is None or not free or not can_expand(frame, statement, turns):
        _give_up(frame, statement, carried)
        return
    prefix = frame.qualified(carried[0].id if carried else statement.variable.id)
    if not _is_first(frame, statement, prefix, carried):
        _give_up(frame, statement, carried)
        return
    loop = _Loop(statement, turns, carried, prefix, by_mode=by_mode)
    loop.decided = {name.id for name in carried if by_mode or _outer(frame, name).by_mode}
    values = {name.id: _first(frame, name) for name in carried}
    for turn in turns:
        if not may_turn(frame, statement):
            _give_up(frame, statement, carried)
            return
        faults = len(frame.shared.report.diagnostics)
        values = _turn(frame, loop, turn, values)
        if len(frame.shared.report.diagnostics) > faults and frame.shared.report.errors:
            _give_up(frame, statement, carried)
            return
    _leave(frame, loop, values)


def collect(frame: Frame, statement: ast.Collect) -> None:
    """Keep one turn's value of a collected name."""
    assert frame.collected is not None, "the parser lets 'collect' stand in a loop alone"
    value = expressions.tensor(frame, statement.value)
    if isinstance(value, Poison):
        return
    if value.type.weak:
        value = frame.shared.builder.cast(value, frame.shared.float)
    frame.collected.setdefault(statement.name.id, []).append(value)


def _is_free(frame: Frame, variable: ast.Name) -> bool:
    """Whether a turn's number has a name of its own; one of the same file is reported."""
    first = frame.scope.find(variable.id)
    if first is None or first.span.source is not variable.span.source:
        return True
    frame.error(
        "E0302",
        f"'{variable.id}' is bound twice",
        variable.span,
        "counts the turns",
        more=[Label(first.span, "first bound here", primary=False)],
        help=["only nodes that the body binds again are carried: count with another name"],
    )
    return False


def _turns(frame: Frame, statement: ast.Repeat) -> range | None:
    bounds = []
    for expr in (statement.first, statement.last):
        value = expressions.evaluate(frame, expr)
        if isinstance(value, Poison):
            return None
        number = expressions.as_size(value)
        if not isinstance(number, int):
            message = f"the bounds of 'repeat' are integer constants, not {describe(value)}"
            frame.error("E0328", message, expr.span)
            return None
        bounds.append(number)
    return range(bounds[0], bounds[1] + 1)


def _carried(frame: Frame, body: Sequence[ast.AnyStatement]) -> Iterator[ast.Name]:
    """The names bound in the body, nested loops included, that are bound outside it."""
    seen: set[str] = set()
    for name in _assigned(body):
        if name.id not in seen and _is_outside(frame, name):
            seen.add(name.id)
            yield name


def _assigned(body: Sequence[ast.AnyStatement]) -> Iterator[ast.Name]:
    for statement in body:
        if isinstance(statement, ast.Assign):
            yield from statement.names
        elif isinstance(statement, ast.Repeat):
            yield from _assigned(statement.body)


def _is_outside(frame: Frame, name: ast.Name) -> bool:
    scope: Scope | None = frame.scope
    while scope is not None:
        if name.id in scope.nodes:
            return True
        scope = scope.outer if scope.open else None
    return False


def _outer(frame: Frame, name: ast.Name) -> Binding:
    binding = frame.scope.find(name.id)
    assert binding is not None
    return binding


def _first(frame: Frame, name: ast.Name) -> Value:
    """The value of a carried name before the first turn, which is read by carrying it."""
    binding = _outer(frame, name)
    binding.used = True
    return binding.value


def _is_first(
    frame: Frame, statement: ast.Repeat, prefix: str, carried: Sequence[ast.Name]
) -> bool:
    first = frame.shared.loops.setdefault(prefix, statement.span)
    if first is statement.span:
        return True
    what = "carry" if carried else "count with"
    frame.error(
        "E0329",
        f"two loops {what} the name '{prefix}'",
        carried[0].span if carried else statement.variable.span,
        more=[Label(first, "the first one", primary=False)],
        help=[f"what they declare would be named alike, '{prefix}[1].…': carry another name"],
    )
    return False


def _turn(frame: Frame, loop: _Loop, turn: int, values: dict[str, Value]) -> dict[str, Value]:
    """Write out one turn; the carried names' values after it."""
    statement = loop.statement
    nodes = {
        name.id: Binding(
            values[name.id],
            _outer(frame, name).span,
            "carried",
            used=True,
            by_mode=name.id in loop.decided,
        )
        for name in loop.carried
    }
    variable = statement.variable
    nodes[variable.id] = Binding(turn, variable.span, "turn", used=True, by_mode=loop.by_mode)
    name = f"{loop.prefix}[{turn}]"
    level = Level(statement.span, f"in turn {turn} of this 'repeat'", name, turn=turn)
    inner = frame.inside(
        scope=Scope(frame.scope, nodes=nodes, open=True),
        prefix=f"{name}.",
        trail=(*frame.trail, level),
        call_names={},
        turn=(frame, turn),
        collected=loop.collected,
    )
    for one in statement.body:
        statements.lower_statement(inner, one)
    loop.decided |= {name.id for name in loop.carried if nodes[name.id].by_mode}
    return {name.id: _next(inner, name, values[name.id], nodes[name.id]) for name in loop.carried}


def _next(frame: Frame, name: ast.Name, before: Value, binding: Binding) -> Value:
    """A carried value for the next turn; its shape and type have to stay."""
    after = binding.value
    if binding.kind == "carried" or isinstance(after, Poison) or isinstance(before, Poison):
        return after
    first = expressions.as_tensor(frame, before, name.span)
    last = expressions.as_tensor(frame, after, name.span)
    if isinstance(first, Poison) or isinstance(last, Poison):
        return POISON
    if first.type == last.type or (first.type.weak and not last.type.shape):
        return after
    shown = Label(_origin(first, name), f"{first.type} before", primary=False)
    sides = find_unlike(Side(first, name=name.id), Side(last, name=name.id))
    found = explain_sizes(frame, sides, binding.span, [shown])
    frame.error(
        "E0330",
        f"'{name.id}' is carried to the next turn and changes from {first.type} to {last.type}",
        binding.span,
        f"{last.type} here",
        more=[shown, *found.labels],
        help=["give the changed value a name of its own, or begin with a value of its type"],
        notes=found.notes,
    )
    return POISON


def _origin(node: Expr, name: ast.Name) -> Span:
    origin = node.node.origin
    return origin.span if origin else name.span


def _leave(frame: Frame, loop: _Loop, values: dict[str, Value]) -> None:
    """Bind the carried names to their last values, the collected ones to their stacks."""
    for name in loop.carried:
        if len(loop.turns):
            statements.rebind(frame, name, values[name.id], name.id in loop.decided)
    for statement in loop.statement.body:
        if isinstance(statement, ast.Collect):
            _stack(frame, loop, statement)


def _stack(frame: Frame, loop: _Loop, statement: ast.Collect) -> None:
    parts = loop.collected.get(statement.name.id)
    if not parts:
        if not loop.turns:  # else the fault lies in the value
            frame.error("E0327", "nothing is collected: there is no turn", statement.span)
        frame.bind(statement.name, POISON, "op")
        return
    frame.shared.builder.origin = Origin(statement.span, frame.trail)
    stacked = frame.apply(
        OPS["stack"], [(part, statement.value) for part in parts], {"axis": 0}, statement.span
    )
    frame.bind(
        statement.name, statements.named(frame, statement.name, stacked, statement.value), "op"
    )


def _give_up(frame: Frame, statement: ast.Repeat, carried: Sequence[ast.Name]) -> None:
    """After a fault, what the loop would have bound is at fault too."""
    for name in carried:
        _outer(frame, name).value = POISON
    for one in statement.body:
        if isinstance(one, ast.Collect):
            frame.bind(one.name, POISON, "op")
