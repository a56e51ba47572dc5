"""Calls of `grad`, `jacobian`, `hessian`, `hvp` and `jvp`: derivatives with respect to a name."""

from __future__ import annotations

from graphdsl.compiler.lower import dotted, expressions
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.values import POISON, Poison, Value, describe
from graphdsl.graph.build import Expr
from graphdsl.graph.op import Op
from graphdsl.language import ast


def derivative(frame: Frame, expr: ast.Call, op: Op) -> Value:
    """The placeholder of a derivative, its operands checked."""
    if len(expr.args) != len(op.operands) or expr.keywords:
        wanted = "a value and a name" + ", and a direction" * (len(op.operands) == 3)
        help = [f"it is called as {op.name}({', '.join(op.operands)})"]
        return frame.error("E0408", f"'{op.name}' takes {wanted}", expr.span, help=help)
    y_expr, x_expr, *more = expr.args
    if dotted.path_of(x_expr) is None:
        return frame.error(
            "E0703",
            f"the second operand of '{op.name}' is a name that the first was computed from",
            x_expr.span,
            help=dotted.turn_of(x_expr)
            or ["bind the expression to a name first and use the name on both sides"],
        )
    x = expressions.evaluate(frame, x_expr)
    if not isinstance(x, Expr | Poison):
        what = f"'{x_expr.span.text}' is {describe(x)}: only nodes have derivatives"
        return frame.error("E0702", what, x_expr.span)
    rest = [(expressions.tensor(frame, arg), arg) for arg in (y_expr, *more)]
    operands = [(v, e) for v, e in rest if isinstance(v, Expr)]
    if isinstance(x, Poison) or len(operands) < len(rest):
        return POISON
    operands.insert(1, (x, x_expr))
    made = frame.apply(op, operands, {}, expr.span)
    if isinstance(made, Expr) and not _reaches(frame, x, operands[0][0]):
        frame.warn(
            "W0111",
            f"'{y_expr.span.text}' is not computed from '{x_expr.span.text}': this is 0",
            x_expr.span,
        )
    return made


def _reaches(frame: Frame, x: Expr, y: Expr) -> bool:
    """Whether `y` is computed from `x`."""
    nodes, seen, todo = frame.shared.builder.nodes, {y.id}, [y.id]
    while todo:
        id = todo.pop()
        if id == x.id:
            return True
        more = {i for i in nodes[id].operands if i >= x.id} - seen
        seen |= more
        todo += more
    return False
