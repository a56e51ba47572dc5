"""What JAX has traced and differentiated, run by NumPy: a jaxpr comes in, arrays go out.

JAX compiles every primitive anew for each combination of shapes, which takes a second for a small
random program; NumPy does not. A primitive without an entry in
`PRIMITIVES` is run by JAX itself.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal
from scipy import special

Rule = Callable[..., Any]


def evaluate(closed: ClosedJaxpr, args: Sequence[Any]) -> list[Any]:
    """The results of a jaxpr for these arguments."""
    return _run(closed.jaxpr, closed.consts, [np.asarray(x) for x in args])


def _run(jaxpr: Jaxpr, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    values: dict[Any, Any] = dict(zip(jaxpr.constvars, map(np.asarray, consts), strict=True))
    values |= zip(jaxpr.invars, args, strict=True)

    def read(atom: Any) -> Any:
        return np.asarray(atom.val, atom.aval.dtype) if isinstance(atom, Literal) else values[atom]

    for equation in jaxpr.eqns:
        found = _apply(equation, [read(atom) for atom in equation.invars])
        for variable, value in zip(equation.outvars, found, strict=True):
            values[variable] = np.asarray(value)
    return [read(atom) for atom in jaxpr.outvars]


def _apply(equation: Any, values: list[Any]) -> Sequence[Any]:
    name, params = equation.primitive.name, equation.params
    inner = params.get("jaxpr", params.get("call_jaxpr"))
    if isinstance(inner, ClosedJaxpr) and name in CALLS:
        return _run(inner.jaxpr, inner.consts, values)
    rule = PRIMITIVES.get(name)
    if rule is None:
        found = equation.primitive.bind(*map(jax.numpy.asarray, values), **params)
        return list(found) if equation.primitive.multiple_results else [found]
    with np.errstate(all="ignore"):
        found = rule(*values, **params)
    return found if isinstance(found, list) else [found]


CALLS = {"jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call"}


def _plain(function: Rule) -> Rule:
    """An elementwise function, whatever JAX's hints for compilers."""
    return lambda *x, **params: function(*x)


def _broadcast(x: Any, *, shape: Any, broadcast_dimensions: Any, **params: Any) -> Any:
    sizes = [1] * len(shape)
    for axis, size in zip(broadcast_dimensions, x.shape, strict=True):
        sizes[axis] = size
    return np.broadcast_to(x.reshape(sizes), shape)


def _slice(x: Any, *, start_indices: Any, limit_indices: Any, strides: Any) -> Any:
    steps = strides or (1,) * x.ndim
    return x[tuple(map(slice, start_indices, limit_indices, steps))]


def _pad(x: Any, value: Any, *, padding_config: Any) -> Any:
    for axis, (low, high, inner) in enumerate(padding_config):
        n = x.shape[axis]
        long = max(n + (n - 1) * inner, 0)
        spread = np.full((*x.shape[:axis], long, *x.shape[axis + 1 :]), value)
        spread[(slice(None),) * axis + (slice(None, None, inner + 1),)] = x
        widths = [(0, 0)] * x.ndim
        widths[axis] = (max(low, 0), max(high, 0))
        spread = np.pad(spread, widths, constant_values=value)
        end = spread.shape[axis] + min(high, 0)
        x = spread[(slice(None),) * axis + (slice(max(-low, 0), end),)]
    return x


def _dot(a: Any, b: Any, *, dimension_numbers: Any, **params: Any) -> Any:
    (inner_a, inner_b), (batch_a, batch_b) = dimension_numbers
    left = list(string.ascii_lowercase[: a.ndim])
    right = list(string.ascii_uppercase[: b.ndim])
    for i, j in (*zip(inner_a, inner_b, strict=True), *zip(batch_a, batch_b, strict=True)):
        right[j] = left[i]
    result = [left[i] for i in batch_a]
    result += [c for i, c in enumerate(left) if i not in (*batch_a, *inner_a)]
    result += [c for j, c in enumerate(right) if j not in (*batch_b, *inner_b)]
    return np.einsum(f"{''.join(left)},{''.join(right)}->{''.join(result)}", a, b)


def _sort(*x: Any, dimension: int, is_stable: bool, num_keys: int) -> Any:
    keys = [x[0]] if num_keys == 1 else list(reversed(x[:num_keys]))
    order = np.lexsort(keys, axis=dimension)
    return [np.take_along_axis(each, order, dimension) for each in x]


def _cumulative(ufunc: Any) -> Rule:
    def apply(x: Any, *, axis: int, reverse: bool) -> Any:
        turned = np.flip(x, axis) if reverse else x
        found = ufunc.accumulate(turned, axis)
        return np.flip(found, axis) if reverse else found

    return apply


def _reduce(ufunc: Any) -> Rule:
    return lambda x, *, axes, **params: ufunc.reduce(x, axis=axes)


def _select(which: Any, *cases: Any) -> Any:
    return np.choose(np.broadcast_to(which, cases[0].shape).astype(np.int64), cases)


def _power(x: Any, *, y: int) -> Any:
    return x**y if y >= 0 else 1 / x**-y


PLAIN: dict[str, Rule] = {
    "add_any": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": lambda a, b: a / b if a.dtype.kind == "f" else np.trunc(a / b).astype(a.dtype),
    "neg": np.negative,
    "max": np.maximum,
    "min": np.minimum,
    "rem": np.fmod,
    "pow": np.power,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": np.invert,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "is_finite": np.isfinite,
    "select_n": _select,
    "logistic": special.expit,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "erf": special.erf,
    "erfc": special.erfc,
    "erf_inv": special.erfinv,
    "lgamma": special.gammaln,
    "digamma": special.psi,
    "polygamma": special.polygamma,
    "copy": lambda x: x,
    "stop_gradient": lambda x: x,
    **{
        name: getattr(np, name)
        for name in [
            "add",
            "abs",
            "sign",
            "floor",
            "ceil",
            "exp",
            "exp2",
            "expm1",
            "log",
            "log1p",
            "sqrt",
            "cbrt",
            "square",
            "sin",
            "cos",
            "tan",
            "sinh",
            "cosh",
            "tanh",
        ]
    },
}
PRIMITIVES: dict[str, Rule] = {
    **{name: _plain(function) for name, function in PLAIN.items()},
    "round": lambda x, **params: np.round(x),
    "integer_pow": _power,
    "convert_element_type": lambda x, *, new_dtype, **params: x.astype(new_dtype),
    "broadcast_in_dim": _broadcast,
    "reshape": lambda x, *, new_sizes, dimensions, **params: x.transpose(
        dimensions or range(x.ndim)
    ).reshape(new_sizes),
    "squeeze": lambda x, *, dimensions: np.squeeze(x, dimensions),
    "expand_dims": lambda x, *, dimensions: np.expand_dims(x, dimensions),
    "transpose": lambda x, *, permutation: x.transpose(permutation),
    "rev": lambda x, *, dimensions: np.flip(x, dimensions),
    "stack": lambda *x, axis: np.stack(x, axis),
    "unstack": lambda x, *, axis: list(np.moveaxis(x, axis, 0)),
    "split": lambda x, *, sizes, axis: np.split(x, np.cumsum(sizes)[:-1], axis),
    "tile": lambda x, *, reps: np.tile(x, reps),
    "concatenate": lambda *x, dimension: np.concatenate(x, dimension),
    "slice": _slice,
    "pad": _pad,
    "iota": lambda *, dtype, shape, dimension, **params: _broadcast(
        np.arange(shape[dimension], dtype=dtype), shape=shape, broadcast_dimensions=(dimension,)
    ),
    "reduce_sum": _reduce(np.add),
    "reduce_prod": _reduce(np.multiply),
    "reduce_max": _reduce(np.maximum),
    "reduce_min": _reduce(np.minimum),
    "reduce_and": _reduce(np.logical_and),
    "reduce_or": _reduce(np.logical_or),
    "argmax": lambda x, *, axes, index_dtype: np.argmax(x, axes[0]).astype(index_dtype),
    "argmin": lambda x, *, axes, index_dtype: np.argmin(x, axes[0]).astype(index_dtype),
    "cumsum": _cumulative(np.add),
    "cumprod": _cumulative(np.multiply),
    "sort": _sort,
    "dot_general": _dot,
}
