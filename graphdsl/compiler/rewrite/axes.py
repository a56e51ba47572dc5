"""Axes in another order: transposes join, vanish, and sink towards the end of the graph.

An op that works element by element gives the same on transposed operands as transposed on the
operands themselves. So a transpose moves past it, until it meets its inverse, a product, which
reads either order, or what needs the elements in order: then, and only then, they are moved. A
convolution, its activation, its pooling and the next convolution work on images whose rows of the
batch stand last, and nothing is transposed between them.
"""

from __future__ import annotations

from dataclasses import replace

from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Node
from graphdsl.graph.op import OPS, Op
from graphdsl.graph.sizes import Shape
from graphdsl.ops.rules import axes_of

Order = tuple[int, ...]
"""For each axis of a transposed tensor the axis that it was."""

Operands = tuple[Expr, ...]


def join_transposes(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """A transpose of a transpose as one, or as what it began with; one that moves axes of size 1
    alone as a reshape."""
    (x,) = operands
    order = _order(node)
    inner = _order_of(x)
    if inner is not None:
        begun = x.operands[0]
        return _transposed(begun, tuple(inner[axis] for axis in order))
    moved = [axis for axis in order if x.type.shape[axis] != 1]
    if moved != sorted(moved):
        return None
    return OPS["reshape"](x, shape=node.type.shape)


def sink_through_elements(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """`f(xᵀ, yᵀ)` as `f(x, y)ᵀ`; operands that are broadcast follow.

    Matrices are left alone: what they go to is mostly a product, which reads them transposed.
    """
    rank = len(node.type.shape)
    if not _by_element(node.op) or rank < 3:
        return None
    whole = [_order_of(x) for x in operands if x.type.shape == node.type.shape]
    if not whole or whole[0] is None or any(order != whole[0] for order in whole):
        return None
    order = whole[0]
    back = _inverse(order)
    moved = [x if not x.type.rank else _transposed(_widened(x, rank), back) for x in operands]
    shape = tuple(node.type.shape[axis] for axis in back)
    ids, type = tuple(x.id for x in moved), replace(node.type, shape=shape)
    return _transposed(builder.add(node.op, ids, node.attrs, type, node.name), order)


def _by_element(op: Op) -> bool:
    # a copy is for the place that it is made for
    return op is not OPS["copy"] and (op.elementwise or op in (OPS["cast"], OPS["relu_gate"]))


def sink_through_reduction(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """The reduction of a transposed tensor as the transpose of one over the axes as they were."""
    (x,) = operands
    order = _order_of(x)
    if order is None:
        return None
    attrs = node.attributes()
    reduced = axes_of(attrs["axis"], len(order))
    begun = x.operands[0]
    found = node.op(begun, **{**attrs, "axis": tuple(sorted(order[a] for a in reduced))})
    if attrs["keepdims"]:
        return _transposed(found, order)
    left = [axis for axis in order if axis not in {order[a] for a in reduced}]
    return _transposed(found, tuple(sorted(left).index(axis) for axis in left))


def sink_through_reshape(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """A reshape that adds axes of size 1 to a transposed tensor, or takes some away, as the
    transpose of one."""
    (x,) = operands
    order = _order_of(x)
    if order is None:
        return None
    sources = _sources(x.type.shape, node.type.shape)
    if sources is None:
        return None
    # an axis that is new stands behind the one it follows, wherever that one stood
    places, last = [], -1
    for axis, source in enumerate(sources):
        last = last if source is None else order[source]
        places.append((last, axis))
    begun = sorted(range(len(places)), key=places.__getitem__)
    shape = tuple(node.type.shape[axis] for axis in begun)
    found = OPS["reshape"](x.operands[0], shape=shape)
    return _transposed(found, _inverse(tuple(begun)))


def _sources(shape: Shape, wanted: Shape) -> list[int | None] | None:
    """For each axis of `wanted` the axis of `shape` it is, None for one that is new, of size 1;
    None altogether where the two differ in more than axes of size 1."""
    left = [axis for axis, size in enumerate(shape) if size != 1]
    if [shape[axis] for axis in left] != [size for size in wanted if size != 1]:
        return None
    axes = iter(left)
    return [None if size == 1 else next(axes) for size in wanted]


def _widened(x: Expr, rank: int) -> Expr:
    """`x` with axes of size 1 in front, up to `rank` axes."""
    if x.type.rank == rank:
        return x
    return OPS["reshape"](x, shape=((1,) * (rank - x.type.rank) + tuple(x.type.shape)))


def _transposed(x: Expr, order: Order) -> Expr:
    return x if order == tuple(range(len(order))) else OPS["transpose"](x, axes=order)


def _order_of(x: Expr) -> Order | None:
    """How `x` is transposed, or None if it is not."""
    return _order(x.node) if x.node.op is OPS["transpose"] else None


def _order(node: Node) -> Order:
    rank = len(node.type.shape)
    axes = node.attributes()["axes"]
    return tuple(range(rank))[::-1] if axes is None else tuple(axis % rank for axis in axes)


def _inverse(order: Order) -> Order:
    return tuple(order.index(axis) for axis in range(len(order)))
