"""Pooling in front of what follows a convolution: bias and relu of the largest elements alone.

Neither changes which element of a window is the largest. So they go behind the maximum, where
there are fewer elements, with the same values to the bit, and on the way back cotangents are gated
before they are spread over windows. Where elements are equal only after rounding, the bias added,
the cotangent goes to the one that was larger.
"""

from __future__ import annotations

from graphdsl.compiler.rewrite.axes import Operands
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Node
from graphdsl.graph.op import OPS
from graphdsl.ops.rules import axes_of


def pool_first(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`largest(relu(x))` as `relu(largest(x))`, `largest(x + b)` as `largest(x) + b`."""
    (pooled,) = operands
    attrs = node.attributes()
    if pooled.node.op is OPS["relu"]:
        return OPS["relu"](node.op(*pooled.operands, **attrs))
    place = _biased(pooled)
    if place is None:
        return None
    found, bias = node.op(pooled.operands[place], **attrs), pooled.operands[1 - place]
    return found + bias if place == 0 else bias + found


def spread_first(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """Cotangents gated by the relu that was pooled, as gated by its largest and then spread."""
    relu, spread = operands
    if spread.node.op is not OPS["window_max_to_input"]:
        return None
    g, largest, pooled = spread.operands
    if pooled.id != relu.id or largest.node.op is not OPS["relu"]:
        return None
    gated = OPS["relu_gate"](largest, g)
    return spread.node.op(gated, largest, pooled, **spread.node.attributes())


def spread_over_source(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """Cotangents spread over x + b, or those gated over relu(x), as spread over x."""
    g, largest, pooled = operands
    place = _biased(pooled)
    if pooled.node.op is OPS["relu"]:
        gated = g.node.op is OPS["relu_gate"] and g.node.operands[0] == largest.id
        place = 0 if gated else None
    if place is None:
        return None
    source, attrs = pooled.operands[place], node.attributes()
    return node.op(g, OPS["window_max"](source, **attrs), source, **attrs)


def sum_unspread(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """The sum of cotangents spread over windows, along the axes they slide over, as theirs."""
    (x,) = operands
    attrs, rank = node.attributes(), x.type.rank
    if x.node.op is not OPS["window_max_to_input"]:
        return None
    if not {*range(1, rank - 1)} <= set(axes_of(attrs["axis"], rank)):
        return None
    return node.op(x.operands[0], **attrs)


def _biased(x: Expr) -> int | None:
    """Of a sum with what is the same all over a window the other operand's place; else None."""
    if x.node.op is not OPS["add"]:
        return None
    for place in range(2):
        source, bias = x.operands[place], x.operands[1 - place]
        sizes = (1,) * (x.type.rank - bias.type.rank) + tuple(bias.type.shape)
        if source.type == x.type and all(size == 1 for size in sizes[1:-1]):
            return place
    return None
