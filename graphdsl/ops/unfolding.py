"""Windows over the middle axes of `x[C, …, N]` as an axis of their own, and added up again.

Means of windows are made of these two, and convolutions that `lines` is not for. The rows of the
batch stand last, so that what is copied for one place of a window is long runs of memory, however
narrow an image is: 3 to 5 times faster than with the images' columns last. An element is copied for
each place in the window, not for each window: a few copies of large slices instead of many of small
ones.
"""

from __future__ import annotations

import math
from typing import Any

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Op, declare
from graphdsl.graph.sizes import Shape
from graphdsl.graph.types import TensorType
from graphdsl.ops import row_rules
from graphdsl.ops.shape import transpose
from graphdsl.ops.windows import WINDOWS, Windows


def rows_last(x: Expr) -> Expr:
    """`x[N, …]` as `[…, N]`."""
    return transpose(x, axes=(*range(1, x.type.rank), 0))


def rows_first(x: Expr) -> Expr:
    """`x[…, N]` as `[N, …]`."""
    return transpose(x, axes=(x.type.rank - 1, *range(x.type.rank - 1)))


def _unfolded(x: TensorType, *, windows: tuple[Any, ...], value: float) -> TensorType:
    w = Windows(*windows)
    channels, *sizes, rows = x.shape
    return x.with_shape((channels, math.prod(w.kernel), *w.sizes(sizes), rows))


def _emit_unfold(k: KernelCall) -> None:
    w = Windows(*k.attrs["windows"])
    w.sizes(k.types[0].shape[1:-1])  # of symbols only now known: not one window may fit
    x = _emit_padded(k, w, repr(k.attrs["value"]))
    for place, index in enumerate(w.places(k.out_type.shape[2:-1])):
        k.emit(f"copyto({k.view(k.out, f'[:, {place}]')}, {k.view(x, index)})")


def _emit_padded(k: KernelCall, w: Windows, value: str) -> str:
    """The name of the operand with its padding, in C order."""
    given = k.types[0]
    if any(w.padding):
        padded = k.scratch(w.padded(given.shape), given.dtype)
        k.emit(f"{padded}.fill({value})")
        k.emit(f"copyto({k.view(padded, w.interior(given.shape[1:-1]))}, {k.args[0]})")
        return padded
    return k.ordered(0)


unfold: Op = declare(
    Op(
        name="unfold",
        operands=("x",),
        infer=_unfolded,
        attributes={
            "windows": WINDOWS,
            "value": Attribute("number", 0.0, "what is added on both sides"),
        },
        promotion="float",
        kernel=_emit_unfold,
        public=False,
        rows=row_rules.in_last_axis,
        doc="The windows of x [C, …, N], a new axis 1 holding the places in a window.",
        formula="y[c, k, i, n] = x[c, i s + k, n]",
        derivative="none: it is made after the reverse sweep",
        example="g = grad(sum(conv2d(x, w)), x)",
    )
)


def _refolded(g: TensorType, *, windows: tuple[Any, ...], sizes: Shape) -> TensorType:
    return g.with_shape((g.shape[0], *sizes, g.shape[-1]))


def _emit_refold(k: KernelCall) -> None:
    w, shape = Windows(*k.attrs["windows"]), k.out_type.shape
    padded = any(w.padding)
    target = k.scratch(w.padded(shape)) if padded else k.out
    k.emit(f"{target}.fill(0)")
    for place, index in enumerate(w.places(k.types[0].shape[2:-1])):
        goal = k.view(target, index)
        k.emit(f"add({goal}, {k.view(k.args[0], f'[:, {place}]')}, {goal})")
    if padded:
        k.emit(f"copyto({k.out}, {k.view(target, w.interior(shape[1:-1]))})")


refold: Op = declare(
    Op(
        name="refold",
        operands=("g",),
        infer=_refolded,
        attributes={
            "windows": WINDOWS,
            "sizes": Attribute("sizes", doc="the middle sizes of the result"),
        },
        promotion="float",
        kernel=_emit_refold,
        public=False,
        rows=row_rules.in_last_axis,
        doc="The windows of g [C, place, …, N] added up where their elements stand.",
        formula="xᵢ = Σ g over the windows that hold i",
        derivative="none: it is made after the reverse sweep",
        example="g = grad(sum(conv2d(x, w)), x)",
    )
)
