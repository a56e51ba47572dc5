"""Nodes as expressions: a node comes in, an expression in variables, or in their values, goes out.

A variable's cotangent is a name of its own. What no longer can be read is not written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import Size, evaluate
from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.language.flat import flat
from graphdsl.ops import formulas
from graphdsl.views.labels import is_silent
from graphdsl.views.observed import Pulled
from graphdsl.views.trace.partials import RESULT, folded, partial, product
from graphdsl.views.written import HERE, Writer, binary, name, number

LONGEST = 120
"""Characters of the longest expression that is written, numbers put in or not."""
MOST_NODES = 40
"""Nodes of the longest rule that is written."""


class Sized(Writer):
    """A writer that puts the sizes' numbers in."""

    def __init__(self, float: DType, sizes: Mapping[str, int]) -> None:
        super().__init__(float)
        self._sizes = sizes

    def size(self, size: Size) -> ast.Expr:
        """A size, as the number that it is."""
        return number(evaluate(size, self._sizes))


class Scribe:
    """Writes nodes of a swept graph; `exprs` holds what has been written."""

    def __init__(self, swept: Graph, writer: Writer) -> None:
        self.nodes = swept.nodes
        self.writer = writer
        self.exprs: dict[int, ast.Expr | None] = {}
        """What each forward node is written as where it is read; None if that is too long."""
        self.cotangents: dict[int, ast.Expr | None] = {}
        """What the cotangent of each forward node is written as."""

    def definition(self, node: Node) -> ast.Expr | None:
        """What a forward node is computed from; None if it cannot be read."""
        operands = [self.exprs[id] for id in node.operands]
        return self._written(node, operands)

    def term(self, pulled: Pulled, cotangent: int) -> ast.Expr | None:
        """What a node hands to an operand, in terms of its own cotangent, the node `cotangent`."""
        consumer, g = self.nodes[pulled.consumer], self.cotangents[pulled.consumer]
        if g is None:
            return None
        made: dict[int, ast.Expr | None] = {}
        if consumer.op.elementwise:
            made[pulled.rule] = self._chain(consumer, pulled.position, g)
        made[cotangent] = g
        for id in self._inside(pulled.part, made):
            node = self.nodes[id]
            operands = [made[o] if o in made else self.exprs.get(o) for o in node.operands]
            made[id] = self._transposed(node, made) or self._written(node, operands)
            if made[id] is None:
                return None
        return made.get(pulled.part) or self.exprs.get(pulled.part)

    def _chain(self, node: Node, position: int, g: ast.Expr) -> ast.Expr | None:
        """The cotangent times the local derivative of an elementwise op."""
        operands = {k: self.exprs[o] for k, o in zip(node.op.operands, node.operands, strict=True)}
        written = {k: expr for k, expr in operands.items() if expr is not None}
        result = self.exprs.get(node.id) or self.definition(node)
        if result is None or len(written) < len(operands):
            return None
        derivative = partial(node, position, {**written, RESULT: result})
        return None if derivative is None else _legible(product(g, derivative))

    def _inside(self, part: int, made: Mapping[int, object]) -> list[int]:
        """The nodes of a rule that are to be written, in order; none if they are too many."""
        found: set[int] = set()
        pending = [part]
        while pending:
            id = pending.pop()
            if id in found or id in made or id in self.exprs:
                continue
            found.add(id)
            pending += self.nodes[id].operands
        return sorted(found) if len(found) <= MOST_NODES else []

    def _transposed(self, node: Node, made: Mapping[int, ast.Expr | None]) -> ast.Expr | None:
        """The transpose of a transpose, `A`, or of a product with one, `B.T @ A`."""
        if node.op is not OPS["swap"]:
            return None
        (operand,) = node.operands
        expr = made[operand] if operand in made else self.exprs.get(operand)
        if isinstance(expr, ast.Binary) and expr.op == "@" and self._is_matrix_product(operand):
            factors = (expr.right, expr.left)
            if any(map(_untransposed, factors)):
                left, right = (_untransposed(x) or _transpose(x) for x in factors)
                return binary("@", left, right)
        return _untransposed(expr)

    def _is_matrix_product(self, id: int) -> bool:
        """Whether both factors have rows and columns, so that they can be transposed."""
        node = self.nodes[id]
        matrices = all(self.nodes[o].type.rank >= 2 for o in node.operands)
        return node.op is OPS.by_sign["@"] and matrices

    def _written(self, node: Node, operands: Sequence[ast.Expr | None]) -> ast.Expr | None:
        given = [operand for operand in operands if operand is not None]
        if len(given) < len(operands):
            return None
        expr = self._plainer(node, given) or self.writer.expression(node, given)
        self.writer.observe(node.type, expr)
        return _legible(expr)

    def _plainer(self, node: Node, operands: Sequence[ast.Expr]) -> ast.Expr | None:
        """A node as one writes it by hand, where that is shorter."""
        if is_silent(node):
            return operands[0]
        if node.op is OPS["number"] and node.attributes()["value"] == math.pi:
            return name("pi")
        if node.op is OPS["reshape"] and isinstance(operands[0], ast.Call):
            inner, args = operands[0].function, operands[0].args
            return self.writer.expression(node, args[:1]) if inner == name("reshape") else None
        if node.sweep == "forward":
            return None  # as the text has it
        if node.op is OPS["full"] and not node.type.shape:
            return operands[0]
        if node.op is OPS["broadcast_to"] and isinstance(operands[0], ast.Number):
            spread = self.writer.expression(node, operands)
            return replace(spread, function=name("full")) if isinstance(spread, ast.Call) else None
        values = [x.value for x in operands if isinstance(x, ast.Number | ast.Bool)]
        if node.type.weak and node.op.scalar and len(values) == len(operands):
            return number(formulas.evaluate(node.op, *values))
        return folded(node.op.infix, *operands) if node.op.infix == "^" else None


def _legible(expr: ast.Expr) -> ast.Expr | None:
    """The expression, unless it is too long to be read."""
    return expr if len(flat(expr)) <= LONGEST else None


def _transpose(expr: ast.Expr) -> ast.Expr:
    return ast.Attribute(expr, name("T"), span=HERE)


def _untransposed(expr: ast.Expr | None) -> ast.Expr | None:
    """What `expr` is the transpose of, if it is written as one."""
    return expr.base if isinstance(expr, ast.Attribute) and expr.name.id == "T" else None
