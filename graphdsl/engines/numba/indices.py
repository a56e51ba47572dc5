"""Loops over elements whose places are computed: taken, put, and folded one into another.

Places have been checked before such a loop runs; those that may be counted from the end are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphdsl.engines.numba.items import Item, Loop, Number, Operand
from graphdsl.engines.numba.places import Access, Place, spread
from graphdsl.graph.graph import Node


def taken(
    node: int, source: Place, axis: int, numbers: Place, target: Place, wraps: bool
) -> Loop | None:
    """Slices of an array by their numbers along an axis."""
    shape = (*source.shape[:axis], *numbers.shape, *source.shape[axis + 1 :])
    if target.shape != shape or not numbers.dtype.is_integer:
        return None
    operand = _at(source, axis, numbers, wraps)
    return Loop(node, shape, "{0}", (operand,), spread(target, shape), target.dtype)


def put(node: int, target: Place, numbers: Place, value: Operand) -> Loop | None:
    """Elements of an array in one axis by their numbers."""
    if len(target.shape) != 1 or not numbers.dtype.is_integer:
        return None
    access = _at(target, 0, numbers, wraps=False)
    return Loop(node, numbers.shape, "{0}", (value,), access, target.dtype)


def folded_at(node: Node, formula: str, out: Place, operands: Sequence[Place]) -> list[Item]:
    """What there is first, and the elements folded into it in their order: one thread does it, as
    several would meet at the same places, and no sum may depend on who came first."""
    fold = node.op.fold
    assert fold is not None
    numbers, axis = operands[node.op.operands.index(fold.at)], node.attributes()["axis"]
    start = Number(int(fold.start))
    elements = operands[0]
    begun = Loop(node.id, out.shape, "{0}", (start,), spread(out, out.shape), out.dtype)
    access = _at(out, axis, numbers, wraps=True)
    given = (spread(elements, elements.shape),)
    return [begun, Loop(node.id, elements.shape, formula, given, access, out.dtype)]


def _at(place: Place, axis: int, numbers: Place, wraps: bool) -> Access:
    """An array as loops read it whose axes are its own, but for those of the numbers in the place
    of one; if it `wraps`, numbers below 0 are counted from the end."""
    moves = spread(place, place.shape).strides
    before, behind = moves[:axis], moves[axis + 1 :]
    where = spread(numbers, numbers.shape)
    still = (0,) * len(numbers.shape)
    strides = ((0,) * len(before), where.strides, (0,) * len(behind))
    index = replace(where, strides=tuple(stride for part in strides for stride in part))
    return Access(
        place.root,
        place.dtype,
        place.start,
        (*before, *still, *behind),
        index,
        place.strides[axis],
        place.shape[axis] if wraps else 0,
    )
