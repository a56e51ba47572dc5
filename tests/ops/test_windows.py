"""Convolutions and pooling: against loops over windows, torch where it is installed, differences,
and each other, as adjoints."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.graph.kernel import Array
from graphdsl.graph.op import OPS
from ops.harness import apply, differences, vjp

RNG = np.random.default_rng(0)


def draw(*shape: int) -> Array:
    return np.asarray(RNG.uniform(-3, 3, shape))


def pairs(value: Any, rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def windows(
    x: Array, size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, value: float = 0
) -> Array:
    """[N, C, places of a window, windows …], by loops."""
    rank = x.ndim - 2
    k, s, p, d = (pairs(v, rank) for v in (size, stride, padding, dilation))
    x = np.pad(x, [(0, 0), (0, 0), *((a, a) for a in p)], constant_values=value)
    numbers = [
        (n - e * (m - 1) - 1) // a + 1 for n, m, a, e in zip(x.shape[2:], k, s, d, strict=False)
    ]
    y = np.empty((*x.shape[:2], int(np.prod(k)), *numbers), x.dtype)
    for flat, place in enumerate(itertools.product(*map(range, k))):
        for at in itertools.product(*map(range, numbers)):
            spot = tuple(i * a + j * e for i, a, j, e in zip(at, s, place, d, strict=False))
            y[(slice(None), slice(None), flat, *at)] = x[(slice(None), slice(None), *spot)]
    return y


def conv(x: Array, w: Array, groups: int = 1, **ways: Any) -> Array:
    found = windows(x, w.shape[2:], **ways)
    out, each = w.shape[0] // groups, x.shape[1] // groups
    parts = []
    for group in range(groups):
        kernel = w[group * out : (group + 1) * out].reshape(out, each, -1)
        part = found[:, group * each : (group + 1) * each]
        parts.append(np.einsum("ock,nck...->no...", kernel, part))
    return np.concatenate(parts, 1)


CONVS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 7), (4, 3, 3), {}),
    ((2, 3, 8), (4, 3, 3), {"stride": 2, "padding": 1}),
    ((2, 4, 9), (6, 2, 2), {"groups": 2, "dilation": 3}),
    ((1, 1, 3), (1, 1, 3), {}),
    ((2, 3, 5, 6), (4, 3, 3, 2), {}),
    ((2, 3, 6, 5), (4, 3, 3, 3), {"stride": 2, "padding": 1}),
    ((2, 4, 7, 6), (6, 2, 3, 2), {"groups": 2, "stride": (2, 1), "padding": (1, 0)}),
    ((2, 3, 7, 7), (3, 1, 3, 3), {"groups": 3, "dilation": (2, 1)}),
    ((3, 2, 4, 4), (5, 2, 1, 1), {}),
    ((0, 2, 4, 4), (5, 2, 2, 2), {}),
]


@pytest.mark.parametrize("case", CONVS, ids=str)
def test_convolution(case: tuple[Any, Any, dict[str, Any]]) -> None:
    shape, kernel, ways = case
    x, w, name = draw(*shape), draw(*kernel), f"conv{len(shape) - 2}d"
    expected = conv(x, w, **ways)
    np.testing.assert_allclose(apply(name, x, w, **ways), expected, rtol=1e-12, atol=1e-12)
    turned = apply(name, x.T.copy().T, w.T.copy().T, **ways)
    np.testing.assert_allclose(turned, expected, rtol=1e-12, atol=1e-12)
    single = apply(name, x.astype("f4"), w.astype("f4"), **ways)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("case", CONVS[:-1], ids=str)
def test_gradients_of_convolutions(case: tuple[Any, Any, dict[str, Any]]) -> None:
    """Both gradients, and those of the gradients: the family is closed."""
    shape, kernel, ways = case
    x, w, name = draw(*shape), draw(*kernel), f"conv{len(shape) - 2}d"
    g = draw(*apply(name, x, w, **ways).shape)
    for position in range(2):
        found = vjp(OPS[name], position, g, x, w, **ways)
        expected = differences(OPS[name], position, g, x, w, **ways)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
    for back, operands, like in (("to_input", (g, w), x), ("to_kernel", (x, g), w)):
        op, every = OPS[f"{name}_{back}"], {**ways, "sizes": like.shape[2:]}
        h = draw(*like.shape)
        for position in range(2):
            found = vjp(op, position, h, *operands, **every)
            expected = differences(op, position, h, *operands, **every)
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


TRANSPOSED: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 5), (3, 4, 3), {"stride": 2, "padding": 1, "extra": 1}),
    ((2, 4, 4, 3), (4, 2, 3, 2), {"stride": (2, 3), "groups": 2}),
    ((2, 3, 4, 4), (3, 2, 3, 3), {"dilation": 2, "padding": 1}),
]


@pytest.mark.parametrize("case", TRANSPOSED, ids=str)
def test_transposed_convolution_is_the_adjoint(case: tuple[Any, Any, dict[str, Any]]) -> None:
    shape, kernel, ways = case
    x, w, name = draw(*shape), draw(*kernel), f"conv_transpose{len(shape) - 2}d"
    y = apply(name, x, w, **ways)
    h, plain = draw(*y.shape), {k: v for k, v in ways.items() if k != "extra"}
    np.testing.assert_allclose((y * h).sum(), (x * conv(h, w, **plain)).sum(), rtol=1e-10)
    for position in range(2):
        found = vjp(OPS[name], position, h, x, w, **ways)
        expected = differences(OPS[name], position, h, x, w, **ways)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


POOLS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 6), {"size": 2}),
    ((2, 3, 7), {"size": 3, "stride": 2, "padding": 1}),
    ((2, 3, 4, 6), {"size": 2}),
    ((2, 3, 7, 5), {"size": (3, 2), "stride": (2, 1), "padding": (1, 0)}),
]


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("case", POOLS, ids=str)
def test_pooling(kind: str, case: tuple[Any, dict[str, Any]]) -> None:
    shape, ways = case
    x, name = draw(*shape), f"{kind}_pool{len(shape) - 2}d"
    every = {"stride": ways["size"], **ways}
    found = windows(x, **every, value=-np.inf if kind == "max" else 0)
    expected = found.max(2) if kind == "max" else found.mean(2)
    np.testing.assert_allclose(apply(name, x, **ways), expected, rtol=1e-12)
    g = draw(*expected.shape)
    differing = differences(OPS[name], 0, g, x, **ways)
    np.testing.assert_allclose(vjp(OPS[name], 0, g, x, **ways), differing, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("shape", [(2, 3, 7), (2, 3, 6, 5)])
def test_patches(shape: tuple[int, ...]) -> None:
    name, ways = f"patches{len(shape) - 2}d", {"size": 3, "stride": 2, "padding": 1, "dilation": 1}
    x = draw(*shape)
    y = apply(name, x, value=7.0, **ways)
    np.testing.assert_array_equal(y, windows(x, value=7, **ways))
    g = draw(*y.shape)
    expected = differences(OPS[name], 0, g, x, **ways)
    np.testing.assert_allclose(vjp(OPS[name], 0, g, x, **ways), expected, rtol=1e-6, atol=1e-7)
    fold = OPS[name.replace("patches", "fold")]
    every = {**ways, "sizes": shape[2:]}
    expected = differences(fold, 0, x, g, **every)
    np.testing.assert_allclose(vjp(fold, 0, x, g, **every), expected, rtol=1e-6, atol=1e-7)


def test_equal_largest_of_a_window_share_the_gradient() -> None:
    x = np.array([[[1.0, 1.0, 0.0, 3.0]]])
    found = vjp(OPS["max_pool1d"], 0, np.array([[[2.0, 5.0]]]), x, size=2)
    assert found.ravel().tolist() == [1, 1, 0, 5]


def test_convolutions_allocate_nothing_large() -> None:
    """The harness counts what kernels allocate; here their arrays are larger than its limit."""
    x, w = draw(16, 8, 24, 24), draw(8, 8, 3, 3)
    y = apply("conv2d", x, w, padding=1)
    for position in range(2):
        vjp(OPS["conv2d"], position, y, x, w, padding=1)
    apply("conv2d", x, draw(8, 2, 3, 3), groups=4)
    apply("max_pool2d", x, size=2)
    apply("patches2d", x, size=3, padding=1)


@pytest.mark.parametrize("case", [*CONVS[:-1], *TRANSPOSED], ids=str)
def test_convolution_is_that_of_torch(case: tuple[Any, Any, dict[str, Any]]) -> None:
    torch = pytest.importorskip("torch", reason="torch, the reference, is not installed")
    shape, kernel, ways = case
    transposed = case in TRANSPOSED
    name = f"conv{'_transpose' if transposed else ''}{len(shape) - 2}d"
    x, w = draw(*shape), draw(*kernel)
    theirs = {"output_padding" if k == "extra" else k: v for k, v in ways.items()}
    expected = getattr(torch.nn.functional, name)(torch.tensor(x), torch.tensor(w), **theirs)
    np.testing.assert_allclose(apply(name, x, w, **ways), expected.numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("case", POOLS, ids=str)
def test_pooling_is_that_of_torch(kind: str, case: tuple[Any, dict[str, Any]]) -> None:
    torch = pytest.importorskip("torch", reason="torch, the reference, is not installed")
    shape, ways = case
    name = f"{kind}_pool{len(shape) - 2}d"
    x = draw(*shape)
    theirs = {"kernel_size" if k == "size" else k: v for k, v in ways.items()}
    expected = getattr(torch.nn.functional, name)(torch.tensor(x), **theirs)
    np.testing.assert_allclose(apply(name, x, **ways), expected.numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    "call", ["conv1d(x, ones([2, 3, 4]), stride = 3)", "max_pool1d(x, 4)", "avg_pool1d(x, 4)"]
)
def test_a_window_longer_than_what_is_fed_is_refused(call: str) -> None:
    """By the same words as where the size is known before: no sum of no windows is 0."""
    model = graphdsl.loads(f"dim N\ninput x: [1, 3, N]\noutput y = sum({call})")
    assert np.isfinite(model.run(x=draw(1, 3, 4))["y"])
    for length in range(1, 4):
        with pytest.raises(graphdsl.DataError, match="a window of 4 does not fit") as caught:
            model.run(x=draw(1, 3, length))
        assert caught.value.diagnostics[0].code == "E0216"
