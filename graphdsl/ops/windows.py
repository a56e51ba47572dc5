"""Windows that slide over some axes of images: what they may be, their sizes and their places."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphdsl.graph.op import REQUIRED, Attribute, Fault
from graphdsl.graph.sizes import Shape, Size
from graphdsl.graph.types import TensorType
from graphdsl.ops.rules import check_sizes

Ints = int | tuple[int, ...]

WINDOW = {
    "stride": Attribute("ints", 1, "how far a window moves; one number for all axes, or a list"),
    "padding": Attribute("ints", 0, "how many places are added on both sides of each axis"),
    "dilation": Attribute("ints", 1, "how far the places of one window stand apart"),
}

WINDOWS = Attribute("internal", REQUIRED, "the windows, a tuple as `Windows` takes them")
"""Of ops that rewriting has made of those with the attributes `WINDOW`."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of `kernel` places along each axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    def sizes(self, given: Sequence[Size], operand: int = 0) -> Shape:
        """How many windows there are along each axis of the given sizes (Dumoulin & Visin, 2016);
        raises `Fault` E0216, of the operand that has these sizes, where not one fits."""
        found: list[Size] = []
        for size, k, s, p, d in zip(given, *self._axes(), strict=True):
            room = size + (2 * p - d * (k - 1) - 1)
            if isinstance(room, int) and room < 0:
                span = d * (k - 1) + 1
                message = f"a window of {span} does not fit into a size of {size}"
                padded = f" with {p} added on both sides" if p else ""
                raise Fault("E0216", message + padded, operand=operand)
            found.append(room // s + 1)
        return tuple(found)

    def spread(self, given: Sequence[Size], more: Sequence[int]) -> Shape:
        """The sizes that `given` numbers of windows cover, and `more`: the reverse of `sizes`."""
        rows = zip(given, more, *self._axes(), strict=True)
        return tuple((n - 1) * s - 2 * p + d * (k - 1) + 1 + m for n, m, k, s, p, d in rows)

    def _axes(self) -> tuple[tuple[int, ...], ...]:
        return self.kernel, self.stride, self.padding, self.dilation

    def places(self, numbers: Sequence[int]) -> Iterator[str]:
        """For each place in a window Python's index, behind the first axis, of that place of all
        `numbers` windows."""
        for place in itertools.product(*map(range, self.kernel)):
            parts = []
            for at, n, s, d in zip(place, numbers, self.stride, self.dilation, strict=True):
                start, stop = at * d, at * d + s * (n - 1) + 1
                parts.append(f"{start}:{stop}:{s}" if s > 1 else f"{start}:{stop}")
            yield f"[:, {', '.join(parts)}]"

    def along(self, axis: int, given: int, windows: int) -> Iterator[tuple[int, str, str]]:
        """For each place along one of the axes it slides over Python's slices of the windows that
        hold an element there, no padding, and of these elements; a place that never does is left
        out."""
        stride = self.stride[axis]
        for place in range(self.kernel[axis]):
            shift = place * self.dilation[axis] - self.padding[axis]
            first, end = max(0, -(shift // stride)), min(windows, (given - 1 - shift) // stride + 1)
            if first < end:
                start, stop = first * stride + shift, (end - 1) * stride + shift + 1
                elements = f"{start}:{stop}:{stride}" if stride > 1 else f"{start}:{stop}"
                yield place, f"{first}:{end}", elements

    def padded(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape `[C, …, N]` with padding on both sides of the middle axes."""
        channels, *sizes, rows = shape
        wider = (n + 2 * p for n, p in zip(sizes, self.padding, strict=True))
        return (channels, *wider, rows)

    def interior(self, sizes: Sequence[int]) -> str:
        """Python's index, behind the first axis, of what is not padding."""
        parts = (f"{p}:{p + n}" for p, n in zip(self.padding, sizes, strict=True))
        return f"[:, {', '.join(parts)}]"


def windows(
    kernel: Sequence[int], stride: Ints, padding: Ints, dilation: Ints, rank: int
) -> Windows:
    """Windows from attributes as they are written; raises `Fault` E0216 for what they cannot be."""
    return Windows(
        tuple(kernel),
        one_each(stride, rank, "stride", 1),
        one_each(padding, rank, "padding", 0),
        one_each(dilation, rank, "dilation", 1),
    )


def one_each(value: Ints, rank: int, name: str, least: int) -> tuple[int, ...]:
    """One number for each axis."""
    given = (value,) if isinstance(value, int) else tuple(value)
    given = given * rank if len(given) == 1 else given
    if len(given) != rank:
        message = f"'{name}' is one number or {rank}, and {len(given)} were found"
        raise Fault("E0216", message, attribute=name)
    if min(given) < least:
        raise Fault("E0216", f"'{name}' is at least {least}, not {min(given)}", attribute=name)
    return given


def window_lengths(size: Ints, rank: int) -> tuple[int, ...]:
    """The lengths of windows as they are written."""
    return one_each(size, rank, "size", 1)


def check_result_sizes(sizes: Shape, rank: int) -> Shape:
    """The sizes themselves; raises `Fault` E0216 unless there is one for each axis that windows
    slide over."""
    if len(check_sizes(sizes)) != rank:
        message = f"'sizes' has {len(sizes)} numbers: expected {rank}"
        raise Fault("E0216", message, attribute="sizes")
    return sizes


def check_images(
    x: TensorType, rank: int, name: str, operand: int = 0, between: Sequence[str] = ()
) -> TensorType:
    """`x` itself; raises `Fault` E0202 unless it has axes for rows, channels, what is `between`
    and `rank` more."""
    axes = ["N", "channels", *between, *(["length"] if rank == 1 else ["height", "width"])]
    if x.rank != len(axes):
        raise Fault(
            "E0202",
            f"'{name}' needs {len(axes)} axes, [{', '.join(axes)}], and found {x}",
            operand=operand,
            help="reshape gives a tensor more axes",
        )
    return x
