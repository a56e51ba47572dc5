"""Shares of a total, as softmax has them, times something: one pass over the classes less."""

from __future__ import annotations

from graphdsl.compiler.rewrite.axes import Operands
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Node
from graphdsl.graph.op import OPS


def scale_shares(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`softmax(z) * r`, r a number for each row, as its exponentials times `r / total`."""
    shares, rows = operands
    if shares.type.weak or not _is_softmax(shares):
        shares, rows = rows, shares
    if shares.type.weak or not _is_softmax(shares):
        return None
    exponentials, total = shares.operands
    if not rows.type.weak and rows.type != total.type:
        return None
    return exponentials * (rows / total)


def _is_softmax(x: Expr) -> bool:
    """Whether x is e / sum(e) for exponentials e of which the largest of each row is 1: only then
    can nothing that is divided by the total overflow."""
    if x.node.op is not OPS["div"]:
        return False
    exponentials, total = x.operands
    if exponentials.node.op is not OPS["exp"] or total.node.op is not OPS["sum"]:
        return False
    (shifted,) = exponentials.operands
    if total.node.operands != (exponentials.id,) or shifted.node.op is not OPS["sub"]:
        return False
    z, largest = shifted.operands
    if largest.node.op is not OPS["max"] or largest.node.operands != (z.id,):
        return False
    # without that axis a row's largest may have met other rows
    same = largest.node.attrs == total.node.attrs
    return same and bool(total.node.attributes()["keepdims"])
