"""Algebra on the graph: rules that replace a node by a cheaper one of the same value.

Each rule is given a node's operands in the new graph and gives another expression, or None.
They keep values to rounding: constant factors of a product are gathered, x^2 is x * x.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from graphdsl.compiler.bounds import is_positive
from graphdsl.graph.graph import Builder, Expr, Graph, Node, rebuild
from graphdsl.graph.op import OPS, Op
from graphdsl.ops import formulas

Operands = tuple[Expr, ...]
Rule = Callable[[Builder, Node, Operands], Expr | None]


def simplify(graph: Graph) -> Graph:
    """One pass of all rules; a node that a rule has made is not visited again in this pass."""

    rules = _rules()

    def apply(builder: Builder, node: Node, operands: Operands) -> Expr | None:
        for rule in (_fold, _lift, *rules.get(node.op, ())):
            made = rule(builder, node, operands)
            if made is not None:
                return made
        return None

    return rebuild(graph, apply)


# --- rules for every op -------------------------------------------------------------------------


def _fold(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """An op on numbers alone is a number."""
    if not node.type.weak or not operands or not node.op.scalar:
        return None
    values = [_number(x) for x in operands]
    if any(value is None for value in values):
        return None
    return builder.number(formulas.evaluate(node.op, *values))


def _lift(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """Elementwise ops need no operand spread out to the result's shape: NumPy broadcasts."""
    if not node.op.elementwise or not operands or node.op is OPS["copy"]:
        return None
    narrow = [_narrowed(x) for x in operands]
    if all(a is b for a, b in zip(narrow, operands, strict=True)):
        return None
    if all(x.node.op is OPS["full"] or x.type.weak for x in operands):
        return _lift_all(builder, node, narrow)
    for chosen in _choices(narrow, operands):
        types = [x.type for x in chosen]
        if node.op.infer(*types, **node.attributes()) == node.type and _same_dtypes(
            chosen, operands
        ):
            ids = tuple(x.id for x in chosen)
            return builder.add(node.op, ids, node.attrs, node.type, node.name)
    return None


def _narrowed(x: Expr) -> Expr:
    """What `x` spreads out, or `x` itself."""
    if x.node.op in (OPS["full"], OPS["broadcast_to"]):
        return Expr(x.builder, x.node.operands[0])
    return x


def _choices(narrow: Sequence[Expr], wide: Operands) -> list[list[Expr]]:
    """All operands narrowed, else one at a time."""
    single = [
        [n if i == k else w for i, (n, w) in enumerate(zip(narrow, wide, strict=True))]
        for k in range(len(wide))
        if narrow[k] is not wide[k]
    ]
    return [list(narrow), *single]


def _same_dtypes(chosen: Sequence[Expr], wide: Operands) -> bool:
    """Whether every weak operand still meets the element type it had when spread out."""
    strong = {x.type.dtype for x in chosen if not x.type.weak}
    return all(not c.type.weak or w.type.weak or w.type.dtype in strong
               for c, w in zip(chosen, wide, strict=True))


def _lift_all(builder: Builder, node: Node, values: Sequence[Expr]) -> Expr | None:
    """An op on filled tensors alone is a filled tensor."""
    if not all(x.type.weak for x in values) or node.op.scalar is None:
        return None
    if not node.type.dtype.is_float:
        return None
    value = builder.apply(node.op, values, node.attributes())
    attrs = {"shape": node.type.shape, "dtype": node.type.dtype}
    return builder.apply(OPS["full"], (value,), attrs)


# --- rules for one op ---------------------------------------------------------------------------


def _forward(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    return operands[0]


def _multiply(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    a, b = operands
    if node.type.weak:
        return None
    if _number(a) == 1 and b.type == node.type:
        return b
    if _number(b) == 1 and a.type == node.type:
        return a
    if a.type.weak:
        a, b = b, a
    if not b.type.weak or a.type.weak:
        return None
    return _scaled(node, a, b, multiply=True)


def _divide(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    a, b = operands
    if node.type.weak or not b.type.weak or a.type.weak:
        return None
    if _number(b) == 1 and a.type == node.type:
        return a
    return _scaled(node, a, b, multiply=False)


def _divide_scaled(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`(x * k) / (y * w + e)` as `(x * (k / w)) / (y + e / w)`: one pass less, for w > 0."""
    numerator, denominator = operands
    if node.type.weak or denominator.node.op is not OPS["add"]:
        return None
    y, e = (Expr(builder, id) for id in denominator.node.operands)
    if not e.type.weak or y.node.op not in (OPS["mul"], OPS["div"]):
        return None
    inner, w = (Expr(builder, id) for id in y.node.operands)
    if inner.type.weak or not w.type.weak or inner.type != y.type or not is_positive(w):
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
    inner, w = (Expr(builder, id) for id in x.node.operands)
    if inner.type.weak or not w.type.weak or inner.type != x.type or not is_positive(w):
        return None
    root = OPS["sqrt"](inner)
    return root * OPS["sqrt"](w) if x.node.op is OPS["mul"] else root / OPS["sqrt"](w)


def _scaled(node: Node, x: Expr, factor: Expr, *, multiply: bool) -> Expr | None:
    """`(x * a) * b` as `x * (a * b)`, and so for quotients: numbers meet numbers."""
    inner = x.node.op
    if inner not in (OPS["mul"], OPS["div"]) or not x.type.dtype.is_float:
        return None
    left, right = (Expr(x.builder, id) for id in x.node.operands)
    if inner is OPS["mul"] and left.type.weak:
        left, right = right, left
    if not right.type.weak or left.type.weak or left.type != node.type:
        return None
    if inner is OPS["mul"]:
        return left * (right * factor if multiply else right / factor)
    return left * (factor / right) if multiply else left / (right * factor)


def _add(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    a, b = operands
    if _number(a) == 0 and b.type == node.type:
        return b
    if _number(b) == 0 and a.type == node.type:
        return a
    if b.node.op is OPS["neg"] and not b.type.weak:
        return a - Expr(builder, b.node.operands[0])
    if a.id == b.id and a.type == node.type and a.type.dtype.is_float:
        return _scaled(node, a, builder.number(2.0), multiply=True) or a * 2.0
    return None


def _subtract(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    a, b = operands
    if _number(b) == 0 and a.type == node.type:
        return a
    if b.node.op is OPS["neg"] and not b.type.weak:
        return a + Expr(builder, b.node.operands[0])
    return None


def _negate(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    (x,) = operands
    if x.type.weak:
        return None
    if x.node.op is OPS["neg"]:
        return Expr(builder, x.node.operands[0])
    return _scaled(node, x, builder.number(-1.0), multiply=True)


def _power(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    base, exponent = operands
    value = _number(exponent)
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
        case 0.5:
            return OPS["sqrt"](base)
    return None


def _sum(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """The sum of all products of elements is one product of vectors."""
    (x,) = operands
    if node.type.shape or not x.type.dtype.is_float or not x.type.shape:
        return None
    factors = [Expr(builder, id) for id in x.node.operands]
    if x.node.op is OPS["mul"] and all(f.type == x.type for f in factors):
        return builder.apply(OPS["vdot"], factors)
    if x.node.op is OPS["square"]:
        return builder.apply(OPS["vdot"], factors * 2)
    if x.node.op is OPS["sum"]:
        return _total(factors[0])
    if x.node.op in (OPS["mul"], OPS["div"]) and factors[1].type.weak:
        total = _total(factors[0])
        return total * factors[1] if x.node.op is OPS["mul"] else total / factors[1]
    return None


def _total(x: Expr) -> Expr:
    return OPS["sum"](x, axis=None, keepdims=False)


def _reshape(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    (x,) = operands
    if x.type == node.type:
        return x
    attrs = {"shape": node.type.shape}
    if x.node.op is OPS["reshape"]:
        return builder.apply(OPS["reshape"], (Expr(builder, x.node.operands[0]),), attrs)
    return _refill(builder, node, x)


def _refill(builder: Builder, node: Node, x: Expr) -> Expr | None:
    """A filled tensor in another shape is a filled tensor."""
    if x.node.op is not OPS["full"]:
        return None
    attrs = {"shape": node.type.shape, "dtype": node.type.dtype}
    return builder.apply(OPS["full"], (Expr(builder, x.node.operands[0]),), attrs)


def _spread(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    (x,) = operands
    return x if x.type == node.type else _refill(builder, node, x)


def _cast(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    (x,) = operands
    if x.type == node.type:
        return x
    return _refill(builder, node, x) if node.type.dtype.is_float else None


def _swap(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    (x,) = operands
    return Expr(builder, x.node.operands[0]) if x.node.op is OPS["swap"] else None


def _number(x: Expr) -> Any:
    """The number a node is, or None."""
    if x.node.op is not OPS["number"]:
        return None
    return x.node.attributes()["value"]


@cache
def _rules() -> dict[Op, tuple[Rule, ...]]:
    """The rules by op."""
    table: dict[str, tuple[Rule, ...]] = {
        "identity": (_forward,),
        "mul": (_multiply,),
        "div": (_divide, _divide_scaled),
        "add": (_add,),
        "sub": (_subtract,),
        "neg": (_negate,),
        "power": (_power,),
        "sqrt": (_sqrt,),
        "sum": (_sum,),
        "reshape": (_reshape,),
        "broadcast_to": (_spread,),
        "cast": (_cast,),
        "swap": (_swap,),
    }
    return {OPS[name]: rules for name, rules in table.items()}
