"""What went wrong with the numbers: the values of one run of a program come in, the first node
that made a number that is none goes out, with its place, its operands and what may mend it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from graphdsl.engines.watched import Look
from graphdsl.graph.graph import Graph, Node, tell_trail
from graphdsl.graph.kernel import Array
from graphdsl.graph.op import OPS
from graphdsl.graph.ranges import UNKNOWN, Range, count_in_words
from graphdsl.language.clipping import one_line
from graphdsl.language.diagnostics import Diagnostic, GraphdslError, Label, ModelError

GENERAL = "a smaller learning rate, or inputs of unit scale, often mends this"
FED = "it was fed so: mend these values in the data, or leave their rows out"
_LONGEST = 40
"""Characters of a formula that stands in a message for a node without a name."""


Ranges = Mapping[int, Range]


class Recorder:
    """Watches programs: keeps the range of every array, and raises what `fault` makes of the first
    bad node, if `fault` is given."""

    def __init__(self, fault: Callable[[Diagnosis], GraphdslError] | None = None) -> None:
        self.runs: list[tuple[Graph, dict[int, Range]]] = []
        self._fault = fault

    def __call__(self, graph: Graph) -> Look:
        """What a program of this graph calls with each array."""
        ranges: dict[int, Range] = {}
        self.runs.append((graph, ranges))

        def look(id: int, array: Array) -> None:
            if array.dtype.kind == "f":
                ranges[id] = Range.of(array)
                if self._fault is not None and not ranges[id].finite:
                    diagnosis = Diagnosis(graph, ranges, id)
                    if diagnosis.is_first() and not _wants_infinity(graph.nodes[id]):
                        raise self._fault(diagnosis)

        return look

    def find(self) -> Diagnosis | None:
        """The node where the loss, a gradient or an update went wrong; None if nothing did."""
        found = (find_first(graph, ranges) for graph, ranges in self.runs)
        return next((one for one in found if one is not None), None)


def refusing() -> Recorder:
    """Raises `ModelError` for the first node whose value is not finite, outside of training."""
    return Recorder(lambda found: ModelError(found.describe("E0870", found.summarise())))


def find_first(graph: Graph, ranges: Ranges) -> Diagnosis | None:
    """The first bad node that a result, a gradient or a written value depends on."""
    roots = [r.node for r in graph.results]
    roots += [g for _, g in graph.gradients] + [w.value for w in graph.writes]
    waiting = [id for id in roots if not _is_finite(graph, ranges, id)]
    seen = set(waiting)
    while waiting:
        for operand in graph.nodes[waiting.pop()].operands:
            if operand not in seen and not _is_finite(graph, ranges, operand):
                seen.add(operand)
                waiting.append(operand)
    reached = (Diagnosis(graph, ranges, id) for id in sorted(seen) if id in ranges)
    return next((one for one in reached if one.is_first()), None)


def _is_finite(graph: Graph, ranges: Ranges, id: int) -> bool:
    """Whether a node's values are; a view holds what the array does that it is a view of."""
    return all(ranges[one].finite for one in _arrays(graph, ranges, id))


def _arrays(graph: Graph, ranges: Ranges, id: int) -> Iterator[int]:
    """The nodes that hold a node's values: itself, or what it is a view of."""
    waiting = [id]
    while waiting:
        id = waiting.pop()
        if id in ranges:
            yield id
        else:
            waiting += graph.nodes[id].operands


def _wants_infinity(node: Node) -> bool:
    """Whether an attribute asks for it, as padding for a maximum does."""
    return any(isinstance(value, float) and math.isinf(value) for _, value in node.attrs)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A node whose values are not finite, among the ranges of the arrays computed before it."""

    graph: Graph
    ranges: Ranges
    id: int

    @property
    def node(self) -> Node:
        """The node."""
        return self.graph.nodes[self.id]

    def is_first(self) -> bool:
        """Whether its operands do not account for it: they are finite, or none of them is nan
        where it is. A constant of the file that is inf is meant to be."""
        if not self.node.operands:
            return self.node.op is not OPS["constant"]
        operands = [self.ranges[id] for id in self._operands()]
        if self.ranges[self.id].nans:
            return not any(one.nans for one in operands)
        return all(one.finite for one in operands)

    def describe(self, code: str, message: str) -> Diagnostic:
        """The fault as a diagnostic; `message` says what it came to."""
        node, origin = self.node, self.node.origin
        place: tuple[Label, ...] = ()
        if origin is not None:
            place = (Label(origin.span, f"{_SWEEPS[node.sweep]}: {self._bad_values()}"),)
        trail = tell_trail(origin.trail) if origin else ()
        notes = tuple(
            f"{self._spell(id)} is {self.graph.nodes[id].type}: {self.ranges[id]}"
            for id in dict.fromkeys(self._operands())
        )
        return Diagnostic(code, message, place, (self._mend(),), trail, notes=notes)

    def summarise(self) -> str:
        """The node and what it gave, such as `ln gives -inf`."""
        node, worst = self.node, self.ranges[self.id].unfinite[0][0]
        if not node.operands:
            return f"{self._spell(self.id)} holds {worst}"
        where = {"forward": "", "reverse": " in the reverse sweep", "update": " in the update"}
        return f"'{self._op_in_words()}' gives {worst}{where[node.sweep]}"

    def _op_in_words(self) -> str:
        """The op as the file has it; of one that rewriting put there, what it stands for."""
        node = self.node
        name = node.op.infix or node.op.name
        if node.sweep != "forward" or node.origin is None or name in node.origin.span.text:
            return name
        return one_line(node.origin.span.text, _LONGEST)

    def _operands(self) -> Iterable[int]:
        for operand in self.node.operands:
            yield from _arrays(self.graph, self.ranges, operand)

    def _bad_values(self) -> str:
        found = self.ranges[self.id]
        return ", ".join(
            count_in_words(number, found.size, name) for name, number in found.unfinite
        )

    def _spell(self, id: int) -> str:
        """A node as a message names it: by its name, its formula, or its part in the sweep."""
        node = self.graph.nodes[id]
        if node.sweep == "update":
            return f"the update's '{node.op.name}'"
        if node.name is not None:
            return f"'{node.name}'"
        text = " ".join(node.origin.span.text.split()) if node.origin else ""
        if len(text) > _LONGEST or not text:
            text = node.op.name
        return f"'{text}'" if node.sweep == "forward" else f"the reverse sweep's '{node.op.name}'"

    def _mend(self) -> str:
        """The advice of the op; in the reverse sweep, of the op that it differentiates."""
        if self.id in self.graph.inputs:
            return FED
        nodes = [self.node]
        if self.node.sweep == "reverse":
            nodes = [n for n in self.graph.nodes if _is_differentiated(n, self.node)] + nodes
        return next(filter(None, map(self._advise, nodes)), GENERAL)

    def _advise(self, node: Node) -> str:
        """What the node's op says to values such as these."""
        mend = node.op.mend
        if isinstance(mend, str):
            return mend
        return mend(self.ranges[self.id], *map(self._range, node.operands))

    def _range(self, id: int) -> Range:
        """What a node held, a number of the file too."""
        value = dict(self.graph.nodes[id].attrs).get("value")
        if value is not None:
            return Range.of(np.asarray(value, np.float64))
        return next((self.ranges[one] for one in _arrays(self.graph, self.ranges, id)), UNKNOWN)


_SWEEPS = {
    "forward": "forward",
    "reverse": "reverse sweep, the derivative of this",
    "update": "update",
}


def _is_differentiated(forward: Node, reverse: Node) -> bool:
    """Whether the reverse node comes from the rule of the forward one, as far as its place says."""
    return (
        forward.sweep == "forward"
        and forward.origin == reverse.origin
        and forward.origin is not None
        and reverse.origin is not None
        and forward.origin.span.source is reverse.origin.span.source
    )
