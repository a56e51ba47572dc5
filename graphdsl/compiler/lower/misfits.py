"""Shapes that a declaration fixes and a value does not have: both come in, a diagnostic with the
origins of the sizes at fault goes out.
"""

from __future__ import annotations

from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.faults import is_declared, short
from graphdsl.compiler.lower.provenance import Side, explain_sizes, find_unlike
from graphdsl.compiler.lower.values import Poison
from graphdsl.graph.build import Expr
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import Shape
from graphdsl.graph.types import TensorType
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label


def report_update(frame: Frame, value: Expr, target: Expr, expr: ast.Expr) -> Poison:
    """Report a new value that has not the shape of the old one."""
    name = (target.node.name or "").removeprefix(frame.prefix)
    written = frame.shared.written.get(target.id)
    shown = [Label(written[0].span, f"{name} is {target.type}", primary=False)] if written else []
    new = Side(value, name=short(expr.span.text), declared=is_declared(frame, expr))
    sides = find_unlike(new, Side(target, name=name, declared=True))
    found = explain_sizes(frame, sides, expr.span, shown)
    return frame.error(
        "E0215",
        f"the new value is {value.type}, the old one {target.type}",
        expr.span,
        more=[*shown, *found.labels],
        help=["an update keeps the shape: reduce axes, as in mean(x, axis = 0)"],
        notes=found.notes,
    )


def report_initial(
    frame: Frame, value: Expr, type: TensorType, written: ast.Type, expr: ast.Expr
) -> Poison:
    """Report an initial value that has not the shape of its variable's type."""
    shown = [Label(written.span, f"the type is {type}", primary=False)]
    declared = Side(_stand_in(frame, type, written), declared=True)
    new = Side(value, name=short(expr.span.text), declared=is_declared(frame, expr))
    found = explain_sizes(frame, find_unlike(new, declared), expr.span, shown)
    return frame.error(
        "E0308",
        f"the initial value is {_tell(value.type.shape)}, the type {_tell(type.shape)}",
        expr.span,
        more=[*shown, *found.labels],
        help=["give one number for all or one for each; without a type it has the value's shape"],
        notes=found.notes,
    )


def report_shared(
    frame: Frame, first: Expr, type: TensorType, statement: ast.Param | ast.State
) -> Poison:
    """Report a variable of a shared block that another call has declared with another type."""
    name, origin = first.node.name or "", first.node.origin
    shown = []
    if origin is not None and origin.trail:
        shown = [
            Label(origin.trail[-1].span, f"{name} is {first.type} in this call", primary=False)
        ]
    now = Side(_stand_in(frame, type, statement.type), name=name)
    sides = find_unlike(Side(first, name=name), now)
    found = explain_sizes(frame, sides, statement.span, shown)
    return frame.error(
        "E0413",
        f"'{name}' is shared: it was {first.type} in an earlier call and is {type} in this one",
        statement.span,
        more=[*shown, *found.labels],
        help=["every call of a shared block needs the same sizes"],
        notes=found.notes,
    )


def _stand_in(frame: Frame, type: TensorType, written: ast.Type | None) -> Expr:
    """A node of a type that is refused, so that its sizes can be followed; nothing is compiled
    of a file with a fault."""
    made = frame.shared.builder.add(OPS["input"], (), (("type", type),), type)
    if written is not None:
        frame.shared.written[made.id] = (written, frame)
    return made


def _tell(shape: Shape) -> str:
    return f"[{', '.join(map(str, shape))}]"
