"""What a drawing is made of, before there is a layout: boxes, what enters them, and clusters.

Ids are stable: a node's box is `n12`; a call or a loop is `g3`, be it one box or a cluster; what a
turn gets from the one before is `g4-7-9`, and what stands for an operand that is not drawn `x12-0`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """An edge that enters a box, and the cotangent that goes back along it."""

    source: str
    """The box it comes from."""
    pulled: bool = False
    """Whether a cotangent goes back."""
    straight: bool = True
    """Whether it is worth a straight line: what is computed is, what is given stands beside."""
    carried: bool = False
    """Whether it comes from the turn before."""
    of_cotangent: bool = False
    """Whether it is the cotangent of the source that enters."""


@dataclass(frozen=True, slots=True)
class Cotangent:
    """What stands beside a box in the reverse lane: its name, the sum that it is, its value."""

    name: str
    terms: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: the function inside, the name and what is noted of its value outside."""

    id: str
    function: str
    name: str
    look: str
    """A role, or "block", "carried", "cut", "sweep"."""
    entering: tuple[Entry, ...] = ()
    """From left to right."""
    tooltip: str = ""
    notes: tuple[str, ...] = ()
    cotangent: Cotangent | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A frame around what a call or a loop holds; `count` is how often that is computed, `note`
    what else is to be known of it."""

    id: str
    title: str
    count: str
    parts: tuple[Box | Cluster, ...]
    tooltip: str = ""
    note: str = ""

    def boxes(self) -> Iterator[Box]:
        """Every box in it, those inside of clusters among them."""
        return (part for part in walk(self.parts) if isinstance(part, Box))


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole drawing; `remarks` say what was folded without being asked."""

    name: str
    """That of the model."""
    title: str
    """What a pointer over it shows."""
    parts: tuple[Box | Cluster, ...]
    direction: str = "TB"
    remarks: tuple[str, ...] = ()

    def boxes(self) -> Iterator[Box]:
        """Every box, those inside of clusters among them."""
        return (part for part in walk(self.parts) if isinstance(part, Box))

    def clusters(self) -> Iterator[Cluster]:
        """Every cluster, those inside of others behind these."""
        return (part for part in walk(self.parts) if isinstance(part, Cluster))


def walk(parts: Iterable[Box | Cluster]) -> Iterator[Box | Cluster]:
    """The parts and all that is inside of them, in their order."""
    pending = list(reversed(tuple(parts)))
    while pending:
        part = pending.pop()
        yield part
        if isinstance(part, Cluster):
            pending += reversed(part.parts)
