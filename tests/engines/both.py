"""Both engines on the same text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import graphdsl

Array = np.ndarray[Any, np.dtype[Any]]
ENGINES = ("numpy", "numba")

NET = """
dim N
input x: [N, 7]
input y: i64[N]
h = Dense(x, 33, act = gelu)
u = Dense(LayerNorm(h), 20, act = tanh)
z = Dense(Dropout(u, 0.2), 5)
loss J = mean(cross_entropy(z, y)) + 0.01 * l2("*")
metric accuracy = mean(argmax(z) == y)
output p = softmax(z)
train { optimizer = adam(lr = cosine(1e-2, warmup = 3)) }
"""

WIDE = """
dim N
input x: [N, 300]
input y: i64[N]
h = Dense(x, 400, act = relu)
z = Dense(h, 10)
loss J = mean(cross_entropy(z, y))
train { optimizer = adam(lr = 1e-3) }
"""


def run_both(text: str, dtype: str = "f32", **feeds: Any) -> list[dict[str, Array]]:
    """The results of a text by each engine."""
    return [graphdsl.loads(text, dtype=dtype, engine=engine).run(feeds) for engine in ENGINES]


def check_same(text: str, dtype: str = "f32", *, ulps: float = 4, **feeds: Any) -> None:
    """Both engines give the same, up to rounding relative to the largest element."""
    expected, found = run_both(text, dtype, **feeds)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert_near(found[name], value, ulps, name)


def assert_near(found: Array, expected: Array, ulps: float, name: str) -> None:
    assert found.shape == expected.shape, name
    assert found.dtype == expected.dtype, name
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected, err_msg=name)
        return
    with np.errstate(all="ignore"):
        size = np.abs(expected[np.isfinite(expected)]).max(initial=0)
        allowed = ulps * max(float(np.spacing(size)), 0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=allowed, err_msg=name)


def batch(rows: int) -> dict[str, Array]:
    rng = np.random.default_rng(7)
    return {"x": rng.normal(size=(rows, 7)), "y": rng.integers(0, 5, rows)}


def wide_batch() -> Mapping[str, Array]:
    rng = np.random.default_rng(8)
    return {"x": rng.normal(size=(200, 300)), "y": rng.integers(0, 10, 200)}
