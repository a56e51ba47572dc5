"""Whole numbers, limits, and tests of single numbers, element by element."""

from __future__ import annotations

from graphdsl.graph.build import Expr
from graphdsl.graph.op import Op, Vjp, declare
from graphdsl.ops.arithmetic import floor, maximum, minimum
from graphdsl.ops.comparison import (
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
)
from graphdsl.ops.rules import broadcast, real, truth
from graphdsl.ops.selection import where


def _whole(name: str, ufunc: str, scalar: str, doc: str, formula: str) -> Op:
    none: Vjp | None = None
    return declare(
        Op(
            name=name,
            operands=("x",),
            infer=real,
            promotion="float",
            vjp=none,
            kernel=ufunc + "({x}, {out})",
            scalar=scalar + "({x})",
            elementwise=True,
            inplace=True,
            doc=doc,
            formula=formula,
            derivative="none: 0 wherever there is one",
            example=f"y = {name}(x)",
        )
    )


ceil = _whole("ceil", "ceil", "_ceil", "The smallest whole number that is not smaller.", "⌈x⌉")
round_ = _whole(
    "round",
    "rint",
    "_rint",
    "The nearest whole number, as a float; of two, the even one.",
    "⌊x⌉",
)
trunc = _whole("trunc", "trunc", "_trunc", "x without its fraction, as a float.", "sign x ⌊|x|⌋")

mod = declare(
    Op(
        name="mod",
        operands=("a", "b"),
        infer=broadcast,
        vjp=(lambda g, y, a, b: g, lambda g, y, a, b: -g * floor(a / b)),
        partials=("1", "-floor({a} / {b})"),
        kernel="remainder({a}, {b}, {out})",
        scalar="_mod({a}, {b})",
        elementwise=True,
        inplace=True,
        domain=((-3.0, 3.0), (0.5, 3.0)),
        doc="What is left of a divided by b, with the sign of b; nan where b is 0, 0 for integers; "
        "nan where a is infinite.",
        formula="a - b ⌊a / b⌋",
        derivative="g and -g ⌊a / b⌋",
        example="y = mod(a, b)",
    )
)


def _inside(g: Expr, y: Expr, x: Expr, low: Expr, high: Expr) -> Expr:
    return where(logical_and(greater_equal(x, low), less_equal(x, high)), g, 0)


def _clip_low(g: Expr, y: Expr, x: Expr, low: Expr, high: Expr) -> Expr:
    return where(logical_and(less(x, low), less_equal(low, high)), g, 0)


clip = declare(
    Op(
        name="clip",
        operands=("x", "low", "high"),
        infer=broadcast,
        vjp=(
            _inside,
            _clip_low,
            lambda g, y, x, low, high: where(greater(maximum(x, low), high), g, 0),
        ),
        partials=(
            "where({x} >= {low} and {x} <= {high}, 1, 0)",
            "where({x} < {low} and {low} <= {high}, 1, 0)",
            "where(maximum({x}, {low}) > {high}, 1, 0)",
        ),
        decompose=lambda x, low, high: minimum(maximum(x, low), high),
        elementwise=True,
        domain=((-3.0, 3.0), (-2.0, -1.0), (1.0, 2.0)),
        doc="x where it lies between low and high, else the nearer of the two; nan where x is.",
        formula="min(max(x, low), high)",
        derivative="g to x where low <= x <= high, else to the limit that was taken",
        example="y = clip(x, -1, 1)",
    )
)


def _test(name: str, scalar: str, formula: str, doc: str) -> Op:
    return declare(
        Op(
            name=name,
            operands=("x",),
            infer=truth,
            promotion="same",
            kernel=name + "({x}, {out})",
            scalar=scalar,
            elementwise=True,
            doc=doc,
            formula=formula,
            derivative="none",
            example=f"y = {name}(x)",
        )
    )


isnan = _test("isnan", "({x} != {x})", "x ≠ x", "Whether x is not a number.")
isinf = _test("isinf", "_isinf({x})", "|x| = ∞", "Whether x is infinite.")
isfinite = _test("isfinite", "_isfinite({x})", "|x| < ∞", "Whether x is a finite number.")
