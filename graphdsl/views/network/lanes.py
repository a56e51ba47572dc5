"""Which edges that go around columns run beside which: layers and their columns come in; the lanes
of each link, counted from the columns outwards, go out.

A link has a lane for each of its edges. Links that pass the same column share none of them: those
that pass few columns are inside, so that the others need not cross them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from graphdsl.views.network.layers import Layer, Link

LinkId = tuple[int, int]
"""A layer's id, and which of its links is meant."""


def assign_lanes(layers: Sequence[Layer], columns: Mapping[int, int]) -> dict[LinkId, range]:
    """The lanes of each link that passes a column; the columns are by the layers' ids."""
    widths = {layer.id: layer.counted or 1 for layer in layers}
    lanes: dict[LinkId, range] = {}
    taken = dict.fromkeys(columns.values(), 0)
    for key, link in sorted(_links(layers), key=lambda one: len(_passed(one, columns))):
        if passed := _passed((key, link), columns):
            first = max(taken[column] for column in passed)
            after = widths[key[0]]
            edges = after if link.weights is None else widths[link.source] * after
            lanes[key] = range(first, first + edges)
            taken |= dict.fromkeys(passed, first + edges)
    return lanes


def _links(layers: Sequence[Layer]) -> Iterator[tuple[LinkId, Link]]:
    for layer in layers:
        yield from (((layer.id, number), link) for number, link in enumerate(layer.links))


def _passed(one: tuple[LinkId, Link], columns: Mapping[int, int]) -> range:
    """The columns between the ends of a link."""
    (target, _), link = one
    return range(columns[link.source] + 1, columns[target])
