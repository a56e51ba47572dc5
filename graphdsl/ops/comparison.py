"""Comparisons and logic, element by element. Their results are truth values: no derivatives."""

from __future__ import annotations

from graphdsl.graph.op import Op, declare
from graphdsl.graph.types import TensorType
from graphdsl.ops.rules import check_truth, truth


def _comparison(name: str, sign: str, ufunc: str, doc: str) -> Op:
    return declare(
        Op(
            name=name,
            operands=("a", "b"),
            infix=sign,
            infer=truth,
            promotion="same",
            kernel=ufunc + "({a}, {b}, {out})",
            scalar="{a} " + sign + " {b}",
            elementwise=True,
            inplace=True,
            doc=doc,
            formula=f"a {sign} b",
            derivative="none",
            example=f"y = a {sign} b",
        )
    )


equal = _comparison("equal", "==", "equal", "Whether two are equal.")
not_equal = _comparison("not_equal", "!=", "not_equal", "Whether two differ.")
less = _comparison("less", "<", "less", "Whether a is less than b.")
less_equal = _comparison("less_equal", "<=", "less_equal", "Whether a is at most b.")
greater = _comparison("greater", ">", "greater", "Whether a is greater than b.")
greater_equal = _comparison("greater_equal", ">=", "greater_equal", "Whether a is at least b.")


def _logical(name: str, sign: str, doc: str) -> Op:
    def infer(a: TensorType, b: TensorType) -> TensorType:
        return truth(check_truth(a, sign, 0), check_truth(b, sign, 1))

    return declare(
        Op(
            name=name,
            operands=("a", "b"),
            infix=sign,
            infer=infer,
            promotion="none",
            kernel=name + "({a}, {b}, {out})",
            scalar="({a} " + sign + " {b})",
            elementwise=True,
            commutes=True,
            inplace=True,
            doc=doc,
            formula=f"a {sign} b",
            derivative="none",
            example=f"y = a > 0 {sign} b > 0",
        )
    )


logical_and = _logical("logical_and", "and", "Whether both are true.")
logical_or = _logical("logical_or", "or", "Whether at least one is true.")


def _negated(x: TensorType) -> TensorType:
    return truth(check_truth(x, "not", 0))


logical_not = declare(
    Op(
        name="logical_not",
        operands=("x",),
        infer=_negated,
        promotion="none",
        kernel="logical_not({x}, {out})",
        scalar="(not {x})",
        elementwise=True,
        inplace=True,
        doc="True where x is false; written `not x`.",
        formula="not x",
        derivative="none",
        example="y = not x > 0",
    )
)
