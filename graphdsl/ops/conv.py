"""Convolutions of `x[N, C, …]` with kernels `w[O, C / groups, …]`, and their transposes.

As everywhere in machine learning the kernel is not turned round: these are cross-correlations.
Each is one matrix product. A convolution is linear in both operands, so that its VJPs, the
gradients of either operand, and their VJPs in turn are these three ops again.
"""

from __future__ import annotations

import math
from typing import Any

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Shape, Size, divide
from graphdsl.graph.types import TensorType
from graphdsl.ops.windows import (
    WINDOW,
    Windows,
    check_images,
    emit_columns,
    emit_sums,
    one_each,
    windows,
)

_WAYS = {**WINDOW, "groups": Attribute("int", 1, "parts of the channels that do not mix")}
_SIZES = Attribute("sizes", doc="the sizes of the result's last axes")


def _read(w: Shape, rank: int, attrs: dict[str, Any]) -> Windows:
    return windows(_whole(w[-rank:]), attrs["stride"], attrs["padding"], attrs["dilation"], rank)


def _whole(sizes: Shape) -> tuple[int, ...]:
    """A kernel's sizes, which have to be numbers."""
    numbers = [size for size in sizes if isinstance(size, int)]
    if len(numbers) < len(sizes) or min(numbers) < 1:
        found = ", ".join(map(str, sizes))
        raise Fault("E0216", f"a kernel's sizes are numbers from 1 on, not [{found}]", operand=1)
    return tuple(numbers)


def _check_groups(channels: Size, groups: int, x: TensorType, operand: int) -> Size:
    """The channels of one group."""
    each = divide(channels, groups) if groups >= 1 else None
    if each is None:
        raise Fault(
            "E0216",
            f"{groups} groups do not divide the {channels} channels of {x}",
            operand=operand,
        )
    return each


class _Family:
    """The ops of one rank."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.name = f"conv{rank}d"
        self.forward = declare(self._forward())
        self.to_input = declare(self._to_input())
        self.to_kernel = declare(self._to_kernel())
        self.transposed = declare(self._transposed())

    # --- y = conv(x, w) --------------------------------------------------------------------------

    def _forward_type(self, x: TensorType, w: TensorType, **attrs: Any) -> TensorType:
        check_images(x, self.rank, self.name)
        check_images(w, self.rank, self.name, 1)
        each = _check_groups(x.shape[1], attrs["groups"], x, 0)
        if w.shape[1] != each:
            groups = f" in {attrs['groups']} groups" if attrs["groups"] > 1 else ""
            raise Fault(
                "E0201",
                f"'{self.name}' of {x}{groups} needs a kernel over {each} channels, and {w} is "
                f"over {w.shape[1]}",
                operand=1,
                help="a kernel is [channels out, channels in / groups, …]",
            )
        _check_groups(w.shape[0], attrs["groups"], w, 1)
        sizes = _read(w.shape, self.rank, attrs).sizes(x.shape[2:])
        return x.with_shape((x.shape[0], w.shape[0], *sizes))

    def _emit_forward(self, k: KernelCall) -> None:
        rows, channels, *numbers = k.out_type.shape
        w = _read(k.types[1].shape, self.rank, dict(k.attrs))
        groups = k.attrs["groups"]
        columns = emit_columns(k, 0, w, numbers)
        made = k.scratch((channels, rows, *numbers))
        inner, places = math.prod(k.types[1].shape[1:]), rows * math.prod(numbers)
        table = (groups, channels // groups, inner)
        _emit_product(
            k,
            _shaped(k, _kernel(k, 1), table),
            _shaped(k, columns, (groups, inner, places)),
            _shaped(k, made, (groups, channels // groups, places)),
        )
        k.emit(f"copyto({k.out}, {k.view(made, '.swapaxes(0, 1)')})")

    def _forward(self) -> Op:
        return Op(
            name=self.name,
            operands=("x", "w"),
            infer=self._forward_type,
            attributes=_WAYS,
            promotion="float",
            vjp=(
                lambda g, y, x, w, **attrs: self.to_input(g, w, sizes=x.type.shape[2:], **attrs),
                lambda g, y, x, w, **attrs: self.to_kernel(x, g, sizes=w.type.shape[2:], **attrs),
            ),
            kernel=self._emit_forward,
            doc=f"Kernels w [out, in / groups, {_AXES[self.rank]}] at every place of x "
            f"[N, in, {_AXES[self.rank]}]: a cross-correlation.",
            formula=_FORMULAS[self.rank],
            derivative="for x, each g times the kernel, at its window's places; for w, the sum of "
            "g times the windows",
            example=f"y = {self.name}(x, w, padding = 1)",
        )

    # --- the gradient of x -----------------------------------------------------------------------

    def _to_input_type(
        self, g: TensorType, w: TensorType, *, sizes: Shape, **attrs: Any
    ) -> TensorType:
        channels = w.shape[1] * attrs["groups"]
        return g.with_shape((g.shape[0], channels, *sizes))

    def _emit_to_input(self, k: KernelCall) -> None:
        rows, channels, *numbers = k.types[0].shape
        w = _read(k.types[1].shape, self.rank, dict(k.attrs))
        groups, dtype = k.attrs["groups"], k.out_type.dtype
        columns = k.scratch((k.out_type.shape[1], *w.kernel, rows, *numbers), dtype)
        inner, places = math.prod(k.types[1].shape[1:]), rows * math.prod(numbers)
        _emit_product(
            k,
            k.view(_shaped(k, _kernel(k, 1), (groups, channels // groups, inner)), _swap(groups)),
            _shaped(k, _channels_first(k, 0), (groups, channels // groups, places)),
            _shaped(k, columns, (groups, inner, places)),
        )
        emit_sums(k, w, numbers, columns, columns=True)

    def _to_input(self) -> Op:
        return Op(
            name=f"{self.name}_to_input",
            operands=("g", "w"),
            infer=self._to_input_type,
            attributes={**_WAYS, "sizes": _SIZES},
            promotion="float",
            vjp=(
                lambda h, y, g, w, *, sizes, **attrs: self.forward(h, w, **attrs),
                lambda h, y, g, w, *, sizes, **attrs: self.to_kernel(
                    h, g, sizes=w.type.shape[2:], **attrs
                ),
            ),
            kernel=self._emit_to_input,
            public=False,
            doc=f"Each g times the kernel w, added up where {self.name} read its window.",
            formula="xᵢ = Σ g w over the windows that hold i",
            derivative=f"{self.name} of the cotangent, and the sum of g times its windows",
            example=f"g = grad(sum({self.name}(x, w)), x)",
        )

    # --- the gradient of w -----------------------------------------------------------------------

    def _to_kernel_type(
        self, x: TensorType, g: TensorType, *, sizes: Shape, **attrs: Any
    ) -> TensorType:
        each = _check_groups(x.shape[1], attrs["groups"], x, 0)
        return x.with_shape((g.shape[1], each, *sizes))

    def _emit_to_kernel(self, k: KernelCall) -> None:
        rows, channels, *numbers = k.types[1].shape
        w = _read(k.out_type.shape, self.rank, dict(k.attrs))
        groups = k.attrs["groups"]
        columns = emit_columns(k, 0, w, numbers)
        inner, places = math.prod(k.out_type.shape[1:]), rows * math.prod(numbers)
        _emit_product(
            k,
            _shaped(k, _channels_first(k, 1), (groups, channels // groups, places)),
            k.view(_shaped(k, columns, (groups, inner, places)), _swap(groups)),
            _shaped(k, k.out, (groups, channels // groups, inner)),
        )

    def _to_kernel(self) -> Op:
        return Op(
            name=f"{self.name}_to_kernel",
            operands=("x", "g"),
            infer=self._to_kernel_type,
            attributes={**_WAYS, "sizes": _SIZES},
            promotion="float",
            vjp=(
                lambda h, y, x, g, *, sizes, **attrs: self.to_input(
                    g, h, sizes=x.type.shape[2:], **attrs
                ),
                lambda h, y, x, g, *, sizes, **attrs: self.forward(x, h, **attrs),
            ),
            kernel=self._emit_to_kernel,
            public=False,
            doc=f"The sum of each g times the window of x that {self.name} read for it.",
            formula="w = Σ g x over all windows",
            derivative=f"each g times the cotangent, at its window's places, and {self.name}",
            example=f"g = grad(sum({self.name}(x, w)), w)",
        )

    # --- upwards ---------------------------------------------------------------------------------

    def _spread_sizes(self, x: TensorType, w: TensorType, attrs: dict[str, Any]) -> Shape:
        extra = one_each(attrs["extra"], self.rank, "extra", 0)
        return _read(w.shape, self.rank, attrs).spread(x.shape[2:], extra)

    def _transposed_type(self, x: TensorType, w: TensorType, **attrs: Any) -> TensorType:
        name = f"conv_transpose{self.rank}d"
        check_images(x, self.rank, name)
        check_images(w, self.rank, name, 1)
        _check_groups(x.shape[1], attrs["groups"], x, 0)
        if w.shape[0] != x.shape[1]:
            raise Fault(
                "E0201",
                f"'{name}' of {x} needs a kernel from {x.shape[1]} channels, and {w} is from "
                f"{w.shape[0]}",
                operand=1,
                help="here a kernel is [channels in, channels out / groups, …]",
            )
        sizes = self._spread_sizes(x, w, attrs)
        return x.with_shape((x.shape[0], w.shape[1] * attrs["groups"], *sizes))

    def _to_input_of(self, x: Expr, w: Expr, **attrs: Any) -> Expr:
        sizes = self._spread_sizes(x.type, w.type, attrs)
        del attrs["extra"]
        return self.to_input(x, w, sizes=sizes, **attrs)

    def _transposed(self) -> Op:
        return Op(
            name=f"conv_transpose{self.rank}d",
            operands=("x", "w"),
            infer=self._transposed_type,
            attributes={**_WAYS, "extra": Attribute("ints", 0, "places added at the end")},
            promotion="float",
            vjp=(
                lambda g, y, x, w, *, extra, **attrs: self.forward(g, w, **attrs),
                lambda g, y, x, w, *, extra, **attrs: self.to_kernel(
                    g, x, sizes=w.type.shape[2:], **attrs
                ),
            ),
            decompose=self._to_input_of,
            doc=f"The transpose of {self.name}: each element of x spreads a kernel of w "
            f"[in, out / groups, {_AXES[self.rank]}] (Zeiler et al., 2010).",
            formula="yᵢ = Σ x w over the windows that hold i",
            derivative=f"{self.name}(g, w) for x; for w the sum of x times the windows of g",
            example=f"y = conv_transpose{self.rank}d(x, w, stride = 2)",
        )


_AXES = {1: "width", 2: "height, width"}
_FORMULAS = {1: "y[n, o, i] = Σ w[o, c, k] x[n, c, i s + k]"}
_FORMULAS[2] = "y[n, o, i, j] = Σ w[o, c, k, l] x[n, c, i s + k, j s + l]"


def _kernel(k: KernelCall, position: int) -> str:
    """The operand in C order."""
    if k.contiguous[position]:
        return k.args[position]
    made = k.scratch(k.types[position].shape, k.types[position].dtype)
    k.emit(f"copyto({made}, {k.args[position]})")
    return made


def _channels_first(k: KernelCall, position: int) -> str:
    """The operand `[N, C, …]` as `[C, N, …]`, in C order."""
    rows, channels, *sizes = k.types[position].shape
    made = k.scratch((channels, rows, *sizes), k.types[position].dtype)
    k.emit(f"copyto({made}, {k.view(k.args[position], '.swapaxes(0, 1)')})")
    return made


def _shaped(k: KernelCall, name: str, shape: tuple[int, int, int]) -> str:
    """A view of one matrix for each group, or as one matrix if there is one group."""
    return k.view(name, f".reshape({shape[1:] if shape[0] == 1 else shape})")


def _swap(groups: int) -> str:
    return ".T" if groups == 1 else ".swapaxes(1, 2)"


def _emit_product(k: KernelCall, a: str, b: str, out: str) -> None:
    """One product, or one for each group."""
    k.emit(f"{'dot' if k.attrs['groups'] == 1 else 'matmul'}({a}, {b}, {out})")


_ONE, _TWO = _Family(1), _Family(2)
conv1d, conv_transpose1d = _ONE.forward, _ONE.transposed
conv2d, conv_transpose2d = _TWO.forward, _TWO.transposed
