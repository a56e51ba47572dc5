"""Windows as an axis of their own, and what is made of each: its largest, its mean."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

from graphdsl.graph.build import Expr
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Shape
from graphdsl.graph.types import TensorType
from graphdsl.ops.comparison import equal
from graphdsl.ops.conversion import cast
from graphdsl.ops.extrema import max_
from graphdsl.ops.largest import window_max, window_max_to_input
from graphdsl.ops.reduction import mean, sum_
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
_POOLING = {"size": _SIZE, "stride": _STEP, "padding": WINDOW["padding"]}
_AXES = {1: ("length",), 2: ("height", "width")}
_EXAMPLE = {1: "[8]", 2: "[8, 8]"}


def _read(rank: int, attrs: dict[str, Any]) -> Windows:
    kernel = window_lengths(attrs["size"], rank)
    return windows(kernel, attrs["stride"], attrs["padding"], attrs["dilation"], rank)


class _Family:
    """Windows of one rank: taken apart, and added up again."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.fold = declare(self._fold())
        self.patches = declare(self._patches())
        self.to_largest = declare(self._to_largest())

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

    def _spread_type(self, g: TensorType, x: TensorType, **attrs: Any) -> TensorType:
        name = f"max_pool{self.rank}d_to_input"
        wanted = _pooled(x, name, self.rank, attrs, operand=1).shape
        if g.shape != wanted:
            sizes = ", ".join(map(str, wanted))
            message = f"'{name}' needs one number for each window of {x}, [{sizes}], not {g}"
            raise Fault("E0201", message, operand=0)
        return x

    def _spread(self, g: Expr, x: Expr, **attrs: Any) -> Expr:
        windows, last = astuple(_read(self.rank, _sliding(attrs))), rows_last(x)
        found = window_max(last, windows=windows)
        return rows_first(window_max_to_input(rows_last(g), found, last, windows=windows))

    def _gathered(self, h: Expr, x: Expr, **attrs: Any) -> Expr:
        """The mean of h where the largest of each window are."""
        plain = _sliding(attrs)
        windows = self.patches(x, value=-math.inf, **plain)
        hits = cast(equal(windows, max_(windows, axis=2, keepdims=True)), dtype=x.type.dtype)
        return sum_(hits * self.patches(h, **plain), axis=2) / sum_(hits, axis=2)

    def _to_largest(self) -> Op:
        name = f"max_pool{self.rank}d"
        return Op(
            name=f"{name}_to_input",
            operands=("g", "x"),
            infer=self._spread_type,
            attributes=_POOLING,
            promotion="float",
            vjp=(lambda h, y, g, x, **attrs: self._gathered(h, x, **attrs), None),
            decompose=self._spread,
            doc=f"Each g added where x [N, C, {', '.join(_AXES[self.rank])}] is the largest of its "
            "window, in equal parts where several are.",
            formula="yᵢ = Σ g / n over the windows whose largest xᵢ is, one of n",
            derivative=f"for g, the mean of the cotangent where {name} found its results",
            example=f"y = {name}_to_input({name}(x, 2), x, size = 2)",
        )


@dataclass(frozen=True, slots=True)
class _Pooling:
    """What a pooling makes of each window. The functions are given its family."""

    name: str
    decompose: Callable[..., Expr]
    vjp: Callable[..., Expr]
    doc: str
    formula: str
    derivative: str

    def declare(self, family: _Family) -> Op:
        """The op of one rank, entered into the table."""
        name = f"{self.name}_pool{family.rank}d"

        def infer(x: TensorType, **attrs: Any) -> TensorType:
            return _pooled(x, name, family.rank, attrs)

        def decompose(x: Expr, **attrs: Any) -> Expr:
            return self.decompose(family, x, **attrs)

        def vjp(g: Expr, y: Expr, x: Expr, **attrs: Any) -> Expr:
            return self.vjp(family, g, y, x, **attrs)

        return declare(
            Op(
                name=name,
                operands=("x",),
                infer=infer,
                attributes=_POOLING,
                promotion="float",
                vjp=(vjp,),
                decompose=decompose,
                doc=self.doc,
                formula=self.formula,
                derivative=self.derivative,
                example=f"y = {name}(x, size = 2)",
            )
        )


def _pooled(
    x: TensorType, name: str, rank: int, attrs: dict[str, Any], operand: int = 0
) -> TensorType:
    """The type of a pooling's result, x being that operand of the op."""
    check_images(x, rank, name, operand)
    w = _read(rank, _sliding(attrs))
    if any(2 * p > n for p, n in zip(w.padding, w.kernel, strict=True)):
        message = f"'{name}' pads by at most half a window of {list(w.kernel)}"
        raise Fault("E0216", message, attribute="padding")
    return x.with_shape((*x.shape[:2], *w.sizes(x.shape[2:], operand)))


def _largest(family: _Family, x: Expr, **attrs: Any) -> Expr:
    windows = astuple(_read(family.rank, _sliding(attrs)))
    return rows_first(window_max(rows_last(x), windows=windows))


def _largest_vjp(family: _Family, g: Expr, y: Expr, x: Expr, **attrs: Any) -> Expr:
    return family.to_largest(g, x, **attrs)


def _mean(family: _Family, x: Expr, **attrs: Any) -> Expr:
    return mean(family.patches(x, **_sliding(attrs)), axis=2)


def _mean_vjp(family: _Family, g: Expr, y: Expr, x: Expr, **attrs: Any) -> Expr:
    plain = _sliding(attrs)
    assert isinstance(mean.vjp, tuple)
    assert mean.vjp[0] is not None
    part = mean.vjp[0](g, y, family.patches(x, **plain), axis=2, keepdims=False)
    return family.fold(part, sizes=x.type.shape[2:], **plain)


_MAX = _Pooling(
    "max",
    _largest,
    _largest_vjp,
    "The largest element of each window; nan where there is one.",
    "max over a window",
    "g to the largest, in equal parts where several are",
)
_AVG = _Pooling(
    "avg",
    _mean,
    _mean_vjp,
    "The mean of each window; what is added on both sides counts as 0.",
    "Σ x / n over a window",
    "g / n for every element of the window",
)


def _sliding(attrs: dict[str, Any]) -> dict[str, Any]:
    """A pooling's attributes as those of its windows, which lie side by side if not told."""
    stride: Ints = attrs["size"] if attrs["stride"] is None else attrs["stride"]
    return {**attrs, "stride": stride, "dilation": 1}


_ONE, _TWO = _Family(1), _Family(2)
patches1d, fold1d, max_pool1d_to_input = _ONE.patches, _ONE.fold, _ONE.to_largest
max_pool1d, avg_pool1d = (pooling.declare(_ONE) for pooling in (_MAX, _AVG))
patches2d, fold2d, max_pool2d_to_input = _TWO.patches, _TWO.fold, _TWO.to_largest
max_pool2d, avg_pool2d = (pooling.declare(_TWO) for pooling in (_MAX, _AVG))
