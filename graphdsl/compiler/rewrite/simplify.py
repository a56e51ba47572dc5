"""Algebra on the graph: rules that replace a node by a cheaper one of the same value.

Each rule is given a node's operands in the new graph and gives another expression, or None.
They keep values to rounding: constant factors of a product are gathered, x^2 is x * x.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphdsl.compiler.rewrite.algebra import Operands, number_of, rules
from graphdsl.graph.build import Builder, Expr, rebuild
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.op import OPS
from graphdsl.ops import formulas


def simplify(graph: Graph) -> Graph:
    """One pass of all rules; a node that a rule has made is not visited again in this pass."""

    table = rules()

    def apply(builder: Builder, node: Node, operands: Operands) -> Expr | None:
        for rule in (_fold, _lift, *table.get(node.op, ())):
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
    values = [number_of(x) for x in operands]
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
    return all(
        not c.type.weak or w.type.weak or w.type.dtype in strong
        for c, w in zip(chosen, wide, strict=True)
    )


def _lift_all(builder: Builder, node: Node, values: Sequence[Expr]) -> Expr | None:
    """An op on filled tensors alone is a filled tensor."""
    if not all(x.type.weak for x in values) or node.op.scalar is None:
        return None
    if not node.type.dtype.is_float:
        return None
    value = builder.apply(node.op, values, node.attributes())
    attrs = {"shape": node.type.shape, "dtype": node.type.dtype}
    return builder.apply(OPS["full"], (value,), attrs)
