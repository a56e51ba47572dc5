"""What stands at an edge and in a unit: a parameter's number, or its name with its indices."""

from __future__ import annotations

from collections.abc import Mapping

from graphdsl.graph.kernel import Array
from graphdsl.views.drawing.boxes import text
from graphdsl.views.drawing.notes import number_text
from graphdsl.views.network.layers import Weights

DIGITS = 3


def weight_text(weights: Weights, origin: int, target: int, values: Mapping[str, Array]) -> str:
    """The weight from one unit to another, counted from 0: `−0.5`, or `W₁₂` as HTML.

    The indices are those that the number is stored at, counted from 1.
    """
    rows, columns = (*weights.sizes, 1)[:2]
    assert isinstance(rows, int)
    assert isinstance(columns, int)
    at = (target, origin) if weights.turned else (origin, target)
    if weights.param is not None and weights.param in values:
        stored = (columns, rows) if weights.turned else (rows, columns)
        return text(number_text(values[weights.param].reshape(stored)[at], DIGITS))
    return indexed(weights.name, *(at if len(weights.sizes) > 1 else at[:1]))


def bias_text(bias: Weights, unit: int, values: Mapping[str, Array]) -> str:
    """What is added to the sum of a unit: `b = 2`, or its name with its index."""
    if bias.param is not None and bias.param in values:
        numbers = values[bias.param].ravel()
        return text(f"b = {number_text(numbers[unit % numbers.size], DIGITS)}")
    return indexed(bias.name, *([unit] if bias.sizes else []))


def indexed(name: str, *indices: int) -> str:
    """A name with indices below it, counted from 1, as HTML."""
    if not indices:
        return text(name)
    apart = "," if max(indices) >= 9 else ""
    below = apart.join(str(index + 1) for index in indices)
    return f'{text(name)}<SUB><FONT POINT-SIZE="8">{below}</FONT></SUB>'
