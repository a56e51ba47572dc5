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
jax.config.update("jax_enable_x64", True)
jnp, nn, special = jax.numpy, jax.nn, jax.scipy.special

SAME = [
    "add",
    "exp",
    "exp2",
    "expm1",
    "log1p",
    "log2",
    "log10",
    "sin",
    "cos",
    "tan",
    "tanh",
    "sinh",
    "cosh",
    "abs",
    "sign",
    "floor",
    "ceil",
    "round",
    "trunc",
    "square",
    "sqrt",
    "cbrt",
    "reciprocal",
    "power",
    "maximum",
    "minimum",
    "where",
    "mod",
    "sum",
    "mean",
    "prod",
    "max",
    "min",
    "var",
    "std",
    "cumsum",
    "cumprod",
    "matmul",
    "dot",
    "outer",
    "trace",
    "diag",
    "tril",
    "triu",
    "sort",
    "argsort",
    "flip",
    "roll",
    "isnan",
    "isinf",
    "isfinite",
    "any",
    "all",
    "argmax",
    "argmin",
    "clip",
]
RENAMED = {
    "sub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "neg": "negative",
    "ln": "log",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "atan2": "arctan2",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "take_along_axis": "take_along_axis",
}
ACTIVATIONS = [
    "relu",
    "sigmoid",
    "softplus",
    "leaky_relu",
    "elu",
    "silu",
    "selu",
    "gelu",
    "mish",
    "relu6",
    "hard_sigmoid",
    "hard_tanh",
    "softmax",
    "log_softmax",
]


def _reversed(function: Any) -> Callable[..., Any]:
    def apply(x: Any, *, axis: int, reverse: bool) -> Any:
        turned = jnp.flip(x, axis) if reverse else x
        found = function(turned, axis=axis)
        return jnp.flip(found, axis) if reverse else found

    return apply


def _triangular(a: Any, b: Any, *, lower: bool) -> Any:
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2] if b.ndim > 1 else ())
    a = jnp.broadcast_to(a, (*batch, *a.shape[-2:]))
    columns = b[:, None] if b.ndim == 1 else b
    columns = jnp.broadcast_to(columns, (*batch, *columns.shape[-2:]))
    found = jax.scipy.linalg.solve_triangular(a, columns, lower=lower)
    return found[..., 0] if b.ndim == 1 else found


def _top(x: Any, *, k: int, axis: int) -> Any:
    return jnp.moveaxis(jax.lax.top_k(jnp.moveaxis(x, axis, -1), k)[0], -1, axis)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(jnp, name) for name in SAME},
    **{name: getattr(jnp, theirs) for name, theirs in RENAMED.items()},
    **{name: getattr(nn, name) for name in ACTIVATIONS},
    "softsign": nn.soft_sign,
    "rsqrt": jax.lax.rsqrt,
    "erf": special.erf,
    "erfc": special.erfc,
    "erfinv": special.erfinv,
    "normal_cdf": special.ndtr,
    "lgamma": special.gammaln,
    "digamma": special.digamma,
    "polygamma": lambda x, n: special.polygamma(n, x),
    "gelu": lambda x, exact: nn.gelu(x, approximate=not exact),
    "leaky_relu": lambda x, slope: nn.leaky_relu(x, slope),
    "elu": lambda x, alpha: nn.elu(x, alpha),
    "logsumexp": special.logsumexp,
    "norm": lambda x, ord, axis, keepdims: {
        1: lambda: jnp.abs(x).sum(axis, keepdims=keepdims),
        2: lambda: jnp.sqrt((x * x).sum(axis, keepdims=keepdims)),
    }.get(ord, lambda: jnp.abs(x).max(axis, keepdims=keepdims))(),
    "var": lambda x, correction, **a: jnp.var(x, **a),
    "std": lambda x, correction, **a: jnp.std(x, **a),
    "cumsum": _reversed(jnp.cumsum),
    "cumprod": _reversed(jnp.cumprod),
    "topk": _top,
    "einsum": lambda *x, equation: jnp.einsum(equation, *x),
    "trace": lambda x: jnp.trace(x, axis1=-2, axis2=-1),
    "diagonal": lambda x: jnp.diagonal(x, axis1=-2, axis2=-1),
    "tril": lambda x, diagonal: jnp.tril(x, diagonal),
    "triu": lambda x, diagonal: jnp.triu(x, diagonal),
    "inv": jnp.linalg.inv,
    "det": jnp.linalg.det,
    "logdet": lambda x: jnp.linalg.slogdet(x)[1],
    "cholesky": lambda x: jnp.linalg.cholesky((x + x.swapaxes(-1, -2)) / 2),
    "solve": jnp.linalg.solve,
    "triangular_solve": _triangular,
    "tile": lambda x, reps: jnp.tile(x, reps),
    "repeat_elements": lambda x, n, axis: jnp.repeat(x, n, axis),
    "gather": lambda x, i, axis: jnp.take(x, i, axis),
    "kl_div": lambda p, q: (p * jnp.log(p / q)).sum(-1),
}


def _attributes(case: Case) -> dict[str, Any]:
    attrs = {n: a.default for n, a in OPS[case.op].attributes.items() if a.kind != "dtype"}
    return attrs | case.attrs


def _cases(name: str) -> list[Case]:
    found = [c for c in CASES if c.op == name and all(x.size for x in c.operands)]
    assert found
    return found


def _function(case: Case) -> Callable[..., Any]:
    """JAX's function of the operands that are floats."""
    attrs = {n: a.default for n, a in OPS[case.op].attributes.items() if a.kind != "dtype"}

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


@pytest.mark.nightly
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if OPS[name].vjp])
def test_derivatives(name: str) -> None:
    for case in _cases(name):
        call, tape = _function(case), Tape(case, DType.f64)
        floats = [jnp.asarray(case.operands[i]) for i in case.floats()]
        which = tuple(range(len(floats)))
        found = tape.gradients(tape.product(tape.y, 1))
        (weights,) = tape.more.values()
        first = jax.grad(lambda *x, f=call, g=weights: (f(*x) * g).sum(), which)
        for ours, theirs in zip(found, first(*floats), strict=True):
            close(tape.value(ours), theirs, case)
        terms = [tape.product(gradient, key) for key, gradient in enumerate(found, 2)]
        total = functools.reduce(operator.add, terms)
        directions = list(tape.more.values())[1:]

        def along(*x: Any, first: Any = first, u: Any = directions) -> Any:
            return sum((d * w).sum() for d, w in zip(first(*x), u, strict=True))

        second = jax.grad(along, which)
        for ours, theirs in zip(tape.gradients(total), second(*floats), strict=True):
            close(tape.value(ours), theirs, case)


def close(ours: Any, theirs: Any, case: Case) -> None:
    """Within 1e-9 of the largest element."""
    theirs = np.asarray(theirs)
    assert ours.shape == theirs.shape, case
    if theirs.dtype == bool:
        np.testing.assert_array_equal(ours, theirs)
        return
    scale = max(float(np.abs(theirs).max(initial=0)), 1e-3)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * scale, err_msg=str(case))
