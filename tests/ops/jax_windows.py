"""Convolutions and pooling in JAX's words: `lax.conv_general_dilated`, and slices stacked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


def _tuple(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def conv(x: Any, w: Any, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The correlation of x [N, C, ...] with kernels w [O, C / groups, ...]."""
    rank = x.ndim - 2
    return lax.conv_general_dilated(
        x,
        w,
        _tuple(stride, rank),
        [(p, p) for p in _tuple(padding, rank)],
        rhs_dilation=_tuple(dilation, rank),
        feature_group_count=groups,
    )


def conv_transpose(x: Any, w: Any, *, extra: Any, **attrs: Any) -> Any:
    """The transpose of the convolution, a linear map of its operand, as JAX derives it."""
    rank = x.ndim - 2
    lengths = zip(
        x.shape[2:],
        w.shape[2:],
        *(_tuple(attrs[name], rank) for name in ("stride", "padding", "dilation")),
        _tuple(extra, rank),
        strict=True,
    )
    sizes = [(n - 1) * s + d * (k - 1) + 1 - 2 * p + e for n, k, s, p, d, e in lengths]
    whole = jnp.zeros((x.shape[0], w.shape[1] * attrs["groups"], *sizes), x.dtype)
    return jax.vjp(lambda y: conv(y, w, **attrs), whole)[1](x)[0]


def patches(
    x: Any, *, size: Any, stride: Any, padding: Any, dilation: Any = 1, value: float = 0.0
) -> Any:
    """The windows, a new axis 2 holding the places in a window."""
    rank = x.ndim - 2
    kernel, steps, pads, apart = (_tuple(v, rank) for v in (size, stride, padding, dilation))
    x = jnp.pad(x, [(0, 0), (0, 0), *((p, p) for p in pads)], constant_values=value)
    axes = list(zip(x.shape[2:], kernel, steps, apart, strict=True))
    counts = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in axes]
    windows = []
    for place in product(*map(range, kernel)):
        starts = [i * d for i, (_, _, _, d) in zip(place, axes, strict=True)]
        index = [
            slice(start, start + (count - 1) * step + 1, step)
            for start, count, step in zip(starts, counts, steps, strict=True)
        ]
        windows.append(x[(slice(None), slice(None), *index)])
    return jnp.stack(windows, 2)


def to_input(g: Any, w: Any, *, sizes: Any, **way: Any) -> Any:
    """The cotangent of a convolution's operand of these sizes."""
    whole = jnp.zeros((g.shape[0], w.shape[1] * way["groups"], *sizes), g.dtype)
    return jax.vjp(lambda x: conv(x, w, **way), whole)[1](g)[0]


def to_kernel(x: Any, g: Any, *, sizes: Any, **way: Any) -> Any:
    """The cotangent of a convolution's kernel of these sizes."""
    kernel = jnp.zeros((g.shape[1], x.shape[1] // way["groups"], *sizes), g.dtype)
    return jax.vjp(lambda w: conv(x, w, **way), kernel)[1](g)[0]


def fold(g: Any, *, sizes: Any, **way: Any) -> Any:
    """The transpose of `patches`."""
    whole = jnp.zeros((*g.shape[:2], *sizes), g.dtype)
    return jax.vjp(lambda x: patches(x, **way), whole)[1](g)[0]


def pool(reduce: Callable[..., Any], value: float) -> Callable[..., Any]:
    """What `reduce` makes of each window, the padding being `value`."""

    def apply(x: Any, *, size: Any, stride: Any, padding: Any) -> Any:
        stride = size if stride is None else stride
        found = patches(x, size=size, stride=stride, padding=padding, value=value)
        return reduce(found, axis=2)

    return apply


def to_largest(g: Any, x: Any, **attrs: Any) -> Any:
    """The cotangent of what is pooled by its largest."""
    return jax.vjp(lambda x: pool(jnp.max, -jnp.inf)(x, **attrs), x)[1](g)[0]
