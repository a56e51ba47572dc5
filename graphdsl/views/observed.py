"""Every value of a model at work: a session and feeds come in, the value of every node that they
reach goes out, and with it the cotangent of every node that a result depends on.

What is observed is the graph as the file says it: nothing in it is rewritten before it is
differentiated, and every node of it keeps its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from graphdsl.compiler.differentiate import sweep
from graphdsl.compiler.results import restricted
from graphdsl.compiler.rewrite import rewrite
from graphdsl.driver import Compiled
from graphdsl.engines import feeds
from graphdsl.graph.build import Expr, resume
from graphdsl.graph.graph import Graph, Node, Result
from graphdsl.graph.kernel import Array
from graphdsl.graph.sizes import symbols
from graphdsl.language.collector import paused_collector
from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.ops import leaves
from graphdsl.session import Session


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a node hands to its operand at a position, as nodes of the swept graph: as the op's
    rule gives it, and summed over the axes along which the operand was broadcast."""

    consumer: int
    position: int
    operand: int
    rule: int
    part: int


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """Values by node. Nothing here is the session's: every array is a copy."""

    graph: Graph
    """The forward graph as the file says it."""
    swept: Graph
    """The same with the reverse sweep behind it; the ids of `graph` are the same here."""
    sizes: Mapping[str, int]
    """What the feeds bind the symbolic sizes to."""
    values: Mapping[int, Array]
    """The value of every node of `graph` that depends on nothing but what is fed."""
    of: str | None = None
    """The scalar that cotangents are of."""
    cotangents: Mapping[int, Array] = field(default_factory=dict)
    """∂of/∂node by node, in the shape of the node."""
    cotangent_nodes: Mapping[int, int] = field(default_factory=dict)
    """The node of `swept` that is the cotangent of a node; several may share one."""
    pulled: tuple[Pulled, ...] = ()
    """What each node hands to its operands, in the order of the sweep: the parts of an operand
    add up to its cotangent."""
    parts: Mapping[int, Array] = field(default_factory=dict)
    """The values of `Pulled.part`, by its node."""


def observe(
    session: Session,
    fed: Mapping[str, Any],
    *,
    of: str | None = None,
    training: bool = False,
) -> Observed:
    """Compute every node that depends on nothing but what is fed; with `of`, the name of a
    scalar, the cotangents of what it depends on, inputs and parameters first of all.

    Nothing is updated, and what is random is drawn as at step 0. Raises `UsageError` if `of` is
    no node or no float scalar, `DataError` if it depends on an input that is not fed, or if an
    array does not fit its input.
    """
    with paused_collector():
        graph = session.compilation.graph(training)
        arrays, sizes = session.feed(fed)
        known = _known(graph, arrays, sizes)
        made = _Sweep(graph)
        if of is not None:
            session.verify_node(of, training)
            target = verify_scalar(graph, of)
            _verify_fed(graph, target, arrays, sizes)
            made.run(target)
        compiled = Compiled(rewrite(made.whole(known)), session.compilation.layout)
        (values,) = session.values(compiled, [arrays])
        computed = {int(id): array for id, array in values.items()}
    return Observed(
        graph,
        replace(graph, nodes=tuple(made.builder.nodes)),
        sizes,
        {id: computed[id] for id in known},
        of,
        {id: computed[g] for id, g in made.cotangents.items()},
        made.cotangents,
        tuple(made.pulled),
        {one.part: computed[one.part] for one in made.pulled},
    )


def sketch(graph: Graph, of: str | None) -> Observed:
    """What is known for formulas alone, the reverse sweep of the scalar `of` if one is named:
    nothing is fed or computed; empty arrays stand for all values, and every size is 1."""
    made, nothing = _Sweep(graph), np.empty(0)
    if of is not None:
        made.run(verify_scalar(graph, of))
    nodes = tuple(made.builder.nodes)
    return Observed(
        graph,
        replace(graph, nodes=nodes),
        {symbol: 1 for node in nodes for size in node.type.shape for symbol in symbols(size)},
        dict.fromkeys((node.id for node in graph.nodes), nothing),
        of,
        dict.fromkeys(made.cotangents, nothing),
        made.cotangents,
        tuple(made.pulled),
        dict.fromkeys((one.part for one in made.pulled), nothing),
    )


def find_target(graph: Graph, of: str | None) -> str:
    """What is differentiated: `of`, or if nobody says the loss, or else the one result that is a
    float scalar. Raises `UsageError` where there is no such result, or more than one."""
    if of is not None:
        return of
    if graph.loss is not None:
        return graph.loss.name
    scalars = [r.name for r in graph.results if _is_scalar(graph.nodes[r.node])]
    if len(scalars) == 1:
        return scalars[0]
    if scalars:
        message = f"the model has no loss and several scalars: {', '.join(scalars)}"
        help = f"name one: --of {scalars[0]}, or of='{scalars[0]}' in Python"
    else:
        message = "the model has no loss, and no result that is one float number"
        help = "declare one, loss J = mean(…), or name a scalar: --of NAME"
    raise UsageError(Diagnostic("E0807", message, (), (help,)))


def verify_scalar(graph: Graph, name: str) -> int:
    """The node of a name; raises `UsageError` where it is no float scalar."""
    node = graph.nodes[graph.names[name]]
    if _is_scalar(node):
        return node.id
    if node.type.dtype.is_float:
        message, help = (
            f"'{name}' is {node.type}, no scalar",
            f"name one that is, such as s = sum({name})",
        )
    else:
        message, help = f"'{name}' is {node.type}: only floats have gradients", "name a float"
    raise UsageError(Diagnostic("E0807", message, (), (help,)))


def _is_scalar(node: Node) -> bool:
    return not node.type.shape and node.type.dtype.is_float


def _known(graph: Graph, fed: Mapping[str, Array], sizes: Mapping[str, int]) -> list[int]:
    """The nodes that depend on nothing but what is fed, and whose sizes that binds."""
    unfed = (id for id in graph.inputs if graph.nodes[id].name not in fed)
    unbound = (node.id for node in graph.nodes if not _symbols(node) <= sizes.keys())
    blocked = graph.depending([*unfed, *unbound])
    return [node.id for node in graph.nodes if node.id not in blocked]


def _symbols(node: Node) -> set[str]:
    """The symbols in the shape of a node, and in what it is if it is a size."""
    found = {symbol for size in node.type.shape for symbol in symbols(size)}
    return found | symbols(node.attributes()["size"]) if node.op is leaves.extent else found


def _verify_fed(
    graph: Graph, target: int, fed: Mapping[str, Array], sizes: Mapping[str, int]
) -> None:
    """Raise `DataError` for inputs that `target` depends on, by value or by size, and lacks."""
    reached = graph.reaching([target])
    missing = {s for id in reached for s in _symbols(graph.nodes[id])} - sizes.keys()
    wanted = {
        node.name or "": node.type
        for node in (graph.nodes[id] for id in graph.inputs)
        if node.id in reached or not missing.isdisjoint(_symbols(node))
    }
    feeds.verify_all_fed(fed, wanted)


class _Sweep:
    """The reverse sweep from a scalar, with what it passes on its way."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.builder = graph, resume(graph, "reverse")
        self.cotangents: dict[int, int] = {}
        self.pulled: list[Pulled] = []

    def run(self, target: int) -> None:
        """Append the sweep, down to every input and parameter; gradients stop at states."""
        given = (*self.graph.inputs, *(v.node for v in self.graph.params))
        leaves = [id for id in given if self.graph.nodes[id].type.dtype.is_float]
        wrt = [Expr(self.builder, id) for id in (*leaves, target)]
        sweep(self.builder, Expr(self.builder, target), wrt, mark=self._mark, told=self._told)

    def _mark(self, node: Node, total: Expr) -> Expr:
        self.cotangents[node.id] = total.id
        return total

    def _told(self, node: Node, position: int, rule: Expr, part: Expr) -> None:
        self.pulled.append(Pulled(node.id, position, node.operands[position], rule.id, part.id))

    def whole(self, known: Iterable[int]) -> Graph:
        """A graph whose results are the nodes `known`, the cotangents and their parts, by id."""
        parts = (one.part for one in self.pulled)
        wanted = dict.fromkeys([*known, *self.cotangents.values(), *parts])
        results = tuple(Result("output", str(id), self._typed(id)) for id in wanted)
        bare = restricted(self.graph, (), step=False)
        return replace(bare, nodes=tuple(self.builder.nodes), results=results)

    def _typed(self, id: int) -> int:
        """A node whose value can be handed out: an untyped number gets an element type."""
        type = self.builder.nodes[id].type
        if not type.weak:
            return id
        dtype = self.builder.float if type.dtype.is_float else type.dtype
        return self.builder.cast(Expr(self.builder, id), dtype).id
