"""Cases of layers for `sweep`: normalisations, convolutions, pooling, and what makes tensors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from graphdsl.graph.kernel import Array
from ops.cases import Case, rng_of


def _draw(*shape: int, low: float = -2.0, high: float = 2.0) -> Array:
    return np.asarray(rng_of(shape, low).uniform(low, high, shape))


def makers() -> Iterator[Case]:
    """Tensors made of numbers and sizes, and what only changes how elements are seen."""
    for shape in ((), (3,), (2, 0), (2, 3, 4)):
        yield Case("full", (_draw(),), {"shape": shape}, lambda v, s=shape: np.full(s, v))
        yield Case("zeros", (), {"shape": shape}, lambda s=shape: np.zeros(s))
        yield Case("ones", (), {"shape": shape}, lambda s=shape: np.ones(s))
        yield Case("cast", (_draw(*shape),), {}, lambda x: x)
    for n, m in ((3, None), (2, 4), (0, 3), (4, 1)):
        yield Case("eye", (), {"n": n, "m": m}, lambda n=n, m=m: np.eye(n, m))
        for d in (-1, 0, 2):
            attrs = {"n": n, "m": m, "diagonal": d}
            yield Case("tri", (), attrs, lambda n=n, m=m, d=d: np.tri(n, m, d, dtype=bool))
    for n, start, step in ((5, 0, 1), (0, 0, 1), (4, -2, 3), (3, 0.5, 0.25)):
        attrs = {"n": n, "start": start, "step": step}
        yield Case(
            "arange", (), attrs, lambda n=n, a=start, s=step: a + s * np.arange(n, dtype=float)
        )
    for shape in ((), (4,), (2, 3)):
        labels = np.asarray(rng_of(shape).integers(0, 5, shape))
        yield Case("one_hot", (labels,), {"n": 5}, lambda i: np.eye(5)[i])
    for start, step in (((0, 0), (1, 1)), ((1, 2), (2, 1)), ((0, 1), (1, 3))):
        at = {"start": start, "step": step}
        yield Case("take_slice", (_draw(6, 7),), {"shape": (2, 2), **at})
        yield Case("put_slice", (_draw(2, 2),), {"shape": (6, 7), **at})
    for shape, axis in (((1, 3), 0), ((2, 1, 3), -2), ((4, 1), 1), ((1,), 0)):
        yield Case("squeeze", (_draw(*shape),), {"axis": axis}, lambda x, a=axis: x.squeeze(a))


def normalisations() -> Iterator[Case]:
    """Normalisations over rows, over channels and over groups of channels."""
    for shape, eps in product(((4,), (3, 4), (2, 3, 5), (2, 1)), (1e-5, 0.3)):
        x, g, b = _draw(*shape), _draw(shape[-1], low=0.5), _draw(shape[-1])
        yield Case("layer_norm", (x, g, b), {"eps": eps})
        yield Case("rms_norm", (x, g), {"eps": eps})
    for shape, axis in (
        ((3, 4), 1),
        ((2, 4, 3), 1),
        ((2, 3, 4), -1),
        ((4, 3), 0),
        ((2, 4, 2, 2), 1),
    ):
        scales = (_draw(4), _draw(4, low=0.4), _draw(4, low=0.5), _draw(4, low=-1.0))
        yield Case("batch_norm", (_draw(*shape), *scales), {"axis": axis})
    for shape, groups in (((2, 4), 2), ((2, 4, 3), 1), ((2, 4, 2, 2), 2), ((3, 4, 5), 4)):
        scales = (_draw(4, low=0.5), _draw(4))
        yield Case("group_norm", (_draw(*shape), *scales), {"groups": groups})


WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"stride": 2},
    {"padding": 1},
    {"dilation": 2},
    {"stride": 2, "padding": 2, "dilation": 2},
    {"groups": 2},
)


def convolutions() -> Iterator[Case]:
    """Convolutions of one and two axes, in every way, and their transposes."""
    for way in WAYS:
        groups = way.get("groups", 1)
        yield Case("conv1d", (_draw(2, 4, 7), _draw(6, 4 // groups, 3)), way)
        yield Case("conv_transpose1d", (_draw(2, 4, 5), _draw(4, 6 // groups, 3)), way)
        yield Case("conv2d", (_draw(1, 2, 6, 5), _draw(2, 2 // groups, 3, 2)), way)
        yield Case("conv_transpose2d", (_draw(1, 2, 4, 3), _draw(2, 4 // groups, 2, 3)), way)
        yield from _cotangents(way, groups)
    more = {"stride": 3, "extra": 2}
    yield Case("conv_transpose1d", (_draw(2, 3, 4), _draw(3, 2, 2)), more)
    uneven = {"stride": (2, 1), "padding": (0, 1), "dilation": (1, 2)}
    yield Case("conv2d", (_draw(2, 2, 6, 5), _draw(3, 2, 3, 2)), uneven)


def _cotangents(way: dict[str, Any], groups: int) -> Iterator[Case]:
    """The derivatives of the convolutions of x [2, 4, 7] and [1, 2, 6, 5]."""
    long = _lengths((7,), (3,), way)
    g, w, x = _draw(2, 6, *long), _draw(6, 4 // groups, 3), _draw(2, 4, 7)
    yield Case("conv1d_to_input", (g, w), {"sizes": (7,), **way})
    yield Case("conv1d_to_kernel", (x, g), {"sizes": (3,), **way})
    plane = _lengths((6, 5), (3, 2), way)
    g, w, x = _draw(1, 2, *plane), _draw(2, 2 // groups, 3, 2), _draw(1, 2, 6, 5)
    yield Case("conv2d_to_input", (g, w), {"sizes": (6, 5), **way})
    yield Case("conv2d_to_kernel", (x, g), {"sizes": (3, 2), **way})


def _lengths(
    sizes: tuple[int, ...], kernel: tuple[int, ...], way: dict[str, Any]
) -> tuple[int, ...]:
    """How many windows there are along each axis."""
    stride, padding, apart = (
        way.get(n, d) for n, d in (("stride", 1), ("padding", 0), ("dilation", 1))
    )
    pairs = zip(sizes, kernel, strict=True)
    return tuple((n + 2 * padding - apart * (k - 1) - 1) // stride + 1 for n, k in pairs)


def pools() -> Iterator[Case]:
    """Windows, their largest elements and their means."""
    for size, stride, padding in ((2, None, 0), (3, 1, 1), (3, 2, 0), (2, 3, 1)):
        attrs = {"size": size, "stride": stride, "padding": padding}
        for rank, shape in ((1, (2, 3, 7)), (2, (1, 2, 6, 5))):
            for kind in ("max", "avg"):
                yield Case(f"{kind}_pool{rank}d", (_draw(*shape),), attrs)
            pooled = _lengths(shape[2:], (size,) * rank, attrs | {"stride": stride or size})
            spread = (_draw(*shape[:2], *pooled), _draw(*shape))
            yield Case(f"max_pool{rank}d_to_input", spread, attrs)
            plain: dict[str, Any] = attrs | {"stride": stride or 1, "dilation": 1 + (size == 2)}
            yield Case(f"patches{rank}d", (_draw(*shape),), plain | {"value": 0.5})
            counts = _lengths(shape[2:], (size,) * rank, plain)
            windows = _draw(*shape[:2], size**rank, *counts)
            yield Case(f"fold{rank}d", (windows,), {"sizes": shape[2:], **plain})
    flat = {"size": (1, 2), "stride": (2, 1), "padding": (0, 1)}
    yield Case("max_pool2d", (_draw(2, 1, 3, 4),), flat)
