"""Algebraic rules, op by op: a node's operands come in, a cheaper expression goes out, or None.

Values are kept to rounding, with two licences: a sum with 0 may lose the sign of a zero, and
moderate factors are gathered though a partial product beyond the range of floats, which the text
would have had, may then not occur, or the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from graphdsl.compiler.rewrite.axes import (
    Operands,
    join_transposes,
    sink_through_reduction,
    sink_through_reshape,
)
from graphdsl.compiler.rewrite.bounds import is_moderate, stays_moderate
from graphdsl.compiler.rewrite.gates import choose_or_zero
from graphdsl.compiler.rewrite.picked import add_at_places
from graphdsl.compiler.rewrite.pooled import (
    pool_first,
    spread_first,
    spread_over_source,
    sum_unspread,
)
from graphdsl.compiler.rewrite.shares import scale_shares
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Node
from graphdsl.graph.op import OPS, Op

Rule = Callable[[Builder, Node, Operands], Expr | None]


@cache
def rules() -> dict[Op, tuple[Rule, ...]]:
    """The rules by op."""
    table: dict[str, tuple[Rule, ...]] = {
        "mul": (_multiply, scale_shares),
        "div": (_divide, _divide_scaled),
        "add": (_add, add_at_places),
        "sub": (_subtract, add_at_places),
        "neg": (_negate,),
        "power": (_power,),
        "sqrt": (_sqrt,),
        "sum": (_sum, sum_unspread, sink_through_reduction),
        "prod": (sink_through_reduction,),
        "max": (sink_through_reduction,),
        "min": (sink_through_reduction,),
        "reshape": (_reshape, sink_through_reshape),
        "broadcast_to": (_spread,),
        "cast": (_cast,),
        "swap": (_swap,),
        "transpose": (join_transposes,),
        "where": (choose_or_zero,),
        "relu_gate": (spread_first,),
        "window_max": (pool_first,),
        "window_max_to_input": (spread_over_source,),
    }
    return {OPS[name]: rules for name, rules in table.items()}


def _multiply(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`x * 1` as `x`, `(x * a) * b` as `x * (a * b)`, for numbers a and b."""
    a, b = operands
    if node.type.weak:
        return None
    if number_of(a) == 1 and b.type == node.type:
        return b
    if number_of(b) == 1 and a.type == node.type:
        return a
    if a.type.weak:
        a, b = b, a
    if not b.type.weak or a.type.weak:
        return None
    return _scaled(node, a, b, multiply=True)


def _divide(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`x / 1` as `x`, `(x * a) / b` as `x * (a / b)`, for numbers a and b."""
    a, b = operands
    if node.type.weak or not b.type.weak or a.type.weak:
        return None
    if number_of(b) == 1 and a.type == node.type:
        return a
    return _scaled(node, a, b, multiply=False)


def _divide_scaled(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`(x * k) / (y * w + e)` as `(x * (k / w)) / (y + e / w)`: one pass less, for w > 0."""
    numerator, denominator = operands
    if node.type.weak or denominator.node.op is not OPS["add"]:
        return None
    y, e = denominator.operands
    if not e.type.weak or y.node.op not in (OPS["mul"], OPS["div"]):
        return None
    inner, w = y.operands
    if inner.type.weak or not w.type.weak or inner.type != y.type or not stays_moderate(w):
        return None
    if _scaled(node, numerator, w, multiply=True) is None:
        return None  # the numerator has no factor for w to join
    if y.node.op is OPS["mul"]:
        return (numerator / w) / (inner + e / w)
    return (numerator * w) / (inner + e * w)


def _sqrt(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`sqrt(x / w)` as `sqrt(x) / sqrt(w)`, for w > 0: the factor is free to move on."""
    (x,) = operands
    if node.type.weak or x.node.op not in (OPS["mul"], OPS["div"]):
        return None
    inner, w = x.operands
    if inner.type.weak or not w.type.weak or inner.type != x.type or not stays_moderate(w):
        return None
    root = OPS["sqrt"](inner)
    return root * OPS["sqrt"](w) if x.node.op is OPS["mul"] else root / OPS["sqrt"](w)


def _scaled(node: Node, x: Expr, factor: Expr, *, multiply: bool) -> Expr | None:
    """`(x * a) * b` as `x * (a * b)`, and so for quotients: numbers meet numbers."""
    inner = x.node.op
    if inner not in (OPS["mul"], OPS["div"]) or not x.type.dtype.is_float:
        return None
    left, right = x.operands
    if inner is OPS["mul"] and left.type.weak:
        left, right = right, left
    if not right.type.weak or left.type.weak or left.type != node.type:
        return None
    if not (_can_move(right) and _can_move(factor)):
        return None
    if inner is OPS["mul"]:
        return left * (right * factor if multiply else right / factor)
    return left * (factor / right) if multiply else left / (right * factor)


def _can_move(factor: Expr) -> bool:
    """Whether a factor can move without overflow or underflow that the text does not have: a
    moderate number, or one that depends on the step, such as a learning rate."""
    value = number_of(factor)
    return value is None or value == 0 or is_moderate(value)


def _add(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`x + 0` as `x`, `x + -y` as `x - y`, `x + x` as `x * 2`."""
    a, b = operands
    if number_of(a) == 0 and b.type == node.type:
        return b
    if number_of(b) == 0 and a.type == node.type:
        return a
    if b.node.op is OPS["neg"] and not b.type.weak:
        return a - b.operands[0]
    if a.id == b.id and a.type == node.type and a.type.dtype.is_float:
        return _scaled(node, a, builder.number(2.0), multiply=True) or a * 2.0
    return None


def _subtract(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`x - 0` as `x`, `x - -y` as `x + y`."""
    a, b = operands
    if number_of(b) == 0 and a.type == node.type:
        return a
    if b.node.op is OPS["neg"] and not b.type.weak:
        return a + b.operands[0]
    return None


def _negate(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`-(-x)` as `x`, `-(x * a)` as `x * -a`, for a number a."""
    (x,) = operands
    if x.type.weak:
        return None
    if x.node.op is OPS["neg"]:
        return x.operands[0]
    return _scaled(node, x, builder.number(-1.0), multiply=True)


def _power(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`x^1` as `x`, `x^2` as `x * x`, `x^3` as `x * x * x`, `x^-1` as `1 / x`."""
    base, exponent = operands
    value = number_of(exponent)
    if node.type.weak or not node.type.dtype.is_float or base.type != node.type:
        return None
    match value:
        case 1:
            return base
        case 2:
            return base * base
        case 3:
            return base * base * base
        case -1:
            return 1.0 / base
    return None


def _sum(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`sum(x * y)` and `sum(x^2)` as products of vectors, `sum(x * a)` as `sum(x) * a`."""
    (x,) = operands
    if node.type.shape or not x.type.dtype.is_float or not x.type.shape:
        return None
    factors = x.operands
    if x.node.op is OPS["mul"] and all(f.type == x.type for f in factors):
        return builder.apply(OPS["vdot"], factors)
    if x.node.op is OPS["square"]:
        return builder.apply(OPS["vdot"], factors * 2)
    if x.node.op is OPS["sum"]:
        return _total(factors[0])
    if x.node.op in (OPS["mul"], OPS["div"]) and factors[1].type.weak and _can_move(factors[1]):
        total = _total(factors[0])
        return total * factors[1] if x.node.op is OPS["mul"] else total / factors[1]
    return None


def _total(x: Expr) -> Expr:
    return OPS["sum"](x, axis=None, keepdims=False)


def _reshape(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`reshape(x, …)` to its own shape as `x`, of a reshape or a filled tensor as one."""
    (x,) = operands
    if x.type == node.type:
        return x
    attrs = {"shape": node.type.shape}
    if x.node.op is OPS["reshape"]:
        return builder.apply(OPS["reshape"], x.operands, attrs)
    return _refill(builder, node, x)


def _refill(builder: Builder, node: Node, x: Expr) -> Expr | None:
    """A filled tensor in another shape is a filled tensor."""
    if x.node.op is not OPS["full"]:
        return None
    attrs = {"shape": node.type.shape, "dtype": node.type.dtype}
    return builder.apply(OPS["full"], x.operands, attrs)


def _spread(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """A tensor spread out to its own shape as it is, a filled one as another."""
    (x,) = operands
    return x if x.type == node.type else _refill(builder, node, x)


def _cast(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`cast(x, …)` to its own type as `x`, of a filled tensor as another."""
    (x,) = operands
    if x.type == node.type:
        return x
    if x.node.op is not OPS["full"] or not (x.type.dtype.is_float and node.type.dtype.is_float):
        return None
    value = number_of(x.operands[0])
    if value is None or float(x.type.dtype.numpy.type(value)) != value:
        return None  # the elements are rounded before they are converted
    return _refill(builder, node, x)


def _swap(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`x.T.T` as `x`."""
    (x,) = operands
    return x.operands[0] if x.node.op is OPS["swap"] else None


def number_of(x: Expr) -> Any:
    """The number a node is, or None."""
    if x.node.op is not OPS["number"]:
        return None
    return x.node.attributes()["value"]
