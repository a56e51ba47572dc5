"""Windows as an axis of their own, and what is made of each: its largest, its mean."""

from __future__ import annotations

import math
from dataclasses import astuple
from typing import Any

from graphdsl.graph.build import Expr
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Shape
from graphdsl.graph.types import TensorType
from graphdsl.ops.extrema import max_
from graphdsl.ops.reduction import mean
from graphdsl.ops.unfolding import refold, rows_first, rows_last, unfold
from graphdsl.ops.windows import (
    WINDOW,
    Ints,
    Windows,
    check_images,
    check_result_sizes,
    window_lengths,
    windows,
)

_SIZE = Attribute("ints", doc="a window's length; one number for all axes, or a list")
_STEP = Attribute("ints", None, "how far a window moves; its length if not given")
_PADDING = WINDOW["padding"]
_AXES = {1: ("length",), 2: ("height", "width")}
_EXAMPLE = {1: "[8]", 2: "[8, 8]"}


def _read(rank: int, attrs: dict[str, Any]) -> Windows:
    kernel = window_lengths(attrs["size"], rank)
    return windows(kernel, attrs["stride"], attrs["padding"], attrs["dilation"], rank)


class _Family:
    """The ops of one rank."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.fold = declare(self._fold())
        self.patches = declare(self._patches())
        self.max = declare(self._pool("max"))
        self.mean = declare(self._pool("avg"))

    def _patches_type(self, x: TensorType, *, value: float, **attrs: Any) -> TensorType:
        check_images(x, self.rank, f"patches{self.rank}d")
        w = _read(self.rank, attrs)
        return x.with_shape((*x.shape[:2], math.prod(w.kernel), *w.sizes(x.shape[2:])))

    def _unfold(self, x: Expr, *, value: float, **attrs: Any) -> Expr:
        w = _read(self.rank, attrs)
        return rows_first(unfold(rows_last(x), windows=astuple(w), value=value))

    def _patches(self) -> Op:
        name = f"patches{self.rank}d"
        return Op(
            name=name,
            operands=("x",),
            infer=self._patches_type,
            attributes={
                "size": _SIZE,
                **WINDOW,
                "value": Attribute("number", 0.0, "what is added on both sides"),
            },
            promotion="float",
            vjp=(lambda g, y, x, *, value, **attrs: self.fold(g, sizes=x.type.shape[2:], **attrs),),
            decompose=self._unfold,
            doc=f"The windows of x [N, C, {', '.join(_AXES[self.rank])}], a new axis 2 holding the "
            "places in a window: an unfolding, im2col.",
            formula="y[n, c, k, i] = x[n, c, i s + k]",
            derivative="each g added to the element that it was taken from",
            example=f"y = {name}(x, size = 3)",
        )

    def _fold_type(self, g: TensorType, *, sizes: Shape, **attrs: Any) -> TensorType:
        name = f"fold{self.rank}d"
        check_images(g, self.rank, name, between=["place"])
        w = _read(self.rank, attrs)
        wanted = (math.prod(w.kernel), *w.sizes(check_result_sizes(sizes, self.rank)))
        if g.shape[2:] != wanted:
            windows = f"[…, {', '.join(map(str, wanted))}]"
            message = f"'{name}' into {list(sizes)} needs windows {windows}, and found {g}"
            raise Fault("E0201", message, operand=0)
        return g.with_shape((*g.shape[:2], *sizes))

    def _refold(self, g: Expr, *, sizes: Shape, **attrs: Any) -> Expr:
        w = _read(self.rank, attrs)
        return rows_first(refold(rows_last(g), windows=astuple(w), sizes=sizes))

    def _fold(self) -> Op:
        return Op(
            name=f"fold{self.rank}d",
            operands=("g",),
            infer=self._fold_type,
            attributes={
                "size": _SIZE,
                "sizes": Attribute("sizes", doc="the last sizes of the result"),
                **WINDOW,
            },
            promotion="float",
            vjp=(lambda h, y, g, *, sizes, **attrs: self.patches(h, **attrs),),
            decompose=self._refold,
            doc=f"The windows of g [N, C, place, {', '.join(_AXES[self.rank])}] added up where "
            "their elements stand: a folding, col2im.",
            formula="xᵢ = Σ g over the windows that hold i",
            derivative="its windows",
            example=f"y = fold{self.rank}d(g, 3, {_EXAMPLE[self.rank]})",
        )

    def _pool(self, kind: str) -> Op:
        name, largest = f"{kind}_pool{self.rank}d", kind == "max"

        def attributes(attrs: dict[str, Any]) -> dict[str, Any]:
            stride: Ints = attrs["size"] if attrs["stride"] is None else attrs["stride"]
            return {**attrs, "stride": stride, "dilation": 1}

        def infer(x: TensorType, **attrs: Any) -> TensorType:
            check_images(x, self.rank, name)
            w = _read(self.rank, attributes(attrs))
            if any(2 * p > n for p, n in zip(w.padding, w.kernel, strict=True)):
                message = f"'{name}' pads by at most half a window of {list(w.kernel)}"
                raise Fault("E0216", message, attribute="padding")
            return x.with_shape((*x.shape[:2], *w.sizes(x.shape[2:])))

        def pooled(x: Expr, **attrs: Any) -> Expr:
            value = -math.inf if largest else 0.0
            found = self.patches(x, value=value, **attributes(attrs))
            return (max_ if largest else mean)(found, axis=2)

        def vjp(g: Expr, y: Expr, x: Expr, **attrs: Any) -> Expr:
            every = attributes(attrs)
            found = self.patches(x, value=-math.inf if largest else 0.0, **every)
            rule = (max_ if largest else mean).vjp
            assert isinstance(rule, tuple)
            assert rule[0] is not None
            part = rule[0](g, y, found, axis=2, keepdims=False)
            return self.fold(part, sizes=x.type.shape[2:], **every)

        return Op(
            name=name,
            operands=("x",),
            infer=infer,
            attributes={"size": _SIZE, "stride": _STEP, "padding": _PADDING},
            promotion="float",
            vjp=(vjp,),
            decompose=pooled,
            doc="The largest element of each window."
            if largest
            else "The mean of each window; what is added on both sides counts as 0.",
            formula="max over a window" if largest else "Σ x / n over a window",
            derivative="g to the largest, in equal parts where several are"
            if largest
            else "g / n for every element of the window",
            example=f"y = {name}(x, size = 2)",
        )


_ONE, _TWO = _Family(1), _Family(2)
patches1d, fold1d = _ONE.patches, _ONE.fold
max_pool1d, avg_pool1d = _ONE.max, _ONE.mean
patches2d, fold2d = _TWO.patches, _TWO.fold
max_pool2d, avg_pool2d = _TWO.max, _TWO.mean
