"""Shapes and element types that a declaration fixes and a value does not have: both come in, a
diagnostic with the origins of the sizes at fault goes out.
"""

from __future__ import annotations

from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.faults import is_declared, short
from graphdsl.compiler.lower.provenance import Side, explain_sizes, find_unlike
from graphdsl.compiler.lower.values import Poison
from graphdsl.graph.build import Expr
from graphdsl.graph.op import OPS, Fault
from graphdsl.graph.sizes import Shape
from graphdsl.graph.types import TensorType
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label
from graphdsl.language.source import Span


def report_update(frame: Frame, value: Expr, target: Expr, expr: ast.Expr) -> Poison:
    """Report a new value that has not the shape of the old one."""
    name = (target.node.name or "").removeprefix(frame.prefix)
    written = frame.shared.written.get(target.id)
    return _report(
        frame,
        Fault(
            "E0215",
            f"the new value is {value.type}, the old one {target.type}",
            help="an update keeps the shape: reduce axes, as in mean(x, axis = 0)",
        ),
        expr.span,
        (_value_side(frame, value, expr), Side(target, name=name, declared=True)),
        Label(written[0].span, f"{name} is {target.type}", primary=False) if written else None,
    )


def report_initial(
    frame: Frame, value: Expr, type: TensorType, written: ast.Type, expr: ast.Expr
) -> Poison:
    """Report an initial value that has not the shape of its variable's type."""
    return _report(
        frame,
        Fault(
            "E0308",
            f"the initial value is {_tell(value.type.shape)}, the type {_tell(type.shape)}",
            help="give one number for all or one for each; without a type it has the value's shape",
        ),
        expr.span,
        (_value_side(frame, value, expr), Side(_stand_in(frame, type, written), declared=True)),
        Label(written.span, f"the type is {type}", primary=False),
    )


def report_narrowed(
    frame: Frame, value: Expr, type: TensorType, written: ast.Type, expr: ast.Expr
) -> Poison:
    """Report an initial value whose numbers its variable's element type does not keep."""
    label = Label(written.span, f"the type is {type}", primary=False)
    message = f"the initial value is {value.type.dtype}, the type {type.dtype}"
    return frame.error("E0308", message, expr.span, more=[label], help=[_cast_help(type)])


def report_narrowed_update(frame: Frame, value: Expr, target: Expr, expr: ast.Expr) -> Poison:
    """Report a new value whose numbers the old one's element type does not keep."""
    name = (target.node.name or "").removeprefix(frame.prefix)
    written = frame.shared.written.get(target.id)
    label = [Label(written[0].span, f"{name} is {target.type}", primary=False)] if written else []
    message = f"the new value is {value.type.dtype}, the old one {target.type.dtype}"
    return frame.error("E0215", message, expr.span, more=label, help=[_cast_help(target.type)])


def _cast_help(type: TensorType) -> str:
    return f"write cast(…, {type.dtype}) where the change is meant"


def report_shared(
    frame: Frame, first: Expr, type: TensorType, statement: ast.Param | ast.State
) -> Poison:
    """Report a variable of a shared block that another call has declared with another type."""
    name, origin = first.node.name or "", first.node.origin
    call = origin.trail[-1].span if origin is not None and origin.trail else None
    return _report(
        frame,
        Fault(
            "E0413",
            f"'{name}' is shared: it was {first.type} in an earlier call and is {type} in this one",
            help="every call of a shared block needs the same sizes",
        ),
        statement.span,
        (Side(first, name=name), Side(_stand_in(frame, type, statement.type), name=name)),
        Label(call, f"{name} is {first.type} in this call", primary=False) if call else None,
    )


def _report(
    frame: Frame, fault: Fault, span: Span, sides: tuple[Side, Side], other: Label | None
) -> Poison:
    """Report a fault at `span`, the `other` place that it disagrees with, and where the sizes that
    are unlike were written."""
    shown = [other] if other is not None else []
    found = explain_sizes(frame, find_unlike(*sides), span, shown)
    return frame.error(
        fault.code,
        fault.message,
        span,
        more=[*shown, *found.labels],
        help=[fault.help] if fault.help else [],
        notes=found.notes,
    )


def _value_side(frame: Frame, value: Expr, expr: ast.Expr) -> Side:
    """The value that an expression gives, called as it is written."""
    return Side(value, name=short(expr.span.text), declared=is_declared(frame, expr))


def _stand_in(frame: Frame, type: TensorType, written: ast.Type | None) -> Expr:
    """A node of a type that is refused, so that its sizes can be followed; nothing is compiled
    of a file with a fault."""
    made = frame.shared.builder.add(OPS["input"], (), (("type", type),), type)
    if written is not None:
        frame.shared.written[made.id] = (written, frame)
    return made


def _tell(shape: Shape) -> str:
    return f"[{', '.join(map(str, shape))}]"
