"""Warnings: what a file may say but hardly means. They look at the graph once it is lowered."""

from __future__ import annotations

from graphdsl.compiler.lower.context import Frame
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.op import OPS, Op
from graphdsl.graph.sizes import Poly, symbols


def warn_of_graph(frame: Frame, graph: Graph) -> None:
    """Report what in a whole file without errors is likely a mistake."""
    _unused(frame, graph)
    for node in graph.nodes:
        if node.op is OPS["cross_entropy"]:
            _softmax_as_logits(frame, graph, node)
        elif node.op in (OPS["equal"], OPS["not_equal"]):
            _float_equality(frame, graph, node)
    _summed_loss(frame, graph)


def _unused(frame: Frame, graph: Graph) -> None:
    """Inputs nothing reads, parameters and names nothing uses, what the loss cannot reach."""
    if not graph.results:
        return
    wanted = graph.reaching(graph.roots())
    sizes = {
        s
        for id in wanted
        if graph.nodes[id].op is OPS["extent"]
        for s in symbols(graph.nodes[id].attributes()["size"])
    }
    loss = graph.loss
    reaching = graph.reaching([loss.node]) if loss else set()
    for id in graph.inputs:
        name = graph.nodes[id].name
        binds = {s for size in graph.nodes[id].type.shape for s in symbols(size)}
        if id not in wanted and name is not None and not binds & sizes:
            span = frame.scope.nodes[name].span
            frame.warn("W0101", f"nothing reads the input '{name}'", span)
    for variable in graph.params:
        span = frame.shared.declared[variable.name]
        if variable.node not in wanted:
            frame.warn("W0102", f"nothing uses the parameter '{variable.name}'", span)
        elif loss and variable.node not in reaching and not variable.frozen:
            frame.warn("W0103", f"the loss does not depend on '{variable.name}'", span)
    for table in (frame.scope.bindings, frame.scope.nodes):
        for name, binding in table.items():
            if not binding.used and binding.kind in _NAMED:
                frame.warn("W0104", f"nothing uses '{name}'", binding.span)


_NAMED = frozenset({"op", "const", "dim", "share"})


def _softmax_as_logits(frame: Frame, graph: Graph, node: Node) -> None:
    first = _through(graph, node.operands[0], OPS["identity"])
    if first.op in (OPS["softmax"], OPS["log_softmax"]) and node.origin:
        frame.warn(
            "W0105",
            f"cross_entropy takes logits, and is given a {first.op.name}",
            node.origin.span,
            help=["leave the softmax out: cross_entropy applies it, and stays exact"],
        )


def _float_equality(frame: Frame, graph: Graph, node: Node) -> None:
    types = [graph.nodes[id].type for id in node.operands]
    if any(t.dtype.is_float and not t.weak for t in types) and node.origin:
        frame.warn(
            "W0109",
            f"'{node.op.infix}' compares floats, which rounding keeps from being equal",
            node.origin.span,
            help=["compare with a tolerance: abs(a - b) < 1e-6"],
        )


def _summed_loss(frame: Frame, graph: Graph) -> None:
    """A term of the loss that is a sum over the batch grows with it, and so does its gradient."""
    loss = graph.loss
    if loss is None:
        return
    for node in _terms(graph, loss.node):
        if node.op is not OPS["sum"] or node.origin is None:
            continue
        size = graph.nodes[node.operands[0]].type.size
        if isinstance(size, Poly):
            frame.warn(
                "W0110",
                f"this loss is a sum over {size} elements: its gradient grows with the batch",
                node.origin.span,
                help=["take the mean, or divide by the size"],
            )


def _terms(graph: Graph, id: int) -> list[Node]:
    """The nodes that add up to a node; what is scaled by a tensor counts as scaled on purpose."""
    found, todo, seen = [], [id], set[int]()
    while todo:
        node = graph.nodes[todo.pop()]
        if node.id in seen:  # a node that is met on two paths doubles the paths, not the terms
            continue
        seen.add(node.id)
        operands = [graph.nodes[i] for i in node.operands]
        if node.op in (OPS["add"], OPS["sub"], OPS["identity"], OPS["neg"]):
            todo += node.operands
        elif node.op is OPS["mul"] and any(x.op is OPS["number"] for x in operands):
            todo += [x.id for x in operands if x.op is not OPS["number"]]
        else:
            found.append(node)
    return found


def _through(graph: Graph, id: int, op: Op) -> Node:
    node = graph.nodes[id]
    while node.op is op:
        node = graph.nodes[node.operands[0]]
    return node
