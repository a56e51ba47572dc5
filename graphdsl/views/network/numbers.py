"""What stands at an edge and in a unit: a parameter's number, or its name with its indices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphdsl.graph.kernel import Array
from graphdsl.language.clipping import clip
from graphdsl.views.drawing.boxes import text
from graphdsl.views.drawing.notes import number_text
from graphdsl.views.network.layers import Weights

DIGITS = 3
LONGEST = 20
"""Characters of a name at an edge."""


@dataclass(frozen=True, slots=True)
class Word:
    """A number or a name, and the indices that stand below it."""

    text: str
    below: str = ""

    def html(self, size: float = 8) -> str:
        """It as HTML, with indices of that size."""
        if not self.below:
            return text(self.text)
        return f'{text(self.text)}<SUB><FONT POINT-SIZE="{size:g}">{self.below}</FONT></SUB>'


def weight_word(weights: Weights, origin: int, target: int, values: Mapping[str, Array]) -> Word:
    """The weight from one unit to another, counted from 0: `−0.5`, or `W₁₂`.

    The indices are those that the number is stored at, counted from 1.
    """
    rows, columns = (*weights.sizes, 1)[:2]
    assert isinstance(rows, int)
    assert isinstance(columns, int)
    at = (target, origin) if weights.turned else (origin, target)
    if weights.param is not None and weights.param in values:
        stored = (columns, rows) if weights.turned else (rows, columns)
        return Word(number_text(values[weights.param].reshape(stored)[at], DIGITS))
    return indexed(clip(weights.name, LONGEST), *(at if len(weights.sizes) > 1 else at[:1]))


def bias_word(bias: Weights, unit: int, values: Mapping[str, Array]) -> Word:
    """What is added to the sum of a unit: `b = 2`, or its name with its index."""
    if bias.param is not None and bias.param in values:
        numbers = values[bias.param].ravel()
        return Word(f"b = {number_text(numbers[unit % numbers.size], DIGITS)}")
    return indexed(bias.name, *([unit] if bias.sizes else []))


def indexed(name: str, *indices: int) -> Word:
    """A name with indices below it, counted from 1."""
    if not indices:
        return Word(name)
    apart = "," if max(indices) >= 9 else ""
    return Word(name, apart.join(str(index + 1) for index in indices))
