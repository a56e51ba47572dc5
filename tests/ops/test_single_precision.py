"""Elementwise ops in f32 beside themselves in f64: within 4 ulps over the whole range of f32."""

from __future__ import annotations

import numpy as np
import pytest

from graphdsl.graph.kernel import Array
from graphdsl.graph.op import OPS, Op
from ops.cases import rng_of
from ops.harness import apply

MOST = 4
"""Ulps that a result may be off."""
STEP = 16411
"""Every how many-th f32 is tried: a prime, so that all last bits come."""
MORE = [("gelu", {"exact": True}), ("polygamma", {"n": 1}), ("polygamma", {"n": 2})]


def ulps(found: Array, exact: Array) -> Array:
    """How far results in f32 are from those in f64; beyond the largest f32 stands its successor."""
    top = 2.0**128
    y, wanted = np.clip(found.astype(np.float64), -top, top), np.clip(exact, -top, top)
    with np.errstate(over="ignore"):
        spacing = np.spacing(np.abs(np.clip(exact, -top / 2, top / 2)).astype(np.float32))
    off = np.abs(y - wanted) / spacing.astype(np.float64)
    unlike = np.isnan(y) != np.isnan(wanted)
    return np.asarray(np.where(unlike, np.inf, np.where(np.isnan(wanted), 0, off)))


def numbers(step: int) -> Array:
    """Every `step`-th f32, infinities and nans among them, and those at the ends of the range."""
    some = np.arange(0, 2**32, step, np.uint64)
    ends = np.array([0, 1, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x7F800000, 0x7FC00000], np.uint64)
    return np.concatenate([some, ends, ends + 2**31]).astype(np.uint32).view(np.float32)


def floats(op: Op) -> bool:
    """Whether an op of one operand gives floats."""
    return len(op.operands) == 1 and op.infer.__name__ != "truth" and "not" not in op.name


UNARY = [(op.name, {}) for op in OPS.values() if op.elementwise and floats(op)]


@pytest.mark.parametrize(("name", "attrs"), UNARY + MORE, ids=str)
def test_over_the_whole_range(name: str, attrs: dict[str, object]) -> None:
    x = numbers(STEP)
    with np.errstate(all="ignore"):
        found = apply(name, x, **attrs)
        exact = apply(name, x.astype(np.float64), **attrs)
        off = ulps(found, exact)
    worst = off.argmax()
    assert off[worst] <= MOST, f"{off[worst]} ulps at {x[worst]!r}: {found[worst]}, {exact[worst]}"


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "power", "atan2", "mod"])
def test_pairs(name: str) -> None:
    """Of all signs and sizes, and near one another."""
    rng = rng_of(name)
    a, b = rng.integers(0, 2**32, (2, 100_000), np.uint32).view(np.float32)
    near = rng.uniform(0.2, 4, (2, 100_000)).astype(np.float32)
    a, b = np.concatenate([a, near[0]]), np.concatenate([b, near[1]])
    with np.errstate(all="ignore"):
        found = apply(name, a, b)
        exact = apply(name, a.astype(np.float64), b.astype(np.float64))
        off = ulps(found, exact)
    worst = off.argmax()
    assert off[worst] <= MOST, f"{off[worst]} ulps at {a[worst]!r}, {b[worst]!r}"
