"""Turns that are alike: a loop comes in, runs of turns of one structure go out.

Two turns in a row are alike if the same ops stand in the same calls and read, at the same
positions, the same nodes of their turn, the same nodes outside, or what the turn before has made.
Numbers and sizes may differ from turn to turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphdsl.views.drawing.groups import Group, Tree
from graphdsl.views.drawing.sources import Drawn


@dataclass(frozen=True, slots=True)
class Run:
    """Turns in a row that are alike: the first stands for all."""

    turns: tuple[Group, ...]
    first: Mapping[int, int]
    """For each node of a later turn, the one of the first turn that does the same."""
    second: Mapping[int, int]
    """For each node of the first turn, the one of the second; empty if there is none."""

    def __len__(self) -> int:
        return len(self.turns)


def find_runs(loop: Group, tree: Tree, drawn: Drawn) -> tuple[Run, ...]:
    """The turns of a loop, in order."""
    runs: list[list[_Turn]] = []
    for group in loop.inside:
        turn = _read(group, tree, drawn)
        if runs and _goes_on(runs[-1], turn):
            runs[-1].append(turn)
        else:
            runs.append([turn])
    return tuple(map(_made, runs))


@dataclass(frozen=True, slots=True)
class _Turn:
    """A turn as it is compared with others."""

    group: Group
    members: Mapping[int, int]
    """Its nodes, and the position of each."""
    ops: tuple[object, ...]
    """Of each node the op, and the calls that it stands in."""
    sources: tuple[int, ...]
    """What its nodes read, one after the other."""
    counts: tuple[int, ...]
    """How many each of them reads."""


def _read(group: Group, tree: Tree, drawn: Drawn) -> _Turn:
    members = {id: position for position, id in enumerate(group.members())}
    depth = len(group.path())
    operands = [drawn.operands(id) for id in members]
    return _Turn(
        group,
        members,
        tuple(
            (
                drawn.graph.nodes[id].op.name,
                tuple((inner.kind, inner.title) for inner in tree.home[id].path()[depth:]),
            )
            for id in members
        ),
        tuple(source for found in operands for _, source in found),
        tuple(len(found) for found in operands),
    )


def _goes_on(run: Sequence[_Turn], turn: _Turn) -> bool:
    """Whether a turn is like the last of a run."""
    last = run[-1]
    if (last.ops, last.counts) != (turn.ops, turn.counts):
        return False
    before = run[-2] if len(run) > 1 else None
    pairs = zip(last.sources, turn.sources, strict=True)
    return all(_is_same(one, other, last, turn, before) for one, other in pairs)


def _is_same(one: int, other: int, last: _Turn, turn: _Turn, before: _Turn | None) -> bool:
    """Whether a turn reads at some place what the last one does there."""
    if one in last.members or other in turn.members:
        return last.members.get(one) == turn.members.get(other)
    if other in last.members:  # what the first turn of a run has in its place is from elsewhere
        return before is None or before.members.get(one) == last.members[other]
    return one == other


def _made(turns: Sequence[_Turn]) -> Run:
    own, *later = (list(turn.members) for turn in turns)
    first = {id: twin for ids in later for id, twin in zip(ids, own, strict=True)}
    second = dict(zip(own, later[0], strict=True)) if later else {}
    return Run(tuple(turn.group for turn in turns), first, second)
