"""Convolutions of `x[N, C, …]` with kernels `w[O, C / groups, …]`.

As everywhere in machine learning the kernel is not turned round: these are cross-correlations.
Each is one matrix product, or one for each line of the images, with the rows of the batch last. A
convolution is linear in both operands, so that its VJPs, the gradients of either operand, and
their VJPs in turn are these three ops again.
"""

from __future__ import annotations

import math
from dataclasses import astuple
from typing import Any

from graphdsl.graph.build import Expr
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Shape
from graphdsl.graph.types import TensorType
from graphdsl.ops.channels import check_groups, grouped, whole_sizes
from graphdsl.ops.lines import convolve_lines, lines_to_input, lines_to_kernel, unfold_lines
from graphdsl.ops.shape import reshape, swap, transpose
from graphdsl.ops.stretches import pays
from graphdsl.ops.unfolding import refold, rows_first, rows_last, unfold
from graphdsl.ops.windows import (
    WINDOW,
    Windows,
    check_images,
    check_result_sizes,
    windows,
)

WAYS = {**WINDOW, "groups": Attribute("int", 1, "parts of the channels that do not mix")}
AXES = {1: "width", 2: "height, width"}
"""The names of the axes that a kernel slides over, by rank."""
_EXAMPLE, _KERNEL = {1: "[8]", 2: "[8, 8]"}, {1: "[3]", 2: "[3, 3]"}
_FORMULAS = {
    1: "y[n, o, i] = Σ w[o, c, k] x[n, c, i s + k]",
    2: "y[n, o, i, j] = Σ w[o, c, k, l] x[n, c, i s + k, j s + l]",
}


def read_windows(w: Shape, rank: int, attrs: dict[str, Any]) -> Windows:
    """The windows over the last `rank` sizes of a kernel."""
    return windows(
        whole_sizes(w[-rank:]), attrs["stride"], attrs["padding"], attrs["dilation"], rank
    )


def _height_first(w: Expr) -> Expr:
    """Kernels `w[O, C, height, width]` as a matrix [O, K], as unfolded lines hold windows."""
    return reshape(transpose(w, axes=(0, 2, 1, 3)), shape=(w.type.shape[0], -1))


class Family:
    """A convolution of one rank and the gradients of its two operands."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.name = f"conv{rank}d"
        self.forward = declare(self._forward())
        self.to_input = declare(self._to_input())
        self.to_kernel = declare(self._to_kernel())

    def _forward_type(self, x: TensorType, w: TensorType, **attrs: Any) -> TensorType:
        check_images(x, self.rank, self.name)
        check_images(w, self.rank, self.name, 1)
        each = check_groups(x.shape[1], attrs["groups"], x, 0)
        if w.shape[1] != each:
            groups = f" in {attrs['groups']} groups" if attrs["groups"] > 1 else ""
            raise Fault(
                "E0201",
                f"'{self.name}' of {x}{groups} needs a kernel over {each} channels, and {w} is "
                f"over {w.shape[1]}",
                operand=1,
                help="a kernel is [channels out, channels in / groups, …]",
            )
        check_groups(w.shape[0], attrs["groups"], w, 1)
        sizes = read_windows(w.shape, self.rank, attrs).sizes(x.shape[2:])
        return x.with_shape((x.shape[0], w.shape[0], *sizes))

    def _columns(self, x: Expr, w: Windows, groups: int) -> Expr:
        """For each group the matrix of which every column is a window of x: products with it are
        convolutions (Chellapilla et al., 2006). Whatever decomposes into it shares it."""
        found = unfold(rows_last(x), windows=astuple(w), value=0.0)
        return grouped(found, groups, found.type.shape[:2])

    def _decompose_forward(self, x: Expr, w: Expr, *, groups: int, **attrs: Any) -> Expr:
        slide = read_windows(w.type.shape, self.rank, attrs)
        sizes = slide.sizes(x.type.shape[2:])
        if groups == 1 and pays(slide, w.type.shape[0], sizes):
            windows = astuple(slide)
            lines = unfold_lines(rows_last(x), windows=windows)
            kernels = _height_first(w)
            return rows_first(convolve_lines(lines, kernels, windows=windows, height=sizes[:1]))
        made = grouped(w, groups, w.type.shape[:1]) @ self._columns(x, slide, groups)
        shape = (w.type.shape[0], *sizes, x.type.shape[0])
        return rows_first(reshape(made, shape=shape))

    def _forward(self) -> Op:
        return Op(
            name=self.name,
            operands=("x", "w"),
            infer=self._forward_type,
            attributes=WAYS,
            promotion="float",
            vjp=(
                lambda g, y, x, w, **attrs: self.to_input(g, w, sizes=x.type.shape[2:], **attrs),
                lambda g, y, x, w, **attrs: self.to_kernel(x, g, sizes=w.type.shape[2:], **attrs),
            ),
            decompose=self._decompose_forward,
            doc=f"Kernels w [out, in / groups, {AXES[self.rank]}] at every place of x "
            f"[N, in, {AXES[self.rank]}]: a cross-correlation.",
            formula=_FORMULAS[self.rank],
            derivative="for x, each g times the kernel, at its window's places; for w, the sum of "
            "g times the windows",
            example=f"y = {self.name}(x, w, padding = 1)",
        )

    def _verify_result(
        self, x: TensorType, w: TensorType, g: TensorType, operand: int, name: str, attrs: Any
    ) -> None:
        """Raise `Fault` E0201 unless the convolution of x with w has the shape of g."""
        wanted = self._forward_type(x, w, **attrs).shape
        if wanted != g.shape:
            sizes = ", ".join(map(str, wanted))
            raise Fault(
                "E0201",
                f"'{name}' needs what {self.name} of {x} with {w} gives, [{sizes}], not {g}",
                operand=operand,
            )

    def _to_input_type(
        self, g: TensorType, w: TensorType, *, sizes: Shape, **attrs: Any
    ) -> TensorType:
        name = f"{self.name}_to_input"
        check_images(g, self.rank, name)
        check_images(w, self.rank, name, 1)
        check_groups(w.shape[0], attrs["groups"], w, 1)
        x = g.with_shape(
            (g.shape[0], w.shape[1] * attrs["groups"], *check_result_sizes(sizes, self.rank))
        )
        self._verify_result(x, w, g, 0, name, attrs)
        return x

    def _decompose_to_input(
        self, g: Expr, w: Expr, *, sizes: Shape, groups: int, **attrs: Any
    ) -> Expr:
        slide = read_windows(w.type.shape, self.rank, attrs)
        last = rows_last(g)
        if groups == 1 and pays(slide, w.type.shape[0], g.type.shape[2:]):
            made = lines_to_input(last, _height_first(w), windows=astuple(slide), sizes=sizes)
            return rows_first(made)
        kernels, given = (grouped(a, groups, a.type.shape[:1]) for a in (w, last))
        channels, places = w.type.shape[1] * groups, math.prod(slide.kernel)
        windows = reshape(swap(kernels) @ given, shape=(channels, places, *last.type.shape[1:]))
        return rows_first(refold(windows, windows=astuple(slide), sizes=sizes))

    def _to_input(self) -> Op:
        return Op(
            name=f"{self.name}_to_input",
            operands=("g", "w"),
            infer=self._to_input_type,
            attributes={
                "sizes": Attribute("sizes", doc="the last sizes of the input that is wanted"),
                **WAYS,
            },
            promotion="float",
            vjp=(
                lambda h, y, g, w, *, sizes, **attrs: self.forward(h, w, **attrs),
                lambda h, y, g, w, *, sizes, **attrs: self.to_kernel(
                    h, g, sizes=w.type.shape[2:], **attrs
                ),
            ),
            decompose=self._decompose_to_input,
            doc=f"Each g times the kernel w, added up where {self.name} read its window.",
            formula="xᵢ = Σ g w over the windows that hold i",
            derivative=f"{self.name} of the cotangent, and the sum of g times its windows",
            example=f"y = {self.name}_to_input(g, w, {_EXAMPLE[self.rank]}, padding = 1)",
        )

    def _to_kernel_type(
        self, x: TensorType, g: TensorType, *, sizes: Shape, **attrs: Any
    ) -> TensorType:
        name = f"{self.name}_to_kernel"
        check_images(x, self.rank, name)
        check_images(g, self.rank, name, 1)
        each = check_groups(x.shape[1], attrs["groups"], x, 0)
        check_groups(g.shape[1], attrs["groups"], g, 1)
        w = x.with_shape((g.shape[1], each, *check_result_sizes(sizes, self.rank)))
        self._verify_result(x, w, g, 1, name, attrs)
        return w

    def _decompose_to_kernel(
        self, x: Expr, g: Expr, *, sizes: Shape, groups: int, **attrs: Any
    ) -> Expr:
        slide = read_windows(sizes, self.rank, attrs)
        each = check_groups(x.type.shape[1], groups, x.type, 0)
        if groups == 1 and pays(slide, g.type.shape[1], g.type.shape[2:]):
            lines = unfold_lines(rows_last(x), windows=astuple(slide))
            made = lines_to_kernel(lines, rows_last(g), windows=astuple(slide))
            height, width = slide.kernel
            made = reshape(made, shape=(height, each, width, g.type.shape[1]))
            return transpose(made, axes=(3, 1, 0, 2))
        given = grouped(rows_last(g), groups, g.type.shape[1:2])
        made = given @ swap(self._columns(x, slide, groups))
        return reshape(made, shape=(g.type.shape[1], each, *sizes))

    def _to_kernel(self) -> Op:
        return Op(
            name=f"{self.name}_to_kernel",
            operands=("x", "g"),
            infer=self._to_kernel_type,
            attributes={
                "sizes": Attribute("sizes", doc="the last sizes of the kernel that is wanted"),
                **WAYS,
            },
            promotion="float",
            vjp=(
                lambda h, y, x, g, *, sizes, **attrs: self.to_input(
                    g, h, sizes=x.type.shape[2:], **attrs
                ),
                lambda h, y, x, g, *, sizes, **attrs: self.forward(x, h, **attrs),
            ),
            decompose=self._decompose_to_kernel,
            doc=f"The sum of each g times the window of x that {self.name} read for it.",
            formula="w = Σ g x over all windows",
            derivative=f"each g times the cotangent, at its window's places, and {self.name}",
            example=f"y = {self.name}_to_kernel(x, g, {_KERNEL[self.rank]}, padding = 1)",
        )


ONE, TWO = Family(1), Family(2)
conv1d, conv1d_to_input, conv1d_to_kernel = ONE.forward, ONE.to_input, ONE.to_kernel
conv2d, conv2d_to_input, conv2d_to_kernel = TWO.forward, TWO.to_input, TWO.to_kernel
