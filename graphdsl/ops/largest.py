"""The largest element of each window of `x[C, …, N]`, and cotangents back to where it stood.

Nothing is unfolded: a place in all windows is a view of x. The largest is found axis by axis, from
the first one on, of which the views are long runs of memory: k + l maxima for windows of k × l.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Op, declare
from graphdsl.graph.types import TensorType
from graphdsl.ops import row_rules
from graphdsl.ops.windows import WINDOWS, Windows


def _summarised(x: TensorType, *, windows: tuple[Any, ...]) -> TensorType:
    channels, *sizes, rows = x.shape
    return x.with_shape((channels, *Windows(*windows).sizes(sizes), rows))


def _emit_largest(k: KernelCall) -> None:
    w, x, shape = Windows(*k.attrs["windows"]), k.args[0], list(k.types[0].shape)
    w.sizes(shape[1:-1])  # of symbols only now known: not one window may fit
    sizes = k.out_type.shape[1:-1]
    for axis, wanted in enumerate(sizes):
        given, shape[axis + 1] = shape[axis + 1], wanted
        last = axis == len(sizes) - 1
        out = k.out if last else k.scratch(shape)
        _emit_along(k, w, axis, (x, given), (out, wanted))
        x = out


def _emit_along(
    k: KernelCall, w: Windows, axis: int, given: tuple[str, int], wanted: tuple[str, int]
) -> None:
    """The largest of the places along one axis, of `given`, a name and a size, into `wanted`."""
    (x, size), (out, windows), before = given, wanted, "[:, " + ":, " * axis
    pieces = [
        (k.view(out, f"{before}{held}]") if w.padding[axis] else out, k.view(x, f"{before}{read}]"))
        for _, held, read in w.along(axis, size, windows)
    ]
    if w.padding[axis]:
        k.emit(f"{out}.fill(-inf)")
        k.emit(*(f"maximum({goal}, {piece}, out={goal})" for goal, piece in pieces))
        return
    first, *others = (piece for _, piece in pieces)
    if not others:
        k.emit(f"copyto({out}, {first})")
    for piece in others:
        k.emit(f"maximum({first}, {piece}, out={out})")
        first = out


window_max: Op = declare(
    Op(
        name="window_max",
        operands=("x",),
        infer=_summarised,
        attributes={"windows": WINDOWS},
        promotion="float",
        kernel=_emit_largest,
        public=False,
        rows=row_rules.in_last_axis,
        doc="The largest element of each window of x [C, …, N].",
        formula="max over a window",
        derivative="none: it is made after the reverse sweep",
        example="g = grad(sum(max_pool2d(x, 2)), x)",
    )
)


def _like_last(g: TensorType, y: TensorType, x: TensorType, **attrs: Any) -> TensorType:
    return x


def _emit_to_input(k: KernelCall) -> None:
    """The hits are numbers, 1 or 0: their sum says how many share a cotangent."""
    w, (g, y, x), shape = Windows(*k.attrs["windows"]), k.args, k.types[0].shape
    places = list(_places(w, k.out_type.shape, shape))
    hits, share = k.scratch((len(places), *shape)), k.scratch(shape)
    if any(w.padding):
        k.emit(f"{hits}.fill(0)")
    for number, (held, read) in enumerate(places):
        hit = k.view(hits, f"[{number}]{held}")
        k.emit(f"equal({k.view(x, read)}, {k.view(y, held)}, {hit})")
    k.emit(f"add.reduce({hits}, (0,), None, {share}, False)", f"divide({g}, {share}, {share})")
    if _needs_zeros(w, k.out_type.shape, shape):
        k.emit(f"{k.out}.fill(0)")
    for number, (held, read) in enumerate(places):
        hit, goal = k.view(hits, f"[{number}]{held}"), k.view(k.out, read)
        part = hit if _overlap(w) else goal
        k.emit(f"multiply({hit}, {k.view(share, held)}, {part})")
        if _overlap(w):
            k.emit(f"add({goal}, {hit}, {goal})")


def _places(w: Windows, given: Sequence[int], windows: Sequence[int]) -> Iterator[tuple[str, str]]:
    """For each place in a window Python's indices, behind windows and behind what they slide over,
    of the elements that they hold there."""
    sizes = zip(given[1:-1], windows[1:-1], strict=True)
    for pieces in itertools.product(*(w.along(i, n, m) for i, (n, m) in enumerate(sizes))):
        _, held, read = zip(*pieces, strict=True)
        yield f"[:, {', '.join(held)}]", f"[:, {', '.join(read)}]"


def _overlap(w: Windows) -> bool:
    """Whether an element may be held by several windows."""
    return any(s < n for n, s in zip(w.kernel, w.stride, strict=True))


def _needs_zeros(w: Windows, given: Sequence[int], windows: Sequence[int]) -> bool:
    """Whether the places of windows are added up, or leave elements out."""
    rows = zip(w.kernel, w.padding, given[1:-1], windows[1:-1], strict=True)
    return _overlap(w) or any(p or n != m * length for length, p, n, m in rows)


window_max_to_input: Op = declare(
    Op(
        name="window_max_to_input",
        operands=("g", "y", "x"),
        infer=_like_last,
        attributes={"windows": WINDOWS},
        promotion="same",
        kernel=_emit_to_input,
        public=False,
        rows=row_rules.all_in_last_axis,
        doc="Each g added where x [C, …, N] is y, the largest of its window, in equal parts where "
        "several are.",
        formula="Σ g / n over the windows whose largest xᵢ is, one of n",
        derivative="none: it is made after the reverse sweep",
        example="g = grad(sum(max_pool2d(x, 2)), x)",
    )
)
