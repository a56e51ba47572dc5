"""The cases of `sweep` beside JAX in f64: values, gradients, and gradients of gradients."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType
from ops.sweep import CASES, Case
from ops.test_sweep import Tape

jax = pytest.importorskip("jax", reason="jax, the reference, is not installed")
jnp = jax.numpy

from ops.jax_functions import FUNCTIONS  # noqa: E402 -- they need jax
from ops.jax_numpy import evaluate  # noqa: E402


def _cases(name: str) -> list[Case]:
    found = [c for c in CASES if c.op == name and all(x.size for x in c.operands)]
    assert found
    return found


def _function(case: Case) -> Callable[..., Any]:
    """JAX's function of the operands that are floats."""
    attrs = {
        name: np.float64 if spec.kind == "dtype" else spec.default
        for name, spec in OPS[case.op].attributes.items()
    }

    def call(*floats: Any) -> Any:
        operands = list(case.operands)
        for place, x in zip(case.floats(), floats, strict=True):
            operands[place] = x
        return FUNCTIONS[case.op](*operands, **attrs | case.attrs)

    return call


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values(name: str) -> None:
    for case in _cases(name)[-2:]:
        tape = Tape(case, DType.f64)
        floats = [jnp.asarray(case.operands[i]) for i in case.floats()]
        close(tape.value(tape.y), _function(case)(*floats), case)


def check_derivatives(case: Case) -> None:
    """Gradients of <g, y>, and of the product of those with random directions."""
    call, tape = _function(case), Tape(case, DType.f64)
    floats = [case.operands[i] for i in case.floats()]
    which = tuple(range(len(floats)))
    found = tape.gradients(tape.product(tape.y, 1))
    (weights,) = tape.more.values()
    terms = [tape.product(gradient, key) for key, gradient in enumerate(found, 2)]
    total = functools.reduce(operator.add, terms)
    directions = list(tape.more.values())[1:]

    def both(floats: Any, weights: Any, directions: Any) -> Any:
        first = jax.grad(lambda *x: (call(*x) * weights).sum(), which)

        def along(*x: Any) -> Any:
            return sum((d * w).sum() for d, w in zip(first(*x), directions, strict=True))

        return [*first(*floats), *jax.grad(along, which)(*floats)]

    arguments = (floats, weights, directions)
    theirs = evaluate(jax.make_jaxpr(both)(*arguments), jax.tree.leaves(arguments))
    for ours, expected in zip([*found, *tape.gradients(total)], theirs, strict=True):
        close(tape.value(ours), expected, case)


DERIVABLE = [name for name in FUNCTIONS if OPS[name].vjp]


@pytest.mark.parametrize("name", DERIVABLE)
def test_derivatives(name: str) -> None:
    """Of some cases; the sweep at night takes them all."""
    cases = _cases(name)
    for case in [*cases[::7], cases[-1]]:
        check_derivatives(case)


@pytest.mark.nightly
@pytest.mark.parametrize("name", DERIVABLE)
def test_derivatives_of_every_case(name: str) -> None:
    for case in _cases(name):
        check_derivatives(case)


def close(ours: Any, theirs: Any, case: Case) -> None:
    """Within 1e-9 of the largest element."""
    theirs = np.asarray(theirs)
    assert ours.shape == theirs.shape, case
    if theirs.dtype == bool:
        np.testing.assert_array_equal(ours, theirs)
        return
    scale = max(float(np.abs(theirs).max(initial=0)), 1e-3)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * scale, err_msg=str(case))
