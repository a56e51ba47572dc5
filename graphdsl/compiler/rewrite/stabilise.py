"""Stability: formulas that lose digits or overflow, replaced by ones of the same value that don't.

The pass runs before the reverse sweep, so that gradients are as exact as values. `stability` lists
the rules; `stabilise` tells which have fired, where, and what they made.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphdsl.compiler.rewrite.stability import rules
from graphdsl.compiler.rewrite.wording import formula_text
from graphdsl.graph.build import Builder, Expr, rebuild
from graphdsl.graph.graph import Graph, Node, Origin


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule, the place where it has replaced a formula, and the formula that is computed now."""

    rule: str
    origin: Origin | None
    became: str


def stabilise(graph: Graph) -> tuple[Graph, tuple[Fired, ...]]:
    """The graph with every unstable formula replaced, and the rules that have fired."""
    fired: list[Fired] = []
    table = rules()
    made_here: set[int] = set()

    def apply(builder: Builder, node: Node, operands: tuple[Expr, ...]) -> Expr | None:
        if node.type.weak:
            return None
        for rule in table.get(node.op, ()):
            first = len(builder.nodes)
            made = rule.apply(node, operands)
            made_here.update(range(first, len(builder.nodes)))
            if made is not None and made.type == node.type:
                fired.append(Fired(rule.name, node.origin, formula_text(made, made_here)))
                return made
        return None

    return rebuild(graph, apply), tuple(fired)
