"""Windows as an axis of their own, and what is made of each: its largest, its mean."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
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


@dataclass(frozen=True, slots=True)
class _Summary:
    """What a pooling makes of each window, by an op that reduces an axis."""

    name: str
    reduce: Op
    added: float
    """What padding counts as."""
    doc: str
    formula: str
    derivative: str


_LARGEST = _Summary(
    "max",
    max_,
    -math.inf,
    "The largest element of each window.",
    "max over a window",
    "g to the largest, in equal parts where several are",
)
_MEAN = _Summary(
    "avg",
    mean,
    0.0,
    "The mean of each window; what is added on both sides counts as 0.",
    "Σ x / n over a window",
    "g / n for every element of the window",
)


@dataclass(frozen=True, slots=True)
class _Pool:
    """One pooling of one rank."""

    family: _Family
    summary: _Summary

    @property
    def name(self) -> str:
        return f"{self.summary.name}_pool{self.family.rank}d"

    def infer(self, x: TensorType, **attrs: Any) -> TensorType:
        """The type of the result."""
        check_images(x, self.family.rank, self.name)
        w = _read(self.family.rank, _sliding(attrs))
        if any(2 * p > n for p, n in zip(w.padding, w.kernel, strict=True)):
            message = f"'{self.name}' pads by at most half a window of {list(w.kernel)}"
            raise Fault("E0216", message, attribute="padding")
        return x.with_shape((*x.shape[:2], *w.sizes(x.shape[2:])))

    def decompose(self, x: Expr, **attrs: Any) -> Expr:
        """The windows, reduced."""
        return self.summary.reduce(self._windows(x, attrs), axis=2)

    def vjp(self, g: Expr, y: Expr, x: Expr, **attrs: Any) -> Expr:
        """The cotangent of the windows, folded."""
        rules = self.summary.reduce.vjp
        assert isinstance(rules, tuple)
        assert rules[0] is not None
        part = rules[0](g, y, self._windows(x, attrs), axis=2, keepdims=False)
        return self.family.fold(part, sizes=x.type.shape[2:], **_sliding(attrs))

    def _windows(self, x: Expr, attrs: dict[str, Any]) -> Expr:
        return self.family.patches(x, value=self.summary.added, **_sliding(attrs))

    def declare(self) -> Op:
        """The op, entered into the table."""
        return declare(
            Op(
                name=self.name,
                operands=("x",),
                infer=self.infer,
                attributes={"size": _SIZE, "stride": _STEP, "padding": WINDOW["padding"]},
                promotion="float",
                vjp=(self.vjp,),
                decompose=self.decompose,
                doc=self.summary.doc,
                formula=self.summary.formula,
                derivative=self.summary.derivative,
                example=f"y = {self.name}(x, size = 2)",
            )
        )


def _sliding(attrs: dict[str, Any]) -> dict[str, Any]:
    """A pooling's attributes as those of its windows, which lie side by side if not told."""
    stride: Ints = attrs["size"] if attrs["stride"] is None else attrs["stride"]
    return {**attrs, "stride": stride, "dilation": 1}


_ONE, _TWO = _Family(1), _Family(2)
patches1d, fold1d = _ONE.patches, _ONE.fold
max_pool1d, avg_pool1d = (_Pool(_ONE, summary).declare() for summary in (_LARGEST, _MEAN))
patches2d, fold2d = _TWO.patches, _TWO.fold
max_pool2d, avg_pool2d = (_Pool(_TWO, summary).declare() for summary in (_LARGEST, _MEAN))
