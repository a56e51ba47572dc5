"""What stands in the circle of a unit: a layer comes in; lines of text that fit, and how large a
circle they need, go out.

Names and formulas may be of any length. Circles grow for them, all alike, to a limit; then letters
shrink, to a limit; then a line is cut off, and what a pointer over the circle shows is the whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from graphdsl.graph.kernel import Array
from graphdsl.views import cells
from graphdsl.views.network.layers import Layer
from graphdsl.views.network.numbers import Word, bias_word, indexed

SMALLEST, LARGEST = 31.0, 46.0
"""Radii of circles, in points."""
SIGN, NAME, SMALL, GAP = 15.0, 13.0, 9.0, 3.0
"""Sizes of letters, in points."""
LEAST = 0.75
"""How far letters shrink."""
WIDE, HIGH = 0.62, 1.25
"""The room that a letter takes of its size: across, a wide one twice that, and from line to
line."""
INDEX = 8.0 / NAME
"""The size of an index's letters, of that of the letters before it."""
MARGIN = 2.0
"""The room between letters and the circle, in points."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line in a circle, and the size of its letters."""

    word: Word
    size: float

    @property
    def width(self) -> float:
        """How wide it is, about."""
        letters = cells.width(self.word.text) + INDEX * len(self.word.below)
        return letters * self.size * WIDE


def lines_of(layer: Layer, unit: int, values: Mapping[str, Array]) -> tuple[Line, ...]:
    """The unit, what it computes of its sum, its bias; where it has no name, that it is a sum."""
    sign = layer.functions[0] if layer.kind == "merge" else ""
    if layer.kind == "dense" and not layer.name:
        sign = "Σ"
    name = indexed(layer.name, *([] if layer.counted == 1 else [unit]))
    functions = () if layer.kind == "merge" else layer.functions
    below = [Word(each) for each in functions]
    below += [bias_word(bias, unit, values) for bias in layer.biases]
    lines = [Line(Word(sign), SIGN)] if sign else []
    lines += [Line(name, NAME)] if layer.name else []
    lines += [Line(Word("\N{NO-BREAK SPACE}"), GAP)] if lines and below else []
    return (*lines, *(Line(word, SMALL) for word in below))


def find_radius(every: Sequence[Sequence[Line]]) -> float:
    """The radius of all circles of a drawing, by what stands in each."""
    wanted = max((_needed(lines) for lines in every), default=0.0) + MARGIN
    return min(max(wanted, SMALLEST), LARGEST)


def write_lines(lines: Sequence[Line], radius: float) -> str:
    """The lines as a label that fits in a circle."""
    room = radius - MARGIN
    scale = max(min(1.0, room / max(_needed(lines), 1.0)), LEAST)
    shown = [replace(line, size=line.size * scale) for line in lines]
    fitting = (_cut(line, at, room) for line, at in zip(shown, _middles(shown), strict=True))
    return "<BR/>".join(map(_write, fitting))


def _write(line: Line) -> str:
    if line.size == NAME:  # that of the drawing
        return line.word.html()
    return f'<FONT POINT-SIZE="{line.size:g}">{line.word.html(round(line.size * INDEX, 1))}</FONT>'


def _needed(lines: Sequence[Line]) -> float:
    """The radius of the smallest circle around lines."""
    pairs = zip(lines, _middles(lines), strict=True)
    return max((math.hypot(line.width / 2, _reach(line, at)) for line, at in pairs), default=0.0)


def _middles(lines: Sequence[Line]) -> list[float]:
    """How far the middle of each line is from that of all."""
    heights = [line.size * HIGH for line in lines]
    top = -sum(heights) / 2
    return [top + sum(heights[:i]) + height / 2 for i, height in enumerate(heights)]


def _reach(line: Line, at: float) -> float:
    """How far letters of a line stand from the middle of the circle."""
    return abs(at) + line.size / 2


def _cut(line: Line, at: float, room: float) -> Line:
    """A line, cut off where it would leave the circle."""
    across = 2 * math.sqrt(max(room**2 - _reach(line, at) ** 2, 0.0))
    indices = Line(Word("", line.word.below), line.size).width
    letters = max(int((across - indices) / (line.size * WIDE)), 2)
    return replace(line, word=replace(line.word, text=cells.clip(line.word.text, letters)))
