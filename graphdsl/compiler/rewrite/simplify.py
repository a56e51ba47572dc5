"""Algebra on the graph: rules that replace a node by a cheaper one of the same value.

Each rule is given a node's operands in the new graph and gives another expression, or None. What a
rule makes is simplified in its turn, so that no rule is left that would apply. Values are kept to
rounding: numbers are folded, constant factors of a product are gathered, x^2 is x * x.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphdsl.compiler.rewrite.algebra import Rule, number_of, rules
from graphdsl.compiler.rewrite.axes import Operands, sink_through_elements
from graphdsl.compiler.rewrite.pruning import prune
from graphdsl.compiler.rewrite.sharing import Pool
from graphdsl.graph.build import Builder, Expr, rebuild
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.op import OPS, Op
from graphdsl.ops import formulas


def simplify(graph: Graph) -> Graph:
    """All rules on every node until none applies; equal nodes are one, dead ones gone."""
    made = rebuild(graph, _Simplifier(rules()).apply)
    del graph  # it would take as much memory as what is left in the end
    return prune(made)


@dataclass(frozen=True, slots=True)
class _Simplifier:
    """Builds nodes to which no rule applies, each from operands that are such nodes."""

    table: Mapping[Op, tuple[Rule, ...]]
    pool: Pool = field(default_factory=Pool)
    finished: dict[int, Expr] = field(default_factory=dict)
    """What has become of the nodes that rules made, by id."""

    def apply(self, builder: Builder, node: Node, operands: Operands) -> Expr:
        """The node on these operands, simplified."""
        return self._replaced(builder, node, operands) or self.pool.add(
            builder, node, tuple(x.id for x in operands)
        )

    def _replaced(self, builder: Builder, node: Node, operands: Operands) -> Expr | None:
        """What the first rule that applies makes of the node, simplified in its turn."""
        for rule in (*_FOR_ALL, *self.table.get(node.op, ())):
            first = len(builder.nodes)
            made = rule(builder, node, operands)
            if made is not None:
                self._finish(builder, first)
                return self.finished.get(made.id, made)
        return None

    def _finish(self, builder: Builder, first: int) -> None:
        """Simplify the nodes from `first` on, which a rule has made."""
        for node in builder.nodes[first:]:
            ids = tuple(self.finished[i].id if i in self.finished else i for i in node.operands)
            operands = tuple(Expr(builder, id) for id in ids)
            made = self._replaced(builder, node, operands)
            if made is None and ids == node.operands:
                made = self.pool.adopt(Expr(builder, node.id))
            self.finished[node.id] = made or self.pool.add(builder, node, ids)


def _fold(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """An op on numbers alone is a number."""
    if not node.type.weak or not operands or not node.op.scalar:
        return None
    values = [number_of(x) for x in operands]
    if any(value is None for value in values):
        return None
    return builder.number(formulas.evaluate(node.op, *values))


def _see_through(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """A copy is for the place it is made for: others read what is copied."""
    if not any(x.node.op is OPS["copy"] for x in operands) or node.op is OPS["pack"]:
        return None
    bare = [x.node.operands[0] if x.node.op is OPS["copy"] else x.id for x in operands]
    return builder.add(node.op, tuple(bare), node.attrs, node.type, node.name)


def _lift(builder: Builder, node: Node, operands: Operands) -> Expr | None:
    """Elementwise ops need no operand spread out to the result's shape: NumPy broadcasts."""
    if not node.op.elementwise or not operands or node.op is OPS["copy"]:
        return None
    narrow = [_narrowed(x) for x in operands]
    if all(a is b for a, b in zip(narrow, operands, strict=True)):
        return None
    if all(x.node.op is OPS["full"] or x.type.weak for x in operands):
        return _lift_all(builder, node, narrow)
    for chosen in _choices(narrow, operands):
        types = [x.type for x in chosen]
        if node.op.infer(*types, **node.attributes()) == node.type and _same_dtypes(
            chosen, operands
        ):
            ids = tuple(x.id for x in chosen)
            return builder.add(node.op, ids, node.attrs, node.type, node.name)
    return None


def _narrowed(x: Expr) -> Expr:
    """What `x` spreads out, or `x` itself."""
    if x.node.op in (OPS["full"], OPS["broadcast_to"]):
        return x.operands[0]
    return x


def _choices(narrow: Sequence[Expr], wide: Operands) -> list[list[Expr]]:
    """All operands narrowed, else one at a time."""
    single = [
        [n if i == k else w for i, (n, w) in enumerate(zip(narrow, wide, strict=True))]
        for k in range(len(wide))
        if narrow[k] is not wide[k]
    ]
    return [list(narrow), *single]


def _same_dtypes(chosen: Sequence[Expr], wide: Operands) -> bool:
    """Whether every weak operand still meets the element type it had when spread out."""
    strong = {x.type.dtype for x in chosen if not x.type.weak}
    return all(
        not c.type.weak or w.type.weak or w.type.dtype in strong
        for c, w in zip(chosen, wide, strict=True)
    )


def _lift_all(builder: Builder, node: Node, values: Sequence[Expr]) -> Expr | None:
    """An op on filled tensors alone is a filled tensor."""
    if not all(x.type.weak for x in values) or node.op.scalar is None:
        return None
    if not node.type.dtype.is_float:
        return None
    value = builder.apply(node.op, values, node.attributes())
    attrs = {"shape": node.type.shape, "dtype": node.type.dtype}
    return builder.apply(OPS["full"], (value,), attrs)


_FOR_ALL: tuple[Rule, ...] = (_fold, _lift, _see_through, sink_through_elements)
