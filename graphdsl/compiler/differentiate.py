"""Reverse-mode differentiation: a graph comes in, the same graph with its reverse sweep goes out.

The reverse sweep is nodes of the same graph, in the same ops: each op's VJP rule builds them. Only
nodes that a wanted gradient needs are built. Summing over broadcast axes happens here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from graphdsl.graph.build import Builder, Expr, rebuild, resume
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.op import OPS, Op
from graphdsl.graph.types import TensorType
from graphdsl.language.diagnostics import Diagnostic, InternalError, Label, ModelError
from graphdsl.ops import calculus

MAX_NODES = 500_000
"""Nodes that derivatives may expand to; more is refused before memory is."""


def expand_gradients(graph: Graph) -> Graph:
    """Every derivative of the text (`grad`, `jacobian`, …) replaced by the reverse sweeps it
    stands for.

    Nodes are met in topological order, so an inner derivative is expanded before the outer one
    that differentiates it.
    """
    if not any(node.op in _EXPANSIONS for node in graph.nodes):
        return graph

    def expand(builder: Builder, node: Node, operands: tuple[Expr, ...]) -> Expr | None:
        if node.op not in _EXPANSIONS:
            return None
        builder.sweep = "reverse"
        made = _EXPANSIONS[node.op](builder, *operands)
        if node.name is not None:
            if made.node.name is not None or made.node.op.leaf:
                made = OPS["identity"](made)
            builder.nodes[made.id] = replace(made.node, name=node.name)
        return made

    return rebuild(graph, expand)


def _grad(builder: Builder, y: Expr, x: Expr) -> Expr:
    return sweep(builder, y, [x])[0]


def _jacobian(builder: Builder, y: Expr, x: Expr) -> Expr:
    """One sweep for each element of y, side by side on the last axis."""
    count = y.type.size
    assert isinstance(count, int)
    if count == 0:
        return _full(builder, 0.0, x.type.with_shape((*x.type.shape, *y.type.shape)))
    unit = builder.apply(OPS["eye"], (), {"n": count, "m": None, "dtype": y.type.dtype})
    columns = []
    for row in range(count):
        seed = builder.apply(OPS["index"], (unit,), {"items": (row,)})
        seed = OPS["reshape"](seed, shape=y.type.shape)
        columns += sweep(builder, y, [x], seed)
    stacked = builder.apply(OPS["stack"], columns, {"axis": x.type.rank})
    return OPS["reshape"](stacked, shape=(*x.type.shape, *y.type.shape))


def _hessian(builder: Builder, y: Expr, x: Expr) -> Expr:
    return _jacobian(builder, _grad(builder, y, x), x)


def _hvp(builder: Builder, y: Expr, x: Expr, v: Expr) -> Expr:
    """The gradient pulled back from v, as the Hessian is symmetric (Pearlmutter, 1994). v is a
    cotangent and no factor: what it was computed from, x perhaps, has no part in it."""
    gradient = _grad(builder, y, x)
    return sweep(builder, gradient, [x], builder.cast(v, gradient.type.dtype))[0]


def _jvp(builder: Builder, y: Expr, x: Expr, v: Expr) -> Expr:
    """Reverse mode twice: the cotangent of x is linear in that of y, and its derivative along v
    is the product that forward mode would give."""
    cotangent = _full(builder, 0.0, y.type)
    (pulled,) = sweep(builder, y, [x], cotangent)
    return _grad(builder, OPS["sum"](pulled * v), cotangent)


_EXPANSIONS: dict[Op, Callable[..., Expr]] = {
    calculus.grad: _grad,
    calculus.jacobian: _jacobian,
    calculus.hessian: _hessian,
    calculus.hvp: _hvp,
    calculus.jvp: _jvp,
}


Mark = Callable[[Node, Expr], Expr]
"""Sees each node that a sweep passes with its whole cotangent, and gives what stands for it."""

Told = Callable[[Node, int, Expr, Expr], None]
"""Is told what a node hands to its operand at a position: as the op's rule gives it, and summed
over the axes along which the operand was broadcast."""


def differentiate(graph: Graph, of: int, wrt: Sequence[int], mark: Mark | None = None) -> Graph:
    """The graph with the gradients of node `of`, a scalar, with respect to nodes `wrt` appended.

    `gradients` of the result pairs each of `wrt` with its gradient, which has its shape.
    """
    builder = resume(graph, "reverse")
    found = sweep(builder, Expr(builder, of), [Expr(builder, id) for id in wrt], mark=mark)
    # each gradient is a node of its own: it has a place of its own
    pairs = tuple((id, OPS["copy"](g).id) for id, g in zip(wrt, found, strict=True))
    return replace(graph, nodes=tuple(builder.nodes), gradients=pairs)


def sweep(
    builder: Builder,
    y: Expr,
    wrt: Sequence[Expr],
    seed: Expr | None = None,
    mark: Mark | None = None,
    told: Told | None = None,
) -> list[Expr]:
    """Append the reverse sweep from `y`; the cotangents of `wrt`, zeros where `y` does not
    depend on one. `seed` is the cotangent of `y`, 1 if not given. Time is linear in the number
    of nodes between."""
    if len(builder.nodes) > MAX_NODES:
        raise ModelError(
            Diagnostic(
                "E0410",
                f"derivatives of derivatives expand to over {MAX_NODES:,} nodes",
                (Label(builder.origin.span),) if builder.origin else (),
                ("each further order multiplies the sweep: take fewer",),
            )
        )
    on_path = _between(builder.nodes, y.id, [x.id for x in wrt])
    cotangents: dict[int, list[Expr]] = {y.id: [seed or _full(builder, 1.0, y.type)]}
    found: dict[int, Expr] = {}
    wanted = {x.id for x in wrt}
    for id in sorted(on_path, reverse=True):
        node = builder.nodes[id]
        builder.origin = node.origin
        total = _total(cotangents.pop(id, []))
        if total is None:
            continue
        if mark is not None:
            total = mark(node, total)
        if id in wanted:
            found[id] = total
        for position, operand in enumerate(node.operands):
            if operand in on_path:
                pulled = _pull_back(builder, node, position, total)
                if pulled is not None:
                    part = _unbroadcast(builder, pulled, builder.nodes[operand].type)
                    cotangents.setdefault(operand, []).append(part)
                    if told is not None:
                        told(node, position, pulled, part)
    return [found[x.id] if x.id in found else _full(builder, 0.0, x.type) for x in wrt]


def _between(nodes: Sequence[Node], top: int, sources: Iterable[int]) -> set[int]:
    """The nodes through which a float path leads from one of `sources` to `top`."""
    below = {top}
    for node in reversed(nodes[: top + 1]):
        if node.id in below:
            below.update(node.operands)
    above = set(sources)
    for node in nodes[: top + 1]:
        if not above.isdisjoint(node.operands) and node.type.dtype.is_float:
            above.add(node.id)
    return below & above


def _total(parts: list[Expr]) -> Expr | None:
    total = None
    for part in parts:
        total = part if total is None else total + part
    return total


def _pull_back(builder: Builder, node: Node, position: int, g: Expr) -> Expr | None:
    """The cotangent that `node` hands to its operand at `position`, not yet summed."""
    rule = node.op.vjp
    operands = [Expr(builder, id) for id in node.operands]
    operand = operands[position].type
    if rule is None or not operand.dtype.is_float or operand.weak:
        return None
    y, attrs = Expr(builder, node.id), node.attributes()
    part: Expr | None = None
    if callable(rule):
        part = rule(position, g, y, *operands, **attrs)
    elif (one := rule[position]) is not None:
        part = one(g, y, *operands, **attrs)
    return part


def _unbroadcast(builder: Builder, g: Expr, type: TensorType) -> Expr:
    """Sum a cotangent over the axes along which the operand was broadcast."""
    g = builder.cast(g, type.dtype)
    if g.type.shape == type.shape:
        return g
    extra = g.type.rank - type.rank
    if extra < 0:
        raise InternalError(f"cotangent {g.type} of {type}")
    axes = [*range(extra)]
    axes += [
        extra + axis
        for axis, size in enumerate(type.shape)
        if size == 1 and g.type.shape[extra + axis] != 1
    ]
    kept = extra == 0
    g = builder.apply(OPS["sum"], (g,), {"axis": tuple(axes), "keepdims": kept})
    if g.type.shape != type.shape:
        g = builder.apply(OPS["reshape"], (g,), {"shape": type.shape})
    return g


def _full(builder: Builder, value: float, type: TensorType) -> Expr:
    attrs = {"shape": type.shape, "dtype": type.dtype}
    return builder.apply(OPS["full"], (value,), attrs)
