"""Which lines of unfolded images a convolution reads for which lines of its result.

Numbers and sizes come in, Python's indices of NumPy's views go out. A stretch is what the windows
of one line of the result take: so many unfolded lines, one behind the other, as a kernel is high.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from graphdsl.graph.sizes import Shape, Size, product
from graphdsl.ops.windows import Windows

Count = TypeVar("Count", int, Size)


def pays(w: Windows, kernels: Size, results: Shape) -> bool:
    """Whether unfolding along lines alone pays, where so many kernels make results of these sizes.

    Windows of one line it would unfold whole, and the lines of others have to lie together. The
    kernels are put in another order, and read again for every line: of 256 kernels for images of
    7 × 7 that takes longer than the products of a few images.
    """
    if len(w.kernel) != 2 or w.kernel[0] == 1 or w.dilation[0] > 1:
        return False
    places = product(results)
    if not isinstance(places, int) or not isinstance(kernels, int):
        return True
    return places >= 2 * kernels


def every_turn(w: Windows) -> int:
    """Every how manyth stretch does not overlap the one before."""
    return -(-w.kernel[0] // w.stride[0])


def count_lines(w: Windows, results: Count) -> Count:
    """The lines that the stretches of so many lines of a result take, and those between them."""
    return (results + (every_turn(w) - 1)) * w.stride[0]


@dataclass(frozen=True, slots=True)
class Turn:
    """Lines of a result, every `every`th from `first` on, `count` of them."""

    first: int
    every: int
    count: int

    def stretches(self, w: Windows, shape: Sequence[int]) -> str:
        """Python's index, behind lines [line, C, place, width, N], of the stretches of this turn
        as matrices [count, K, width · N]."""
        _, channels, places, width, rows = shape
        length, apart = w.kernel[0], self.every * w.stride[0]
        start = self.first * w.stride[0]
        index = f"[{start}:{start + self.count * apart}]"
        if apart != length:
            index += f".reshape({self.count}, {apart}, {channels * places}, {width * rows})"
            index += f"[:, :{length}]"
        return f"{index}.reshape({self.count}, {length * channels * places}, {width * rows})"

    def images(self, shape: Sequence[int], axes: Sequence[int] = (1, 0, 2)) -> str:
        """Python's index, behind images [O, height, width, N], of their lines of this turn as
        matrices, the axes count, O, width · N in the order that is wanted."""
        channels, _, width, rows = shape
        order = ", ".join(map(str, axes))
        stop = self.first + self.count * self.every
        index = f"[:, {self.first}:{stop}:{self.every}]"
        return f"{index}.reshape({channels}, {self.count}, {width * rows}).transpose({order})"


def take_turns(w: Windows, results: int) -> list[Turn]:
    """All lines of a result, in turns whose stretches do not overlap."""
    every = every_turn(w)
    firsts = range(min(every, results))
    return [Turn(first, every, -(-(results - first) // every)) for first in firsts]


def find_pieces(
    w: Windows, lines: Sequence[int], image: Sequence[int]
) -> Iterator[tuple[str, str]]:
    """For each place along a line Python's indices, behind lines and behind the images as
    [C, height, width, N], of what both hold."""
    above, (held, _, _, width, _), (_, height, given, _) = w.padding[0], lines, image
    height = min(height, held - above)  # those that no window reaches are not unfolded
    for place, windows, elements in w.along(1, given, width):
        yield (
            f"[{above}:{above + height}, :, {place}, {windows}]",
            f".transpose(1, 0, 2, 3)[:{height}, :, {elements}]",
        )
