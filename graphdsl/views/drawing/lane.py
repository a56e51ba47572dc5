"""The reverse lane: what was observed of a sweep comes in, with values or without; which nodes have
a cotangent, along which operands it goes back, and what it is the sum of go out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from graphdsl.views.drawing.notes import type_note, value_notes
from graphdsl.views.observed import Observed
from graphdsl.views.trace.mathematics import mathematics
from graphdsl.views.trace.rows import Rows

Edge = tuple[int, int]
"""A node that reads another, and the position at which it does."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The reverse sweep as far as a drawing shows it."""

    of: int
    """The node that is differentiated: its cotangent is 1."""
    names: Mapping[int, str]
    """The names of nodes in formulas; those that the file has no name for have one made."""
    prefix: str
    """What the name of a cotangent begins with: `g_`."""
    cotangents: frozenset[int]
    """The nodes that have a cotangent."""
    terms: Mapping[Edge, str]
    """What a node hands back along an edge, as a formula."""
    edges: Mapping[int, Sequence[Edge]]
    """The edges along which a node gets its cotangent, those nearest to the result first."""
    distances: Mapping[int, int]
    """How many variables stand between a node and the result: a sum begins with what is near."""
    notes: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """What is noted of a cotangent: its shape, its value."""


NO_LANE = Lane(-1, {}, "", frozenset(), {}, {}, {})
"""That of a drawing without a reverse sweep."""


def find_lane(seen: Observed, typed: bool, valued: bool) -> Lane:
    """The lane of what has been observed of a scalar; shapes and values noted if they are asked
    for."""
    assert seen.of is not None
    rows = Rows(seen)
    edges = {
        id: [(one.consumer, one.position) for one in pulled]
        for id, pulled in rows.by_operand.items()
    }
    return Lane(
        seen.graph.names[seen.of],
        rows.names,
        rows.prefix,
        frozenset(seen.cotangent_nodes),
        {(one.consumer, one.position): mathematics(rows.term(one)) for one in seen.pulled},
        edges,
        rows.distances(),
        {id: tuple(dict.fromkeys(_notes(seen, id, typed, valued))) for id in seen.cotangents},
    )


def _notes(seen: Observed, id: int, typed: bool, valued: bool) -> Iterator[str]:
    """What is noted of a node's cotangent, which has the type of the node."""
    if typed:
        yield type_note(seen.graph.nodes[id].type, seen.graph.float)
    if valued:
        yield from value_notes(seen.cotangents[id])
