"""Nodes and the graph they make up.

A `Graph` is a frozen value: a tuple of nodes in topological order, each node's id its position.
`build` makes graphs, passes read one and build another; `to_networkx` hands one to NetworkX.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from graphdsl.graph.op import Op
from graphdsl.graph.types import DType, TensorType
from graphdsl.language.diagnostics import Trail
from graphdsl.language.source import Span

if TYPE_CHECKING:
    import networkx as nx

Role = Literal["loss", "metric", "output"]
Sweep = Literal["forward", "reverse", "update"]
Attrs = tuple[tuple[str, Any], ...]


class Level(NamedTuple):
    """A call or a turn that was written out: its place, how messages tell it, and as parts of
    that what is called and what it binds."""

    span: Span
    text: str
    name: str = ""
    """The qualified name that its parameters begin with: `h`, `o[3]`."""
    block: str = ""
    """The block that is called, or the optimizer; none of a turn."""
    turn: int | None = None


def tell_trail(levels: Iterable[Level]) -> tuple[Trail, ...]:
    """The calls and turns that led to a place, as a diagnostic has them."""
    return tuple(Trail(level.span, level.text) for level in levels)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a node comes from: a span, and the calls and turns that led there."""

    span: Span
    trail: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One node: an op applied to earlier nodes."""

    id: int
    op: Op
    operands: tuple[int, ...]
    attrs: Attrs
    type: TensorType
    name: str | None = None
    origin: Origin | None = None
    sweep: Sweep = "forward"

    def attributes(self) -> dict[str, Any]:
        """The attributes by name."""
        return dict(self.attrs)


@dataclass(frozen=True, slots=True)
class Init:
    """How a parameter or a state begins: a draw by name with its arguments, else the value of a
    node, else a number (or a nested tuple of numbers)."""

    draw: str | None = None
    args: tuple[float, ...] = ()
    fill: int | None = None
    value: Any = 0


@dataclass(frozen=True, slots=True)
class Variable:
    """A parameter or a state: its node, its initial value, its settings."""

    name: str
    node: int
    init: Init
    settings: tuple[tuple[str, float], ...] = ()
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """A loss, a metric or an output."""

    role: Role
    name: str
    node: int


@dataclass(frozen=True, slots=True)
class Write:
    """At the end of a step, `value` becomes the value of `target`, a leaf."""

    target: int
    value: int


@dataclass(frozen=True, slots=True)
class Graph:
    """A computation graph with the roles of its nodes."""

    nodes: tuple[Node, ...] = ()
    names: Mapping[str, int] = field(default_factory=dict)
    inputs: tuple[int, ...] = ()
    params: tuple[Variable, ...] = ()
    states: tuple[Variable, ...] = ()
    results: tuple[Result, ...] = ()
    writes: tuple[Write, ...] = ()
    gradients: tuple[tuple[int, int], ...] = ()
    """(parameter node, gradient node) pairs once the reverse sweep is there."""
    float: DType = DType.f32
    training: bool = False

    @property
    def loss(self) -> Result | None:
        """The loss, if the model has one."""
        return next((r for r in self.results if r.role == "loss"), None)

    def roots(self) -> list[int]:
        """The nodes that are wanted for their own sake."""
        fills = [v.init.fill for v in (*self.params, *self.states) if v.init.fill is not None]
        return [
            *(r.node for r in self.results),
            *(id for write in self.writes for id in (write.target, write.value)),
            *(id for pair in self.gradients for id in pair),
            *fills,
        ]

    def reaching(self, roots: Iterable[int]) -> set[int]:
        """The nodes from which one of `roots` can be reached, the roots among them."""
        found = set(roots)
        for node in reversed(self.nodes):
            if node.id in found:
                found.update(node.operands)
        return found

    def depending(self, sources: Iterable[int]) -> set[int]:
        """The nodes that can be reached from one of `sources`, the sources among them."""
        found = set(sources)
        for node in self.nodes:
            if not found.isdisjoint(node.operands):
                found.add(node.id)
        return found

    def to_networkx(self) -> nx.MultiDiGraph[int]:
        """The graph as a frozen NetworkX `MultiDiGraph`; edge keys are operand positions."""
        import networkx as nx  # here, because it takes a tenth of a second to import

        view: nx.MultiDiGraph[int] = nx.MultiDiGraph()
        view.add_nodes_from(
            (
                node.id,
                {
                    "op": node.op.name,
                    "name": node.name,
                    "type": str(node.type),
                    "attributes": node.attributes(),
                    "sweep": node.sweep,
                },
            )
            for node in self.nodes
        )
        view.add_edges_from(
            (operand, node.id, position)
            for node in self.nodes
            for position, operand in enumerate(node.operands)
        )
        return nx.freeze(view)
