"""What a drawing of a network is made of: layers, and what leads from one to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graphdsl.graph.sizes import Shape, Size
from graphdsl.language.source import Span

Kind = Literal["input", "dense", "map", "merge", "box", "normalisation"]
"""Units that are fed; units that weigh all those before them; units of one unit each; the sum of
several layers; what is a rectangle in papers, such as a convolution; a normalisation, which papers
leave out."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What weighs the values that enter a layer."""

    name: str
    sizes: Shape
    param: str | None = None
    """The parameter that holds the numbers of a matrix, if one does."""
    turned: bool = False
    """Whether it is stored [to, from] and not [from, to]."""


@dataclass(frozen=True, slots=True)
class Link:
    """What leads to a layer: from another one, through weights or as it is."""

    source: int
    weights: Weights | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn of a loop that a layer stands in."""

    loop: Span
    name: str
    """What its names begin with: `o[3]`."""
    number: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A loop of which one turn is drawn for all."""

    id: str
    count: int


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer; its id is that of a node, and stays the same however the drawing is folded."""

    id: int
    kind: Kind
    name: str
    width: Size
    shape: Shape
    """The sizes of what it gives for one example."""
    functions: tuple[str, ...] = ()
    """What each unit computes of its weighted sum, one after the other."""
    links: tuple[Link, ...] = ()
    biases: tuple[Weights, ...] = ()
    tooltip: str = ""
    path: tuple[Turn, ...] = ()
    frames: tuple[Frame, ...] = ()
    end: bool = False
    """Whether it is a result of the network."""

    @property
    def counted(self) -> int | None:
        """How many units stand in its column; None where that is no number, or they stand in rows
        and channels."""
        units = self.width if isinstance(self.width, int) else None
        return units if len(self.shape) <= 1 else None
