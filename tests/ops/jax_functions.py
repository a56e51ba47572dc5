"""Every op in the words of JAX: `FUNCTIONS` takes operands by position, attributes by keyword.

Nothing of the project's numerics is used here. Where JAX has no function of its own, the formula
of a textbook is written out in `jax.numpy`; the sums of products are JAX's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn
from jax.scipy import special

from ops.jax_names import ACTIVATIONS, RENAMED, SAME
from ops.jax_windows import (
    conv,
    conv_transpose,
    fold,
    patches,
    pool,
    to_input,
    to_kernel,
    to_largest,
)

jax.config.update("jax_enable_x64", True)

Function = Callable[..., Any]


def _reversed(function: Function) -> Function:
    def apply(x: Any, *, axis: int, reverse: bool) -> Any:
        turned = jnp.flip(x, axis) if reverse else x
        found = function(turned, axis=axis)
        return jnp.flip(found, axis) if reverse else found

    return apply


def _recurrence(a: Any, b: Any, *, axis: int, reverse: bool) -> Any:
    a, b = (jnp.moveaxis(x, axis, 0) for x in (a, b))
    order = range(len(a))[::-1] if reverse else range(len(a))
    rows: dict[int, Any] = {}
    before = None
    for i in order:
        rows[i] = b[i] if before is None else a[i] * before + b[i]
        before = rows[i]
    return jnp.moveaxis(jnp.stack([rows[i] for i in range(len(a))]), 0, axis) if rows else b


def _norm(x: Any, *, ord: float, axis: Any, keepdims: bool) -> Any:
    if ord == 2:
        return jnp.sqrt((x * x).sum(axis, keepdims=keepdims))
    reduce = jnp.sum if ord == 1 else jnp.max
    return reduce(jnp.abs(x), axis=axis, keepdims=keepdims)


def _triangular(a: Any, b: Any, *, lower: bool) -> Any:
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2] if b.ndim > 1 else ())
    a = jnp.broadcast_to(a, (*batch, *a.shape[-2:]))
    columns = b[:, None] if b.ndim == 1 else b
    columns = jnp.broadcast_to(columns, (*batch, *columns.shape[-2:]))
    found = jax.scipy.linalg.solve_triangular(a, columns, lower=lower)
    return found[..., 0] if b.ndim == 1 else found


def _top(x: Any, *, k: int, axis: int, pick: int = 0) -> Any:
    return jnp.moveaxis(lax.top_k(jnp.moveaxis(x, axis, -1), k)[pick], -1, axis)


def _along(x: Any, indices: Any, *, axis: int) -> Any:
    picked = jnp.take_along_axis(x, jnp.expand_dims(indices, axis), axis)
    return jnp.squeeze(picked, axis)


def _add_along(g: Any, indices: Any, *, size: int, axis: int) -> Any:
    hits = nn.one_hot(jnp.moveaxis(indices, axis, -1), size, dtype=g.dtype)
    found = jnp.einsum("...j,...jk->...k", jnp.moveaxis(g, axis, -1), hits)
    return jnp.moveaxis(found, -1, axis)


def _scatter(g: Any, indices: Any, *, size: int, axis: int) -> Any:
    n = indices.ndim
    moved = jnp.moveaxis(g, tuple(range(axis, axis + n)), tuple(range(n)))
    zeros = jnp.zeros((size, *moved.shape[n:]), g.dtype)
    return jnp.moveaxis(zeros.at[indices].add(moved), 0, axis)


def _put_along(g: Any, indices: Any, *, size: int, axis: int) -> Any:
    return jnp.expand_dims(g, axis) * nn.one_hot(indices, size, axis=axis, dtype=g.dtype)


def _slices(shape: Any, start: Any, step: Any) -> tuple[slice, ...]:
    """Slices of these lengths."""
    starts, steps = start or (0,) * len(shape), step or (1,) * len(shape)
    axes = zip(shape, starts, steps, strict=True)
    return tuple(slice(a, a + (n - 1) * s + 1, s) for n, a, s in axes)


def _pad(x: Any, *, before: int, after: int, axis: int, value: float) -> Any:
    widths = [(0, 0)] * x.ndim
    widths[axis] = (before, after)
    return jnp.pad(x, widths, constant_values=value)


def _cross_entropy(z: Any, y: Any, *, smoothing: float) -> Any:
    n = z.shape[-1]
    p = y if jnp.issubdtype(y.dtype, jnp.floating) else nn.one_hot(y, n, dtype=z.dtype)
    return -(((1 - smoothing) * p + smoothing / n) * nn.log_softmax(z)).sum(-1)


def _weighted(z: Any, y: Any, w: Any) -> Any:
    if not jnp.issubdtype(y.dtype, jnp.floating):
        y = nn.one_hot(y, z.shape[-1], dtype=z.dtype)
    return -(y * w * nn.log_softmax(z)).sum(-1)


def _mse(a: Any, b: Any) -> Any:
    squares = (a - b) ** 2
    return squares.mean(tuple(range(1, squares.ndim)))


def _standard(x: Any, axes: Any, eps: float) -> Any:
    return (x - x.mean(axes, keepdims=True)) / jnp.sqrt(x.var(axes, keepdims=True) + eps)


def _channels(scale: Any, x: Any, axis: int) -> Any:
    return scale.reshape([-1 if a == axis % x.ndim else 1 for a in range(x.ndim)])


def _batch_norm(x: Any, *scales: Any, axis: int, eps: float) -> Any:
    m, v, g, b = (_channels(scale, x, axis) for scale in scales)
    return g * (x - m) / jnp.sqrt(v + eps) + b


def _group_norm(x: Any, g: Any, b: Any, *, groups: int, eps: float) -> Any:
    parts = x.reshape((x.shape[0], groups, -1))
    return _standard(parts, 2, eps).reshape(x.shape) * _channels(g, x, 1) + _channels(b, x, 1)


def _cofactor(x: Any) -> Any:
    return jnp.linalg.det(x)[..., None, None] * jnp.swapaxes(jnp.linalg.inv(x), -1, -2)


def _diagonals(x: Any) -> Any:
    return x[..., None] * jnp.eye(x.shape[-1], dtype=x.dtype)


FUNCTIONS: dict[str, Function] = {
    **{name: getattr(jnp, name) for name in SAME},
    **{name: getattr(jnp, theirs) for name, theirs in RENAMED.items()},
    **{name: getattr(nn, name) for name in ACTIVATIONS},
    "softsign": nn.soft_sign,
    "step": lambda x: (x > 0).astype(x.dtype),
    "identity": lambda x: x,
    "stop_gradient": lax.stop_gradient,
    "cast": lambda x, dtype: lax.convert_element_type(x, dtype),
    "rsqrt": lax.rsqrt,
    "one_minus_square": lambda x: 1 - x * x,
    "erf": special.erf,
    "erfc": special.erfc,
    "erfinv": special.erfinv,
    "normal_cdf": special.ndtr,
    "lgamma": special.gammaln,
    "digamma": special.digamma,
    "polygamma": lambda x, n: special.polygamma(n, x),
    "gelu_gate": lambda x: (1 + jnp.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
    "gelu": lambda x, exact: nn.gelu(x, approximate=not exact),
    "leaky_relu": lambda x, slope: nn.leaky_relu(x, slope),
    "elu": lambda x, alpha: nn.elu(x, alpha),
    "logsumexp": special.logsumexp,
    "norm": _norm,
    "var": lambda x, correction, **a: jnp.var(x, ddof=correction, **a),
    "std": lambda x, correction, **a: jnp.std(x, ddof=correction, **a),
    "cumsum": _reversed(jnp.cumsum),
    "cumprod": _reversed(jnp.cumprod),
    "recurrence": _recurrence,
    "topk": _top,
    "argtopk": lambda x, k, axis: _top(x, k=k, axis=axis, pick=1),
    "einsum": lambda *x, equation: jnp.einsum(equation, *x),
    "trace": lambda x: jnp.trace(x, axis1=-2, axis2=-1),
    "diagonal": lambda x: jnp.diagonal(x, axis1=-2, axis2=-1),
    "from_diagonal": _diagonals,
    "diag": jnp.diag,
    "tri": lambda n, m, diagonal: jnp.tri(n, m, diagonal, dtype=bool),
    "tril": lambda x, diagonal: jnp.tril(x, diagonal),
    "triu": lambda x, diagonal: jnp.triu(x, diagonal),
    "inv": jnp.linalg.inv,
    "det": jnp.linalg.det,
    "cofactor": _cofactor,
    "logdet": lambda x: jnp.linalg.slogdet(x)[1],
    "cholesky": lambda x: jnp.linalg.cholesky((x + x.swapaxes(-1, -2)) / 2),
    "solve": jnp.linalg.solve,
    "triangular_solve": _triangular,
    "full": lambda value, shape, dtype=np.float64: jnp.full(shape, value, dtype),
    "zeros": lambda shape, dtype=np.float64: jnp.zeros(shape, dtype),
    "ones": lambda shape, dtype=np.float64: jnp.ones(shape, dtype),
    "eye": lambda n, m, dtype=np.float64: jnp.eye(n, m, dtype=dtype),
    "arange": lambda n, start, step, dtype=np.int64: (start + step * jnp.arange(n)).astype(dtype),
    "one_hot": lambda x, n, dtype=np.float64: nn.one_hot(x, n, dtype=dtype),
    "reshape": lambda x, shape: x.reshape(shape),
    "swap": lambda x: jnp.swapaxes(x, -1, -2),
    "concat": lambda *x, axis: jnp.concatenate(x, axis),
    "stack": lambda *x, axis: jnp.stack(x, axis),
    "split": lambda x, parts, index, axis: jnp.split(x, parts, axis)[index],
    "take_slice": lambda x, shape, start, step: x[_slices(shape, start, step)],
    "put_slice": lambda x, shape, start, step: (
        jnp.zeros(shape, x.dtype).at[_slices(x.shape, start, step)].set(x)
    ),
    "pad": _pad,
    "tile": lambda x, reps: jnp.tile(x, reps),
    "repeat_elements": lambda x, n, axis: jnp.repeat(x, n, axis),
    "gather": lambda x, i, axis: jnp.take(x, i, axis),
    "scatter_add": _scatter,
    "take_along": _along,
    "put_along": _put_along,
    "add_along_axis": _add_along,
    "kl_div": lambda p, q: (special.xlogy(p, p) - special.xlogy(p, q)).sum(-1),
    "cross_entropy": _cross_entropy,
    "weighted_cross_entropy": _weighted,
    "mse": _mse,
    "layer_norm": lambda x, g, b, eps: g * _standard(x, -1, eps) + b,
    "rms_norm": lambda x, g, eps: g * x / jnp.sqrt((x * x).mean(-1, keepdims=True) + eps),
    "batch_norm": _batch_norm,
    "group_norm": _group_norm,
    "conv1d": conv,
    "conv2d": conv,
    "conv_transpose1d": conv_transpose,
    "conv_transpose2d": conv_transpose,
    **{f"conv{n}d_to_input": to_input for n in (1, 2)},
    **{f"conv{n}d_to_kernel": to_kernel for n in (1, 2)},
    **{f"fold{n}d": fold for n in (1, 2)},
    "patches1d": patches,
    "patches2d": patches,
    "max_pool1d": pool(jnp.max, -np.inf),
    "max_pool2d": pool(jnp.max, -np.inf),
    **{f"max_pool{n}d_to_input": to_largest for n in (1, 2)},
    "avg_pool1d": pool(jnp.mean, 0.0),
    "avg_pool2d": pool(jnp.mean, 0.0),
}
"""By the op's name."""
