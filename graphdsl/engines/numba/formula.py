"""Formulas of ops as expressions of compiled code: each number and each result gets its type."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from functools import cache

from graphdsl.graph.types import DType


def written(formula: str, operands: tuple[str, ...], before: str, literal: DType) -> str:
    """A formula with the names of its operands, and of what was there `before`, put in."""
    return _typed(formula, literal).format(*operands, y=before)


def converted(expression: str, dtype: DType) -> str:
    """An expression as an element of a type."""
    return f"({expression}) != 0" if dtype is DType.bool else f"{dtype}({expression})"


def number(value: float | int | bool, dtype: DType) -> str:
    """A number as an element of a type."""
    if dtype is DType.bool:
        return str(bool(value))
    if isinstance(value, float) and not math.isfinite(value):
        return f"{dtype}({'nan' if math.isnan(value) else 'inf' if value > 0 else '-inf'})"
    return f"{dtype}({value!r})"


_LIMITS = {DType.i32: 31, DType.i64: 63}


def beginning(start: str, dtype: DType) -> str:
    """What a reduction begins with."""
    if start in ("0", "1"):
        return number(int(start), dtype)
    low = start == "lowest"
    if dtype.is_float:
        return number(-math.inf if low else math.inf, dtype)
    if dtype is DType.bool:
        return str(not low)
    most = 2 ** _LIMITS[dtype]
    return number(-most if low else most - 1, dtype)


@cache
def _typed(formula: str, literal: DType) -> str:
    """The formula with its numbers typed; its fields stay."""
    fields: Mapping[str, str] = {f"{{{i}}}": f"field_{i}" for i in range(4)} | {"{y}": "field_y"}
    for field, name in fields.items():
        formula = formula.replace(field, name)
    tree = _Numbers(literal).visit(ast.parse(formula, mode="eval"))
    text = ast.unparse(tree)
    for field, name in fields.items():
        text = text.replace(name, field)
    return text


class _Numbers(ast.NodeTransformer):
    def __init__(self, literal: DType) -> None:
        self.literal = literal

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """A number in the type it is met in."""
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            return node
        made = ast.parse(number(node.value, self.literal), mode="eval").body
        return ast.copy_location(made, node)
