"""`--only` and `--depth`: names and a number of boxes come in, the part of a graph to draw goes
out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphdsl.views.drawing.sources import Drawn


def select(drawn: Drawn, only: Sequence[int], depth: int | None) -> Drawn:
    """The boxes that `only` are computed from, at most `depth` edges back."""
    found = dict.fromkeys(drawn.source(id) for id in only)
    level = list(found)
    far = 0
    while level and (depth is None or far < depth):
        sources = (source for id in level for _, source in drawn.operands(id))
        level = [source for source in dict.fromkeys(sources) if source not in found]
        found.update(dict.fromkeys(level))
        far += 1
    return replace(drawn, shown=dict.fromkeys(id for id in drawn.shown if id in found))
