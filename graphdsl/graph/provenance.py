"""Where sizes come from: an axis of a node comes in, the axis where its size entered goes out.

No op has a rule for this. An axis of a result carries the size of an operand's axis if the op's
shape rule, run again with a mark in the place of that size, gives the mark back; sizes that have
to agree are marked together. The rules are run only when somebody asks: when a fault is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from graphdsl.graph.graph import Node
from graphdsl.graph.op import Fault, Op
from graphdsl.graph.sizes import Poly, Shape, Size, SizeLimit, symbol, symbols
from graphdsl.graph.types import TensorType

Place = tuple[int, int]
"""An axis of an operand: the operand's position, the axis counted from the first."""

FEW = 8
"""Axes that are marked one by one and in pairs; of more, only those that stand in line."""

_MARK = symbol("?")  # no name of a file is spelled so


@dataclass(frozen=True, slots=True)
class Entry:
    """The axis of a node at which a size entered the graph; `made_of` says how it was computed
    there from other sizes, as in "4 + 5"."""

    node: int
    axis: int
    made_of: str = ""


def find_entry(
    nodes: Sequence[Node], node: int, axis: int, known: dict[tuple[int, int], Entry]
) -> Entry:
    """Follow an axis back to where its size entered.

    `known` remembers what has been followed: asking for many axes takes time in proportion to
    the graph, not to the number of questions times the length of the ways.
    """
    passed, at = [], (node, axis)
    while at not in known:
        passed.append(at)
        here = nodes[at[0]]
        types = [nodes[i].type for i in here.operands]
        carrier = _find_carrier(here, types, at[1])
        if carrier is None:
            known[at] = Entry(*at, _spell(here, types, at[1]))
        else:
            at = (here.operands[carrier[0]], carrier[1])
    entry = known[at]
    known.update(dict.fromkeys(passed, entry))
    return entry


def find_clash(op: Op, types: Sequence[TensorType], attributes: Mapping[str, Any]) -> list[Place]:
    """The axes an op refuses operands for: one whose size it would take if it were another, else
    two that it would take if their sizes were the same, else the first two of two sizes."""
    if _infer_shape(op, types, attributes, {}) is not None:
        return []  # it is not the shapes that it refuses
    places = _places(types)
    if len(places) > 2 * FEW:
        return []
    for count in (1, 2):
        for chosen in combinations(places, count):
            sizes = {types[i].shape[a] for i, a in chosen}
            marks = dict.fromkeys(chosen, _MARK)
            if len(sizes) == count and _infer_shape(op, types, attributes, marks) is not None:
                return list(chosen)
    first = {types[i].shape[a]: (i, a) for i, a in reversed(places)}
    for pair in combinations(first, 2):
        marks = {(i, a): _MARK for i, a in places if types[i].shape[a] in pair}
        if _infer_shape(op, types, attributes, marks) is not None:
            return sorted(first[size] for size in pair)
    return []


def _find_carrier(node: Node, types: Sequence[TensorType], axis: int) -> Place | None:
    """The operand's axis whose size the axis of the result has because the rule hands it on."""
    size = node.type.shape[axis]
    equal = [(i, a) for i, a in _places(types) if types[i].shape[a] == size]
    attributes = node.attributes()
    tried = [attributes]
    if isinstance(size, Poly) and equal:  # a symbol written once more is still the operand's
        tried.append(_mark_attributes(node.op, attributes, size))
    for given in tried:
        for chosen in _choices(equal, types):
            shape = _infer_shape(node.op, types, given, dict.fromkeys(chosen, _MARK))
            if shape is not None and axis < len(shape) and shape[axis] == _MARK:
                return chosen[0]
    return None


def _mark_attributes(op: Op, attributes: Mapping[str, Any], size: Size) -> dict[str, Any]:
    """The attributes with the mark where a size is written in them: `reshape(x, [N, 2])`."""
    marked = dict(attributes)
    for name, spec in op.attributes.items():
        value = attributes[name]
        if spec.kind == "sizes" and value is not None:
            marked[name] = tuple(_MARK if one == size else one for one in value)
        elif spec.kind == "size" and value == size:
            marked[name] = _MARK
    return marked


def _choices(equal: list[Place], types: Sequence[TensorType]) -> Iterator[Sequence[Place]]:
    """Which axes of one size to mark together, the fewest first."""
    first = equal[:FEW]
    yield from ((place,) for place in first)
    for in_line in (_in_line(equal, lambda p: types[p[0]].rank - p[1]), _in_line(equal, _axis)):
        yield from in_line
    yield from combinations(first, 2)
    if equal:
        yield equal


def _axis(place: Place) -> int:
    return place[1]


def _in_line(equal: Iterable[Place], count: Callable[[Place], int]) -> list[list[Place]]:
    """The axes that stand at the same distance from an end, where there are several."""
    lines: dict[int, list[Place]] = {}
    for place in equal:
        lines.setdefault(count(place), []).append(place)
    return [line for line in lines.values() if len(line) > 1]


def _spell(node: Node, types: Sequence[TensorType], axis: int) -> str:
    """How the op computes the size of an axis from its operands' sizes, or nothing."""
    places = _places(types)
    if len(places) > FEW:
        return ""
    attributes, named = node.attributes(), {}
    for place in places:
        shape = _infer_shape(node.op, types, attributes, {place: _MARK})
        if shape is not None and axis < len(shape) and "?" in symbols(shape[axis]):
            named[place] = _named(types[place[0]].shape[place[1]])
    shape = _infer_shape(node.op, types, attributes, named) if named else None
    # what is cut off at a bound is no sum that a reader could check
    return "" if shape is None or "min(" in str(shape[axis]) else str(shape[axis])


def _named(size: Size) -> Size:
    """A symbol that prints as the size: the rule computes with it as a person would write it."""
    text = str(size)
    return symbol(f"({text})" if " " in text else text)


def _places(types: Sequence[TensorType]) -> list[Place]:
    return [(i, a) for i, t in enumerate(types) for a in range(t.rank)]


def _infer_shape(
    op: Op,
    types: Sequence[TensorType],
    attributes: Mapping[str, Any],
    marks: Mapping[Place, Size],
) -> Shape | None:
    """The shape that the op's rule gives with marks in the places of sizes; None if it refuses."""
    marked = list(types)
    for (operand, axis), mark in marks.items():
        shape = marked[operand].shape
        marked[operand] = replace(marked[operand], shape=(*shape[:axis], mark, *shape[axis + 1 :]))
    try:
        found: TensorType = op.infer(*marked, **attributes)
    except (Fault, SizeLimit):
        return None
    return found.shape
