"""Convolutions of images `x[C, H, W, N]` by lines: unfolded along their lines alone.

A kernel's place along a line is copied, one along a column is not: where line i of the images
follows line i - 1 in memory, the windows of one line of the result are some lines that lie
together, and those of the next begin one stride further on. So a convolution is a product for each
line of the result, of kernels and a stretch of what is unfolded (Cho & Brand, 2017: MEC). Next to
a full unfolding that copies a kernel's height fewer, and products read it from the core's cache.

The lines of the result are taken in turns such that the stretches of one turn do not overlap:
they are one statement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Op, declare
from graphdsl.graph.sizes import Shape
from graphdsl.graph.types import TensorType
from graphdsl.ops import row_rules
from graphdsl.ops.stretches import Turn, count_lines, every_turn, find_pieces, take_turns
from graphdsl.ops.windows import WINDOWS, Windows

_TOGETHER = 2**20
"""Bytes up to which what each line of a result adds to a kernel's gradient is kept, to be added up
at once; beyond, it is added as it comes."""


def _unfolded(x: TensorType, *, windows: tuple[Any, ...]) -> TensorType:
    w = Windows(*windows)
    channels, *sizes, rows = x.shape
    height, width = w.sizes(sizes)
    return x.with_shape((count_lines(w, height), channels, w.kernel[1], width, rows))


def _emit_unfold(k: KernelCall) -> None:
    w, x, (given,) = Windows(*k.attrs["windows"]), k.ordered(0), k.types
    w.sizes(given.shape[1:-1])  # of symbols only now known: not one window may fit
    if any(w.padding):
        k.emit(f"{k.out}.fill(0)")
    for line, image in find_pieces(w, k.out_type.shape, given.shape):
        k.emit(f"copyto({k.view(k.out, line)}, {k.view(x, image)})")


unfold_lines: Op = declare(
    Op(
        name="unfold_lines",
        operands=("x",),
        infer=_unfolded,
        attributes={"windows": WINDOWS},
        promotion="float",
        kernel=_emit_unfold,
        public=False,
        rows=row_rules.in_last_axis,
        doc="The windows of each line of x [C, height, width, N]: [line, C, place, width, N].",
        formula="y[i, c, l, j, n] = x[c, i, j s + l, n]",
        derivative="none: it is made after the reverse sweep",
        example="g = grad(sum(conv2d(x, w)), x)",
    )
)


def _convolved(
    lines: TensorType, w: TensorType, *, windows: tuple[Any, ...], height: Shape
) -> TensorType:
    return lines.with_shape((w.shape[0], *height, *lines.shape[-2:]))


def _emit_convolve(k: KernelCall) -> None:
    w, lines, kernels = Windows(*k.attrs["windows"]), k.ordered(0), k.args[1]
    for turn in take_turns(w, k.out_type.shape[1]):
        stretches = k.view(lines, turn.stretches(w, k.types[0].shape))
        k.emit(f"matmul({kernels}, {stretches}, {k.view(k.out, turn.images(k.out_type.shape))})")


convolve_lines: Op = declare(
    Op(
        name="convolve_lines",
        operands=("lines", "w"),
        infer=_convolved,
        attributes={"windows": WINDOWS, "height": Attribute("sizes", doc="lines of the result")},
        promotion="float",
        kernel=_emit_convolve,
        flops=lambda y, lines, w, **attrs: 2 * y.size * w.shape[-1],
        public=False,
        rows=row_rules.multiplied_by_matrix,
        doc="Kernels w [O, K], height first, times the windows in unfolded lines.",
        formula="y[o, i, j, n] = Σ w[o, k, c, l] lines[i s + k, c, l, j, n]",
        derivative="none: it is made after the reverse sweep",
        example="g = grad(sum(conv2d(x, w)), x)",
    )
)


def _to_kernel(lines: TensorType, g: TensorType, *, windows: tuple[Any, ...]) -> TensorType:
    _, channels, places, *_ = lines.shape
    return lines.with_shape((Windows(*windows).kernel[0] * channels * places, g.shape[0]))


def _emit_to_kernel(k: KernelCall) -> None:
    w, (of_lines, of_g) = Windows(*k.attrs["windows"]), k.types
    lines, g, height = k.ordered(0), k.ordered(1), of_g.shape[1]

    def emit_product(turn: Turn, out: str) -> None:
        stretches = k.view(lines, turn.stretches(w, of_lines.shape))
        k.emit(f"matmul({stretches}, {k.view(g, turn.images(of_g.shape, (1, 2, 0)))}, {out})")

    if height * k.out_type.nbytes > _TOGETHER:
        _emit_one_by_one(k, [Turn(line, every_turn(w), 1) for line in range(height)], emit_product)
        return
    parts, done = k.scratch((height, *k.out_type.shape)), 0
    for turn in take_turns(w, height):
        emit_product(turn, k.view(parts, f"[{done}:{done + turn.count}]"))
        done += turn.count
    k.emit(f"add.reduce({parts}, (0,), None, {k.out}, False)")


def _emit_one_by_one(
    k: KernelCall, turns: Sequence[Turn], emit_product: Callable[[Turn, str], None]
) -> None:
    """The products of single lines added up, with memory for one of them."""
    one = f".reshape({(1, *k.out_type.shape)})"
    emit_product(turns[0], k.view(k.out, one))
    part = k.scratch(k.out_type.shape)
    for turn in turns[1:]:
        emit_product(turn, k.view(part, one))
        k.emit(f"add({k.out}, {part}, {k.out})")


lines_to_kernel: Op = declare(
    Op(
        name="lines_to_kernel",
        operands=("lines", "g"),
        infer=_to_kernel,
        attributes={"windows": WINDOWS},
        promotion="float",
        kernel=_emit_to_kernel,
        flops=lambda y, lines, g, **attrs: 2 * g.size * y.shape[0],
        public=False,
        rows=row_rules.contracted_last,
        doc="The windows in unfolded lines times g [O, height, width, N], added up: [K, O].",
        formula="w[k, c, l, o] = Σ g[o, i, j, n] lines[i s + k, c, l, j, n]",
        derivative="none: it is made after the reverse sweep",
        example="g = grad(sum(conv2d(x, w)), w)",
    )
)


def _to_input(
    g: TensorType, w: TensorType, *, windows: tuple[Any, ...], sizes: Shape
) -> TensorType:
    channels = w.shape[1] // math.prod(Windows(*windows).kernel)
    return g.with_shape((channels, *sizes, g.shape[-1]))


def _emit_to_input(k: KernelCall) -> None:
    w, (_, height, width, rows) = Windows(*k.attrs["windows"]), k.types[0].shape
    shape = (count_lines(w, height), k.out_type.shape[0], w.kernel[1], width, rows)
    lines = k.scratch(shape)
    _emit_products(k, w, lines, shape)
    k.emit(f"{k.out}.fill(0)")
    for line, image in find_pieces(w, shape, k.out_type.shape):
        goal = k.view(k.out, image)
        k.emit(f"add({goal}, {k.view(lines, line)}, {goal})")


def _emit_products(k: KernelCall, w: Windows, lines: str, shape: Sequence[int]) -> None:
    """The kernels times g, added up where the windows stand in unfolded lines."""
    g, (given, (_, inner)) = k.ordered(0), (type.shape for type in k.types)
    first, *others = take_turns(w, given[1])
    kernels, apart = k.view(k.args[1], ".T"), first.every * w.stride[0]
    begun = k.view(lines, first.stretches(w, shape))
    if apart == w.kernel[0]:  # the first turn leaves no gaps: what is behind it alone is 0
        k.emit(f"{k.view(lines, f'[{first.count * apart}:]')}.fill(0)")
    else:
        k.emit(f"{lines}.fill(0)")
    k.emit(f"matmul({kernels}, {k.view(g, first.images(given))}, {begun})")
    if not others:
        return
    most = k.scratch((others[0].count, inner, math.prod(shape[-2:])))
    for turn in others:
        part = most if turn.count == others[0].count else k.view(most, f"[:{turn.count}]")
        goal = k.view(lines, turn.stretches(w, shape))
        k.emit(f"matmul({kernels}, {k.view(g, turn.images(given))}, {part})")
        k.emit(f"add({goal}, {part}, {goal})")


lines_to_input: Op = declare(
    Op(
        name="lines_to_input",
        operands=("g", "w"),
        infer=_to_input,
        attributes={
            "windows": WINDOWS,
            "sizes": Attribute("sizes", doc="height and width of the result"),
        },
        promotion="float",
        kernel=_emit_to_input,
        flops=lambda y, g, w, **attrs: 2 * g.size * w.shape[-1],
        public=False,
        rows=row_rules.multiplied_by_matrix,
        doc="Kernels w [O, K], height first, times g [O, height, width, N], added up where "
        "convolve_lines read its windows.",
        formula="xᵢ = Σ g w over the windows that hold i",
        derivative="none: it is made after the reverse sweep",
        example="g = grad(sum(conv2d(x, w)), x)",
    )
)
