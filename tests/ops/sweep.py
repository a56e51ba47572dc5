"""Cases for every op: operands drawn from its domain, broadcast in every pattern, reduced over
every choice of axes. `CASES` is what `test_sweep` and `test_jax` go through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

import graphdsl.ops  # noqa: F401
from graphdsl.graph.kernel import Array
from graphdsl.graph.op import OPS, Op
from ops.cases import Case as Case
from ops.cases import rng_of as rng_of
from ops.sweep_algebra import algebra
from ops.sweep_layers import convolutions, makers, normalisations, pools

SHAPES: tuple[tuple[int, ...], ...] = ((), (5,), (3, 4), (2, 1, 3), (0, 4))
PATTERNS: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((), ()),
    ((4,), (4,)),
    ((3, 4), (4,)),
    ((4,), (3, 4)),
    ((3, 1), (1, 4)),
    ((), (2, 3)),
    ((2, 3), ()),
    ((2, 1, 3), (4, 1)),
    ((1,), (5,)),
    ((0, 4), (1, 4)),
)
AXES: tuple[tuple[tuple[int, ...], Any], ...] = (
    ((5,), None),
    ((3, 4), None),
    ((3, 4), 0),
    ((3, 4), -1),
    ((3, 4), ()),
    ((2, 3, 4), (0, 1)),
    ((2, 3, 4), (1, 2)),
    ((2, 3, 4), 1),
    ((2, 3, 4), (0, -1)),
    ((2, 3, 4), (2, 0, 1)),
    ((1, 4), 0),
    ((4, 1), 0),
    ((1, 1), None),
    ((), None),
)


def elementwise(op: Op) -> Iterator[Case]:
    """An elementwise op in every shape, or every pattern of broadcasting."""
    for pattern in [(s,) for s in SHAPES] if len(op.operands) == 1 else PATTERNS:
        rng = rng_of(op.name, pattern)
        operands = []
        for i, name in enumerate(op.operands):
            low, high = op.domain[min(i, len(op.domain) - 1)]
            x = np.asarray(rng.uniform(low, high, pattern[min(i, len(pattern) - 1)]))
            truth = name == "condition" or op.name.startswith("logical")
            operands.append(np.asarray(x > 0) if truth else x)
        yield Case(op.name, tuple(operands))


def _norm(x: Array, ord: float, axis: Any, keepdims: bool) -> Any:
    if ord == 2:
        return np.sqrt((x * x).sum(axis, keepdims=keepdims))
    function = np.sum if ord == 1 else np.max
    return function(np.abs(x), axis=axis, keepdims=keepdims)


REDUCTIONS: dict[str, tuple[Any, dict[str, Any]]] = {
    "sum": (np.sum, {}),
    "mean": (np.mean, {}),
    "prod": (np.prod, {}),
    "max": (np.max, {}),
    "min": (np.min, {}),
    "logsumexp": (
        lambda x, **a: np.log(np.sum(np.exp(x), **a)),
        {},
    ),
    "var": (np.var, {"correction": 0}),
    "std": (np.std, {"correction": 0}),
    "norm": (lambda x, **a: _norm(x, 2, **a), {"ord": 2}),
    "norm ": (lambda x, **a: _norm(x, 1, **a), {"ord": 1}),
    "norm  ": (lambda x, **a: _norm(x, np.inf, **a), {"ord": np.inf}),
    "any": (np.any, {}),
    "all": (np.all, {}),
}


def reductions() -> Iterator[Case]:
    """Every reduction over every choice of axes."""
    for name, (function, more) in REDUCTIONS.items():
        for (shape, axis), keepdims in product(AXES, (False, True)):
            x = np.asarray(rng_of(name, shape, axis).uniform(-2, 2, shape))
            if name == "std":
                x = np.asarray(np.arange(x.size, dtype=float).reshape(shape) + x)
                if not x.size or x.size == 1 or axis == () or 1 in shape:
                    continue  # the root of 0 has no slope
            if name in ("any", "all"):
                x = np.asarray(x > 1)
            attrs = {"axis": axis, "keepdims": keepdims}
            given = dict(attrs)
            yield Case(
                name.strip(), (x,), {**attrs, **more}, lambda x, f=function, a=given: f(x, **a)
            )
    for name, (shape, axis) in product(("argmax", "argmin"), (((5,), 0), ((3, 4), 0), ((3, 4), 1))):
        x = rng_of(name, shape).uniform(-2, 2, shape)
        yield Case(name, (x,), {"axis": axis}, lambda x, n=name, a=axis: getattr(np, n)(x, axis=a))


def _directed(function: Any, axis: int, reverse: bool) -> Callable[[Array], Any]:
    def apply(x: Array) -> Any:
        turned = np.flip(x, axis) if reverse else x
        found = function(turned, axis)
        return np.flip(found, axis) if reverse else found

    return apply


def _recurrence(a: Array, b: Array) -> Any:
    y = np.array(b)
    for i in range(1, len(y)):
        y[i] += a[i] * y[i - 1]
    return y


ALONG: tuple[tuple[tuple[int, ...], int], ...] = (
    ((5,), 0),
    ((3, 4), 0),
    ((3, 4), -1),
    ((2, 3, 4), 1),
    ((1, 4), 0),
    ((3, 0), -1),
)


def along() -> Iterator[Case]:
    """What runs, sorts or turns along one axis."""
    for (shape, axis), turned in product(ALONG, (False, True)):
        x = rng_of(shape, axis).uniform(-2, 2, shape)
        run = {"axis": axis, "reverse": turned}
        yield Case("cumsum", (x,), run, _directed(np.cumsum, axis, turned))
        yield Case("cumprod", (x,), run, _directed(np.cumprod, axis, turned))
        zeros = np.where(x < 0, 0, x)
        yield Case("cumprod", (zeros,), run, _directed(np.cumprod, axis, turned))
        other = rng_of(axis, shape).uniform(-2, 2, shape)
        expected = _recurrence if axis == 0 and not turned else None
        yield Case("recurrence", (x, other), run, expected)
        order = {"axis": axis, "descending": turned}
        yield Case("sort", (x,), order, _directed(np.sort, axis, False) if not turned else None)
        yield Case("argsort", (x,), order, None if turned else _directed(np.argsort, axis, False))
        for k in (0, 1, 3):
            if k <= shape[axis]:
                yield Case("topk", (x,), {"axis": axis, "k": k})
                yield Case("argtopk", (x,), {"axis": axis, "k": k})
        shift = -2 if turned else 1
        yield Case(
            "roll",
            (x,),
            {"axis": axis, "shift": shift},
            lambda x, s=shift, a=axis: np.roll(x, s, a),
        )
        if shape[axis]:
            places = rng_of(shape).integers(0, shape[axis], shape)
            picked = {"axis": axis}
            yield Case(
                "take_along_axis",
                (x, places),
                picked,
                lambda x, i, a=axis: np.take_along_axis(x, i, a),
            )
            yield Case("add_along_axis", (x, places), {"axis": axis, "size": shape[axis]})
    for shape, axis in AXES:
        if shape:
            x = rng_of(shape, axis, 1).uniform(-2, 2, shape)
            yield Case("flip", (x,), {"axis": axis}, lambda x, a=axis: np.flip(x, a))
            if axis is None or (isinstance(axis, int) and x.shape[axis] > 1):
                for name in ("softmax", "log_softmax"):
                    yield Case(name, (x,), {"axis": axis})


def zeros_in_products() -> Iterator[Case]:
    """Products with none, one and more zeros in a row."""
    x = np.array([[1.5, -2.0, 3.0], [0.0, 2.0, -1.5], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]])
    for axis, keepdims in product((None, 0, 1), (False, True)):
        yield Case("prod", (x,), {"axis": axis, "keepdims": keepdims}, None)


def arranging() -> Iterator[Case]:
    """Shapes, repetitions, parts and joins."""
    x = rng_of("arranging").uniform(-2, 2, (4, 6))
    for reps in ((2,), (2, 1), (2, 3), (2, 1, 3), (0, 2), ()):
        yield Case("tile", (x,), {"reps": reps}, lambda x, r=reps: np.tile(x, r))
    for n, axis in product((0, 1, 3), (0, -1)):
        yield Case(
            "repeat_elements",
            (x,),
            {"n": n, "axis": axis},
            lambda x, n=n, a=axis: np.repeat(x, n, a),
        )
    for parts, axis in ((2, 0), (3, 1), (1, 0), (6, -1)):
        for index in range(parts):
            yield Case(
                "split",
                (x,),
                {"parts": parts, "index": index, "axis": axis},
                lambda x, p=parts, i=index, a=axis: np.split(x, p, a)[i],
            )
    for before, after, axis in product((0, 2), (0, 1), (0, -1)):
        widths = [(0, 0), (0, 0)]
        widths[axis] = (before, after)
        yield Case(
            "pad",
            (x,),
            {"before": before, "after": after, "axis": axis, "value": 0.5},
            lambda x, w=tuple(widths): np.pad(x, w, constant_values=0.5),
        )
    for axis in (0, 1):
        yield Case("concat", (x, 2 * x), {"axis": axis}, lambda *x, a=axis: np.concatenate(x, a))
        yield Case("stack", (x, 2 * x), {"axis": axis}, lambda *x, a=axis: np.stack(x, a))
        yield Case("expand", (x,), {"axis": axis}, lambda x, a=axis: np.expand_dims(x, a))
    yield Case("reshape", (x,), {"shape": (3, -1)}, lambda x: x.reshape(3, -1))
    yield Case("transpose", (x,), {}, np.transpose)
    yield Case("swap", (x,), {}, np.transpose)
    yield Case("vdot", (x, 2 * x), {}, np.vdot)
    yield Case("broadcast_to", (x,), {"shape": (2, 4, 6)}, lambda x: np.broadcast_to(x, (2, 4, 6)))


def losses() -> Iterator[Case]:
    """Losses of rows, gathers and scatters."""
    for rows, classes, smoothing in product(((), (3,), (2, 3)), (1, 4), (0.0, 0.1, 1.0)):
        rng = rng_of(rows, classes)
        z = rng.uniform(-3, 3, (*rows, classes))
        labels = np.asarray(rng.integers(0, classes, rows))
        p = rng.uniform(0.1, 1, z.shape)
        p = p / p.sum(-1, keepdims=True)
        for y in (labels, p):
            yield Case("cross_entropy", (z, y), {"smoothing": smoothing})
            if not smoothing:
                w = rng.uniform(0.5, 2, classes)
                yield Case("weighted_cross_entropy", (z, y, w))
        q = rng.uniform(0.1, 1, z.shape)
        yield Case("kl_div", (p, q), {}, lambda p, q: (p * np.log(p / q)).sum(-1))
    x = rng_of("gather").uniform(-2, 2, (5, 4))
    for axis, i in product((0, 1), (np.array([0, 3, -1, 0]), np.array([[1, 2], [3, 3]]))):
        yield Case("gather", (x, i), {"axis": axis}, lambda x, i, a=axis: np.take(x, i, a))
    yield Case("scatter_add", (x, np.array([0, 1, 1, 3, 0])), {"size": 4, "axis": 0})
    yield Case("scatter_add", (x, np.array([0, 1, 1, 2])), {"size": 3, "axis": 1})
    yield Case("take_along", (x, np.array([0, 1, 3, 2, 0])), {"axis": -1})
    yield Case("put_along", (x[:, 0], np.array([0, 1, 3, 2, 0])), {"size": 4, "axis": 1})
    for n in (1, 2, 3):
        yield Case("polygamma", (rng_of(n).uniform(0.2, 6, (3, 4)),), {"n": n})
    for a in PATTERNS:
        pair = tuple(rng_of(a, s).uniform(-2, 2, s) for s in a)
        if max(map(len, a)) and all(x.size for x in pair):
            yield Case("mse", tuple(map(np.asarray, pair)))
    yield Case("gelu", (x,), {"exact": True})
    for slope in (0.0, 0.3):
        yield Case("leaky_relu", (x,), {"slope": slope})
        yield Case("elu", (x,), {"alpha": 0.5 + slope})


def all_cases() -> list[Case]:
    """Every case, in a fixed order."""
    made = [case for op in OPS.values() if op.elementwise for case in elementwise(op)]
    families = (reductions, along, zeros_in_products, algebra, arranging, losses)
    for family in (*families, makers, normalisations, convolutions, pools):
        made += family()
    return made


CASES = all_cases()
"""Each is checked in f32 and in f64."""
