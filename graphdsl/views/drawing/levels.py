"""Frames one below the other: a scene comes in; pairs of boxes, the second below the first, go out.

A layout keeps boxes below those that they are computed from, and knows nothing of frames: it would
stand a frame beside the box that enters it in the middle. Here a frame is as one box: it is below
what is computed for it, and above what is computed from it. What is given, such as a parameter, may
stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from graphdsl.views.drawing.scene import Box, Scene

Pair = tuple[str, str]


def find_levels(scene: Scene) -> tuple[Pair, ...]:
    """The pairs that keep frames apart, by the ids of boxes; each once."""
    known = _read(scene)
    pairs = (
        pair
        for cluster in scene.clusters()
        for frame in (_Frame(tuple(box.id for box in cluster.boxes()), known),)
        for pair in (*frame.enter(), *frame.keep(), *frame.leave())
    )
    return tuple(dict.fromkeys(pairs))


@dataclass(frozen=True, slots=True)
class _Known:
    """The boxes of a scene, and what reads them."""

    boxes: Mapping[str, Box]
    places: Mapping[str, int]
    """Their order: a box is behind those that it is computed from."""
    sources: Mapping[str, Sequence[str]]
    readers: Mapping[str, Sequence[str]]


def _read(scene: Scene) -> _Known:
    boxes = {box.id: box for box in scene.boxes()}
    sources = {
        id: tuple(entry.source for entry in box.entering if not entry.carried)
        for id, box in boxes.items()
    }
    readers: dict[str, list[str]] = {id: [] for id in boxes}
    for id, read in sources.items():
        for source in read:
            readers[source].append(id)
    return _Known(boxes, {id: i for i, id in enumerate(boxes)}, sources, readers)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame by the boxes in it, those of frames inside it too."""

    inside: tuple[str, ...]
    known: _Known

    def enter(self) -> Iterator[Pair]:
        """What is computed outside is above the boxes that the frame begins with; those that enter
        further below are kept there by what reads them."""
        begins = self._begins()
        for source, id in self._entering():
            yield from ((source, one) for one in self.known.sources[id] if one in begins)

    def keep(self) -> Iterator[Pair]:
        """What has no edges is not above or below the others."""
        bottom, entering = self._bottom(), list(self._entering())
        for one in self._begins():
            if one != bottom and not self.known.readers[one]:
                yield from ((source, one) for source, _ in entering[:1])
                yield one, bottom

    def leave(self) -> Iterator[Pair]:
        """What is computed of the frame's results is below the box at the frame's bottom."""
        known, inside = self.known, set(self.inside)
        last = max(known.places[id] for id in inside)
        computed = (id for id in self.inside if known.sources[id])
        after = {
            reader for id in computed for reader in known.readers[id] if known.places[reader] > last
        }
        bottom = self._bottom()
        for reader in sorted(after, key=known.places.__getitem__):
            if bottom not in known.sources[reader]:
                yield bottom, reader

    def _bottom(self) -> str:
        """The box that most others of the frame stand above, one below the other."""
        depths: dict[str, int] = {}
        for id in sorted(self.inside, key=self.known.places.__getitem__):
            depths[id] = 1 + max((depths.get(one, 0) for one in self.known.sources[id]), default=0)
        return max(depths, key=depths.__getitem__)

    def _begins(self) -> list[str]:
        inside = set(self.inside)
        return [id for id in self.inside if inside.isdisjoint(self.known.sources[id])]

    def _entering(self) -> Iterator[Pair]:
        """What boxes of the frame read of that which is computed before it."""
        places, sources = self.known.places, self.known.sources
        first = min(places[id] for id in self.inside)
        for id in self.inside:
            yield from ((one, id) for one in sources[id] if places[one] < first and sources[one])
