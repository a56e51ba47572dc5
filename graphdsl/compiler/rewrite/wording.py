"""A formula as a model file would write it: an expression comes in, its text goes out."""

from __future__ import annotations

from collections.abc import Set

from graphdsl.graph.build import Expr
from graphdsl.graph.dump import attribute_text, attribute_texts
from graphdsl.graph.op import OPS
from graphdsl.language.clipping import one_line

_DEPTH = 6
_LONGEST = 40


def formula_text(x: Expr, made: Set[int]) -> str:
    """What `x` computes: the nodes `made` are written out, others by their name or their text."""
    return _written(x, made, _DEPTH)


def _written(x: Expr, made: Set[int], depth: int) -> str:
    node = x.node
    if node.op is OPS["number"]:
        return attribute_text(node.attributes()["value"])
    if node.name is not None:
        return node.name
    if node.id not in made and node.origin is not None:
        return one_line(node.origin.span.text, _LONGEST)
    if depth == 0:
        return "…"
    operands = x.operands
    if node.op is OPS["neg"]:
        return f"-{_enclosed(operands[0], made, depth)}"
    if node.op.infix is not None:
        left, right = (_enclosed(operand, made, depth) for operand in operands)
        return f"{left} {node.op.infix} {right}"
    inner = [_bare(_written(operand, made, depth - 1)) for operand in operands]
    attributes = [text.replace("=", " = ", 1) for text in attribute_texts(node)]
    return f"{node.op.name}({', '.join([*inner, *attributes])})"


def _enclosed(x: Expr, made: Set[int], depth: int) -> str:
    """The text of an operand of a sign, in parentheses where it holds a sign itself."""
    text = _written(x, made, depth - 1)
    plain = text.isidentifier() or x.node.op is OPS["number"] or _bare(text) != text
    called = x.node.id in made and x.node.op.infix is None and x.node.op is not OPS["neg"]
    return text if plain or called else f"({text})"


def _bare(text: str) -> str:
    """Without the parentheses round the whole of it."""
    if not text.startswith("("):
        return text
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if not depth:
            return text[1:-1] if place == len(text) - 1 else text
    return text
