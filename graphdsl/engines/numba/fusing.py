"""Runs of loops become groups that one kernel computes, in one nest of loops or row by row.

A group has rows and columns: its loops run over both, or over the rows alone. Reductions of a row
divide what is done with it into stages; a stage is one loop over the columns.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from graphdsl.engines.numba.items import Item, Loop
from graphdsl.engines.numba.places import Access, Extent, Places, refined, reshaped

MOST_ARRAYS = 24
"""Arrays that one kernel reads or writes: with more the registers no longer hold their places."""

FEW_STREAMS = 8
"""Places in memory that loops without anything in common may go through side by side."""


@dataclass(frozen=True, slots=True)
class Member:
    """A loop of a group, over the group's own axes; `whole` if it runs over the columns too."""

    loop: Loop
    whole: bool
    stage: int
    """Which loop over the columns it is part of, or stands behind if it is not `whole`."""

    @property
    def folds(self) -> bool:
        """Whether it makes one element of each row."""
        return bool(self.loop.start)


@dataclass(frozen=True, slots=True)
class Group:
    """Loops that are computed together; all have the axes `rows`, and some `columns` behind."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    members: tuple[Member, ...]

    def accesses(self) -> Iterator[Access]:
        """Whatever its members touch."""
        for member in self.members:
            yield from member.loop.reads()
            yield member.loop.out


Part = Group | Item


def fuse(items: Iterable[Item], places: Places) -> Iterator[Part]:
    """The items in order, loops that may be computed together as groups; no further item is asked
    for than the one that ends a group."""
    run: _Run | None = None
    for item in items:
        if run is not None and isinstance(item, Loop) and run.take(item):
            continue
        if run is not None:
            yield run.group()
        run = _begin(item, places) if isinstance(item, Loop) else None
        if run is None:
            yield item
    if run is not None:
        yield run.group()


def _begin(loop: Loop, places: Places) -> _Run | None:
    """A run that begins with a loop; None for one that has to stay alone."""
    run = _Run(places)
    return run if run.take(loop) else None


class _Run:
    """A group in the making."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.rows = 0
        self.columns = 0
        self.loops: list[Loop] = []

    def take(self, loop: Loop) -> bool:
        """Take up a loop, if it can be computed with the others."""
        rows, columns = self._sizes_with(loop)
        if not rows:
            return False
        if self.loops and not self._shares(loop):
            return False
        loops = [*self.loops, loop]
        group = _arranged(loops, rows, columns, self.places)
        if group is None or len({a.root for a in group.accesses()}) > MOST_ARRAYS:
            return False
        self.rows, self.columns, self.loops = rows, columns, loops
        return True

    def _shares(self, loop: Loop) -> bool:
        """Whether the loop touches what one of the others touches, or all touch little: else
        nothing is gained, and many streams of memory at once are slow."""
        mine = _streams([loop])
        others = _streams(self.loops)
        return bool(mine & others) or len(mine | others) <= FEW_STREAMS

    def group(self) -> Group:
        """The group as it is."""
        made = _arranged(self.loops, self.rows, self.columns, self.places)
        assert made is not None
        return made

    def _sizes_with(self, loop: Loop) -> tuple[int, int]:
        """The rows and columns of the group with one more loop; 0 rows where it does not fit."""
        size = math.prod(loop.shape)
        rows, columns = _split(loop)
        if loop.ordered or not rows:
            return 0, 0
        if not self.loops:
            return rows, columns
        whole = self.rows * self.columns
        folded = any(each.start for each in self.loops)
        if loop.start:
            fits = size == whole and (columns == self.columns if folded else True)
            return (rows, columns) if fits else (0, 0)
        if size == whole or (folded and size == self.rows):
            return self.rows, self.columns
        return 0, 0


def _streams(loops: Iterable[Loop]) -> set[tuple[str, int]]:
    """The places from which on loops go through memory."""
    accesses = (access for loop in loops for access in (*loop.reads(), loop.out))
    return {(access.root, access.start) for access in accesses if any(access.strides)}


def _split(loop: Loop) -> tuple[int, int]:
    """The rows and columns of a loop; 0 rows for a reduction that is not of rows."""
    if not loop.start:
        return math.prod(loop.shape), 1
    kept = [s != 0 or n == 1 for s, n in zip(loop.out.strides, loop.shape, strict=True)]
    moved = (axis for axis, size in enumerate(loop.shape) if kept[axis] and size > 1)
    last = max(moved, default=-1)
    if not all(kept[: last + 1]):
        return 0, 0
    return math.prod(loop.shape[: last + 1]), math.prod(loop.shape[last + 1 :])


def _arranged(loops: Sequence[Loop], rows: int, columns: int, places: Places) -> Group | None:
    """The loops over common axes and in stages; None where they can't be computed together."""
    whole = rows * columns
    wholes = [math.prod(loop.shape) == whole for loop in loops]
    shapes = [loop.shape for loop, is_whole in zip(loops, wholes, strict=True) if is_whole]
    shapes += [(*loop.shape, columns) for loop, w in zip(loops, wholes, strict=True) if not w]
    axes = refined([*shapes, (rows, columns)])
    if axes is None:
        return None
    behind = _axes_for(axes, columns)
    front, back = axes[: len(axes) - behind], axes[len(axes) - behind :]
    members: list[Member] = []
    for loop, is_whole in zip(loops, wholes, strict=True):
        fitted = _fitted(loop, axes if is_whole else front, len(back) if not is_whole else 0)
        if fitted is None:
            return None
        stage = _stage(fitted, is_whole, members, axes, places)
        if stage is None:
            return None
        members.append(Member(fitted, is_whole, stage))
    return Group(front, back, tuple(members))


def _axes_for(axes: Sequence[int], columns: int) -> int:
    """How many of the last axes make up the columns."""
    count, size = 0, 1
    while size < columns:
        count += 1
        size *= axes[-count]
    return count


def _fitted(loop: Loop, axes: Sequence[int], more: int) -> Loop | None:
    """The loop over other axes, and `more` behind them along which nothing moves; itself where it
    has them, as most loops do: programs of many would else take twice the memory."""
    if loop.shape == tuple(axes) and not more:
        return loop

    def longer(access: Access) -> Access:
        index = access.index and longer(access.index)
        return replace(access, strides=(*access.strides, *[0] * more), index=index)

    def fit(access: Access) -> Access | None:
        made = reshaped(access, loop.shape, axes)
        return None if made is None else longer(made)

    out = fit(loop.out)
    operands = [fit(o) if isinstance(o, Access) else o for o in loop.operands]
    given = tuple(o for o in operands if o is not None)
    if out is None or len(given) < len(operands):
        return None
    return replace(loop, shape=(*axes, *[1] * more), operands=given, out=out)


def _stage(
    loop: Loop, whole: bool, members: Sequence[Member], axes: Sequence[int], places: Places
) -> int | None:
    """The earliest stage that a loop can be part of; None where it needs what is not there."""
    stage = 0
    for member in members:
        met = [_meet(mine, theirs, axes, places) for mine, theirs in _pairs(loop, member.loop)]
        if None in met:
            return None
        if any(met):
            row_before_whole = not member.whole or member.folds
            stage = max(stage, member.stage + (1 if whole and row_before_whole else 0))
    return stage


def _pairs(loop: Loop, other: Loop) -> Iterator[tuple[Access, Access]]:
    """Accesses of two loops of which one writes."""
    yield loop.out, other.out
    yield from ((loop.out, access) for access in other.reads())
    yield from ((access, other.out) for access in loop.reads())


def _meet(mine: Access, theirs: Access, axes: Sequence[int], places: Places) -> bool | None:
    """Whether two accesses touch the same elements at the same turn; None where they touch some
    at different turns."""
    if not overlaps(mine, theirs, axes, places.extents):
        return False
    known = mine.index is None and theirs.index is None
    return True if known and mine.key(places.extents) == theirs.key(places.extents) else None


def overlaps(a: Access, b: Access, axes: Sequence[int], extents: dict[str, Extent]) -> bool:
    """Whether the bytes that two accesses reach have some in common."""
    one, other = extents[a.root], extents[b.root]
    if one.memory != other.memory:
        return False
    first, last = _reach(a, axes, one)
    start, end = _reach(b, axes, other)
    return first < end and start < last


def _reach(access: Access, axes: Sequence[int], extent: Extent) -> tuple[int, int]:
    if access.index is not None:
        return extent.start, extent.start + extent.nbytes
    first, last = access.reach(axes)
    return extent.start + first, extent.start + last
