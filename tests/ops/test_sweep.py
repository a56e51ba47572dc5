"""Every op on every case of `sweep`: values in both float types, and derivatives of first and
second order against differences."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from graphdsl.compiler.differentiate import sweep
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.kernel import Array
from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType
from ops.harness import Interpreter, apply, feed
from ops.sweep import CASES, Case, rng_of

BY_OP: dict[str, list[Case]] = defaultdict(list)
for _case in CASES:
    BY_OP[_case.op].append(_case)
DERIVABLE = {name: cases for name, cases in BY_OP.items() if OPS[name].vjp is not None}


def narrowed(x: Array) -> Array:
    """f32 for f64; whatever else it is stays."""
    return x.astype(np.float32) if x.dtype == np.float64 else x


class Tape:
    """An op in a graph, with the gradients of <g, y> and of <u, gradient> appended."""

    def __init__(self, case: Case, dtype: DType) -> None:
        self.case = case
        self.builder = Builder(dtype)
        narrow = narrowed if dtype is DType.f32 else np.asarray
        self.operands = [narrow(x) for x in case.operands]
        self.inputs = [feed(self.builder, x) for x in self.operands]
        attrs = dict(case.attrs)
        if "dtype" in OPS[case.op].attributes:
            attrs["dtype"] = dtype
        self.y = self.builder.apply(OPS[case.op], self.inputs, attrs)
        self.more: dict[int, Array] = {}

    def value(self, x: Expr, *operands: Array) -> Any:
        """A node's value, at other operands if they are given."""
        feeds = {e.id: v for e, v in zip(self.inputs, operands or self.operands, strict=True)}
        return Interpreter(self.builder, feeds | self.more, traced=False).value(x)

    def product(self, x: Expr, key: int) -> Expr:
        """The sum of a node's elements, each with a random weight."""
        weights = rng_of(str(self.case), key).standard_normal(self.value(x).shape)
        g = feed(self.builder, np.asarray(weights))
        self.more[g.id] = np.asarray(weights)
        return OPS["sum"](x * g)

    def gradients(self, of: Expr) -> list[Expr]:
        """The gradients with respect to all operands that are floats."""
        return sweep(self.builder, of, [self.inputs[i] for i in self.case.floats()])

    def check(self, of: Expr, found: list[Expr], tolerance: float, step: float) -> None:
        """Compare gradients with central differences along a random direction of each operand."""
        for position, gradient in zip(self.case.floats(), found, strict=True):
            x = self.operands[position]
            analytic = self.value(gradient)
            assert analytic.shape == x.shape
            direction = rng_of(str(self.case), position).standard_normal(x.shape)
            ends = []
            for sign in (1, -1):
                moved = list(self.operands)
                moved[position] = np.asarray(x + sign * step * direction)
                ends.append(self.value(of, *moved))
            numeric = (ends[0] - ends[1]) / (2 * step)
            scale = max(abs(numeric), float(np.abs(analytic * direction).sum()), 1e-3)
            error = abs((analytic * direction).sum() - numeric) / scale
            assert error < tolerance, f"{self.case}: operand {position}, {error:.1e}"


def test_there_are_many(record_property: Any) -> None:
    checked = 2 * len(CASES)
    record_property("cases", checked)
    print(f"{checked} cases of {len(BY_OP)} ops")
    assert checked >= 2000


@pytest.mark.parametrize("name", BY_OP)
def test_values(name: str) -> None:
    op = OPS[name]
    for case in BY_OP[name]:
        exact = Tape(case, DType.f64)
        y = exact.value(exact.y)
        if case.expected is not None:
            expected = np.asarray(case.expected(*case.operands))
            np.testing.assert_allclose(y, expected, 1e-11, 1e-12, err_msg=str(case))
            assert y.shape == expected.shape, case
        single = Tape(case, DType.f32)
        found = single.value(single.y)
        assert found.dtype == narrowed(y).dtype
        if y.dtype.kind != "f" or not y.size:
            np.testing.assert_array_equal(found.shape, y.shape)
            continue
        wide = Tape(_rounded(case), DType.f64)
        y = wide.value(wide.y)
        error = np.abs(found.astype(np.float64) - y)
        if op.elementwise:
            spacing = np.spacing(np.abs(y).astype(np.float32)).astype(np.float64)
            assert (error / spacing).max() <= 4, case
        else:
            n = sum(x.size for x in case.operands) + 8
            limit = n * np.finfo(np.float32).eps * max(np.abs(y).max(), _scale(case))
            assert error.max() <= limit, case


@pytest.mark.parametrize("name", [name for name in BY_OP if OPS[name].elementwise])
def test_single_precision(name: str) -> None:
    """Within 4 ulps of f64 at 20,000 points of the domain."""
    op, rng = OPS[name], rng_of(name)
    operands: list[Array] = []
    for position, operand in enumerate(op.operands):
        low, high = op.domain[min(position, len(op.domain) - 1)]
        x = rng.uniform(low, high, 20_000).astype(np.float32)
        truth = operand == "condition" or name.startswith("logical")
        operands.append(x > 0 if truth else x)
    found = apply(op, *operands)
    exact = apply(op, *(x if x.dtype == bool else x.astype(np.float64) for x in operands))
    if found.dtype == bool:
        np.testing.assert_array_equal(found, exact)
        return
    spacing = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    assert (np.abs(found - exact) / spacing).max() <= 4


def _rounded(case: Case) -> Case:
    """The case with the operands that f32 has."""
    operands = tuple(narrowed(x).astype(x.dtype) for x in case.operands)
    return Case(case.op, operands, case.attrs)


def _scale(case: Case) -> float:
    return max((float(np.abs(x).max()) for x in case.operands if x.size), default=1.0)


def _first(case: Case) -> tuple[Tape, Expr, list[Expr]]:
    tape = Tape(case, DType.f64)
    of = tape.product(tape.y, 1)
    return tape, of, tape.gradients(of)


@pytest.mark.parametrize("name", DERIVABLE)
def test_gradients(name: str) -> None:
    for case in DERIVABLE[name]:
        if all(x.size for x in case.operands):
            tape, of, found = _first(case)
            tape.check(of, found, 1e-6, 1e-5)


def _check_second(case: Case) -> None:
    tape, _, found = _first(case)
    of = None
    for key, gradient in enumerate(found, 2):
        term = tape.product(gradient, key)
        of = term if of is None else of + term
    assert of is not None
    tape.check(of, tape.gradients(of), 1e-4, 1e-5)


@pytest.mark.parametrize("name", DERIVABLE)
def test_second_order(name: str) -> None:
    """Every fifth case of an op; the sweep at night takes them all."""
    for case in [c for c in DERIVABLE[name] if all(x.size for x in c.operands)][1::5]:
        _check_second(case)


@pytest.mark.nightly
@pytest.mark.parametrize("name", DERIVABLE)
def test_second_order_of_every_case(name: str) -> None:
    for case in DERIVABLE[name]:
        if all(x.size for x in case.operands):
            _check_second(case)
