"""Ops on whole tensors: operands of each, and what NumPy makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphdsl.graph.kernel import Array

RNG = np.random.default_rng(0)
LABELS = np.array([2, 0, 1])


def draw(*shape: int) -> Array:
    """Values from -3 to 3."""
    return np.asarray(RNG.uniform(-3, 3, shape))


@dataclass
class Case:
    """An op on given operands; `expected` computes the result from the same operands."""

    op: str
    operands: tuple[Array, ...]
    expected: Callable[..., Any]
    attrs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        shapes = "x".join(str(list(x.shape)) for x in self.operands)
        return f"{self.op}-{shapes}-{self.attrs}"


def _softmax(x: Array, axis: Any = -1) -> Array:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Any:
    m = x.max(axis, keepdims=True)
    y = m + np.log(np.exp(x - m).sum(axis, keepdims=True))
    return y if keepdims else y.reshape(x.sum(axis).shape)


def cross_entropy(z: Array, y: Array) -> Any:
    """Of labels or of probabilities."""
    rows = np.log(_softmax(z))
    if y.dtype.kind == "f":
        return -(y * rows).sum(-1)
    return -np.take_along_axis(rows, y[..., None].astype(np.int64), -1)[..., 0]


def scatter(g: Array, indices: Array, size: int, axis: int) -> Array:
    """The rows of g added up where they belong."""
    y = np.zeros((*g.shape[:axis], size, *g.shape[axis + indices.ndim :]), g.dtype)
    np.add.at(y, (slice(None),) * axis + (indices,), g)
    return y


def _place(shape: tuple[int, ...], index: Any, g: Array) -> Array:
    y = np.zeros(shape, g.dtype)
    y[index] = g
    return y


def put(g: Array, indices: Array, size: int, axis: int) -> Array:
    """g in its places, 0 elsewhere."""
    y = np.zeros((*g.shape[:axis], size, *g.shape[axis:]), g.dtype)
    np.put_along_axis(y, np.expand_dims(indices, axis), np.expand_dims(g, axis), axis)
    return y


def mse(a: Array, b: Array) -> Any:
    """The mean square of each row."""
    squares = (a - b) ** 2
    return squares.reshape(len(squares), -1).mean(1)


REDUCTIONS: dict[str, Any] = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "logsumexp": lambda x, axis, keepdims: _logsumexp(x, axis, keepdims),
}
AXES = [((5,), None), ((3, 4), None), ((3, 4), 0), ((3, 4), -1), ((2, 3, 4), (0, 1))]
AXES += [((2, 3, 4), (1, 2)), ((2, 3, 4), 1), ((2, 3, 4), (0, 2)), ((2, 3, 4), (2, 0, 1))]
AXES += [((2, 3, 4), ()), ((1, 4), 0), ((4, 1), 1), ((4, 1), 0), ((1, 1), None)]


def reduction(name: str, shape: Any, axis: Any, keepdims: bool) -> Case:
    """A reduction of an array of this shape."""
    function = REDUCTIONS[name]
    return Case(
        name,
        (draw(*shape),),
        lambda x: function(x, axis=axis, keepdims=keepdims),
        {"axis": axis, "keepdims": keepdims},
    )


MATMULS = [((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 2)), ((3, 4), (4, 2)), ((2, 3, 4), (4,))]
MATMULS += [((2, 3, 4), (4, 2)), ((2, 3, 4), (2, 4, 5)), ((3, 4), (2, 4, 5)), ((4,), (2, 4, 5))]
MATMULS += [((2, 1, 3, 4), (5, 4, 2)), ((3, 0), (0, 2)), ((1, 3, 4), (2, 4, 1))]
whole = ("slice", None, None, None)
INDICES: list[tuple[tuple[int, ...], tuple[Any, ...], Any]] = [
    ((5,), (2,), 2),
    ((5, 3), (-1,), -1),
    ((5, 3), (whole, ("slice", 1, 3, None)), (slice(None), slice(1, 3))),
    ((5, 3), ("...", 0), (..., 0)),
    ((2, 3, 4), (1, "...", ("slice", None, None, -1)), (1, ..., slice(None, None, -1))),
    ((6,), (("slice", 4, 1, -2),), slice(4, 1, -2)),
    ((6,), (("slice", 4, 1, None),), slice(4, 1)),
]
CASES = [
    *(reduction(n, s, a, k) for n in REDUCTIONS for s, a in AXES for k in (False, True)),
    *(Case("matmul", (draw(*a), draw(*b)), np.matmul) for a, b in MATMULS),
    Case("vdot", (draw(3, 4), draw(3, 4)), lambda a, b: (a * b).sum()),
    Case("reshape", (draw(3, 4),), lambda x: x.reshape(2, 6), {"shape": (2, -1)}),
    Case("reshape", (draw(2, 1),), lambda x: x.reshape(2), {"shape": (2,)}),
    Case("expand", (draw(3, 4),), lambda x: x[:, None], {"axis": 1}),
    Case("expand", (draw(3, 4),), lambda x: x[..., None], {"axis": -1}),
    Case("squeeze", (draw(3, 1, 4),), lambda x: x[:, 0], {"axis": 1}),
    Case("transpose", (draw(2, 3, 4),), np.transpose),
    Case("transpose", (draw(2, 3, 4),), lambda x: x.transpose(2, 0, 1), {"axes": (2, 0, -2)}),
    Case("swap", (draw(3, 4),), lambda x: x.T),
    Case("swap", (draw(2, 3, 4),), lambda x: x.swapaxes(1, 2)),
    Case(
        "broadcast_to",
        (draw(3, 1),),
        lambda x: np.broadcast_to(x, (2, 3, 4)),
        {"shape": (2, 3, 4)},
    ),
    Case("concat", (draw(2, 3), draw(4, 3)), lambda *x: np.concatenate(x), {"axis": 0}),
    Case(
        "concat",
        (draw(2, 3), draw(2, 0), draw(2, 1)),
        lambda *x: np.concatenate(x, 1),
        {"axis": -1},
    ),
    Case("stack", (draw(2, 3), draw(2, 3)), lambda *x: np.stack(x), {}),
    Case("stack", (draw(2, 3), draw(2, 3)), lambda *x: np.stack(x, -1), {"axis": -1}),
    Case("stack", (draw(), draw()), lambda *x: np.stack(x), {}),
    *(
        Case("take_slice", (draw(*s),), lambda x, i=i: x[i], attrs)
        for s, i, attrs in (
            ((5, 3), (slice(1, 3),), {"shape": (2, 3), "start": (1, 0)}),
            ((5, 3), (slice(None), slice(2)), {"shape": (5, 2)}),
            (
                (6, 4),
                (slice(1, 6, 2), slice(2, 3)),
                {"shape": (3, 1), "start": (1, 2), "step": (2, 1)},
            ),
            ((6,), (slice(4, None, -2),), {"shape": (3,), "start": (4,), "step": (-2,)}),
            ((6,), (slice(0, 0),), {"shape": (0,), "start": (9,)}),
            ((), (), {"shape": ()}),
        )
    ),
    *(
        Case("put_slice", (draw(*s),), lambda g, i=i, o=o: _place(o, i, g), attrs | {"shape": o})
        for s, o, i, attrs in (
            ((2, 3), (5, 3), (slice(1, 3),), {"start": (1, 0)}),
            ((3, 1), (6, 4), (slice(1, 6, 2), slice(2, 3)), {"start": (1, 2), "step": (2, 1)}),
            ((3,), (6,), (slice(4, None, -2),), {"start": (4,), "step": (-2,)}),
            ((0,), (6,), (slice(0, 0),), {}),
            ((), (), (), {}),
        )
    ),
    Case("full", (draw(),), lambda v: np.full((2, 3), v), {"shape": (2, 3)}),
    *(Case("index", (draw(*s),), lambda x, i=i: x[i], {"items": items}) for s, items, i in INDICES),
    Case("gather", (draw(5, 3), np.array([4, 0, -5, 0])), lambda x, i: x[i]),
    Case("gather", (draw(5), np.array([[4, 0], [1, -1]], np.int32)), lambda x, i: x[i]),
    Case("gather", (draw(5, 3), np.array([[2, 0]])), lambda x, i: x[:, i], {"axis": -1}),
    Case("gather", (draw(5, 3), np.array(2)), lambda x, i: x[i]),
    Case("gather", (draw(5, 3), np.zeros(0, np.int64)), lambda x, i: x[i]),
    *(
        Case(
            "scatter_add",
            (draw(*shape), indices),
            lambda g, i, axis=axis: scatter(g, i, 5, axis),
            {"size": 5, "axis": axis},
        )
        for shape, indices, axis in (
            ((4, 2), np.array([4, 0, -5, 0]), 0),
            ((4, 3), np.array([4, 0, -5, 0]), 0),
            ((4,), np.array([4, 0, -1, 0], np.int32), 0),
            ((2, 2, 6), np.array([[4, 0], [0, -1]]), 0),
            ((3, 4), np.array([4, 0, -1, 0]), 1),
            ((3, 4, 2), np.array([4, 0, -1, 0]), 1),
            ((2,), np.array(3), 0),
            ((0, 2), np.zeros(0, np.int64), 0),
        )
    ),
    *(
        Case("take_along", (draw(*s), i), lambda x, i, a=a: picked(x, i, a), {"axis": a})
        for s, i, a in (
            ((3, 4), LABELS, -1),
            ((3, 4), np.array([2, 0, 1, 1], np.int32), 0),
            ((3, 2, 2), RNG.integers(0, 2, (3, 2)), 1),
            ((4,), np.array(3), 0),
            ((0, 4), np.zeros(0, np.int64), -1),
        )
    ),
    Case("put_along", (draw(3), LABELS), lambda g, i: put(g, i, 4, 1), {"size": 4, "axis": 1}),
    Case(
        "put_along",
        (draw(3, 2), RNG.integers(0, 4, (3, 2))),
        lambda g, i: put(g, i, 4, 1),
        {"size": 4, "axis": 1},
    ),
    *(
        Case(name, (draw(*s),), lambda x, f=f, a=a: f(x, a), {"axis": a})
        for name, f in (
            ("softmax", _softmax),
            ("log_softmax", lambda x, a: np.log(_softmax(x, a))),
        )
        for s, a in (((3, 4), -1), ((3, 4), 0), ((2, 3, 4), (1, 2)), ((5,), None))
    ),
    Case("cross_entropy", (draw(3, 4), LABELS), cross_entropy),
    Case("cross_entropy", (draw(3, 4), LABELS.astype(np.int32)), cross_entropy),
    Case("cross_entropy", (draw(2, 3, 4), RNG.integers(0, 4, (2, 3))), cross_entropy),
    Case("cross_entropy", (draw(4), np.array(1)), cross_entropy),
    Case("cross_entropy", (draw(3, 4), _softmax(draw(3, 4))), cross_entropy),
    Case("mse", (draw(3, 4), draw(3, 4)), mse),
    Case("mse", (draw(3), draw(3)), mse),
    Case("mse", (draw(3, 2, 4), draw(4)), mse),
]


def picked(x: Array, indices: Array, axis: int) -> Array:
    """The element of each row that its index names."""
    return np.take_along_axis(x, np.expand_dims(indices, axis).astype(np.int64), axis).squeeze(axis)
