"""Convolutions by lines: every way of sliding beside plain loops, by both engines where there are
two, and what they leave out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.driver import Purpose, compile_source
from graphdsl.language.source import Source
from graphdsl.ops import lines
from graphdsl.ops.stretches import every_turn, pays, take_turns
from graphdsl.ops.windows import Windows

Array = np.ndarray[Any, np.dtype[Any]]
Pair = tuple[int, int]

IMAGES, KERNELS, CHANNELS = (9, 7), 2, 2
SIZES: list[Pair] = [(3, 3), (5, 2), (2, 4), (4, 1)]
STRIDES: list[Pair] = [(1, 1), (2, 2), (1, 3), (4, 2)]
PADDINGS: list[Pair] = [(0, 0), (1, 1), (2, 0), (0, 3)]


def ways() -> Iterator[tuple[Pair, Pair, Pair, Pair]]:
    """Sizes, strides, paddings and dilations; of the latter only along lines."""
    for size, stride, padding in itertools.product(SIZES, STRIDES, PADDINGS):
        yield size, stride, padding, (1, 1 + (size[1] == 2))


def slide(windows: Windows) -> Iterator[tuple[Any, tuple[int, int]]]:
    """For each place in a window the index of its elements of padded images, and the place."""
    counts = windows.sizes(IMAGES)
    for place in itertools.product(*map(range, windows.kernel)):
        starts = [p * d for p, d in zip(place, windows.dilation, strict=True)]
        ways = zip(starts, counts, windows.stride, strict=True)
        index = tuple(slice(at, at + (n - 1) * s + 1, s) for at, n, s in ways)
        yield (slice(None), slice(None), *index), (place[0], place[1])


def expected(windows: Windows, x: Array, w: Array, r: Array) -> tuple[Array, Array, Array]:
    """The convolution, and of its product with `r` the gradients of x and w."""
    (above, before), (height, width) = windows.padding, IMAGES
    padded = np.pad(x, [(0, 0), (0, 0), (above, above), (before, before)])
    y, g_x, g_w = np.zeros(r.shape), np.zeros(padded.shape), np.zeros(w.shape)
    for index, (i, j) in slide(windows):
        y += np.einsum("nchw,oc->nohw", padded[index], w[:, :, i, j])
        g_w[:, :, i, j] = np.einsum("nchw,nohw->oc", padded[index], r)
        g_x[index] += np.einsum("nohw,oc->nchw", r, w[:, :, i, j])
    return y, g_x[:, :, above : above + height, before : before + width], g_w


def model_of(windows: Windows) -> graphdsl.Model:
    given = {"stride": windows.stride, "padding": windows.padding, "dilation": windows.dilation}
    attrs = ", ".join(f"{name} = {list(value)}" for name, value in given.items())
    (rows, columns), (height, width) = windows.sizes(IMAGES), windows.kernel
    text = f"""\
dim N
input x: [N, {CHANNELS}, {IMAGES[0]}, {IMAGES[1]}]
input r: [N, {KERNELS}, {rows}, {columns}]
param w: [{KERNELS}, {CHANNELS}, {height}, {width}] ~ normal(0, 1)
output y = conv2d(x, w, {attrs})
loss J = sum(y * r)
"""
    return graphdsl.loads(text, dtype="f64")


def check(windows: Windows, batch: int) -> None:
    """Raise unless values and gradients are those of loops."""
    assert pays(windows, KERNELS, windows.sizes(IMAGES))
    rng, model = np.random.default_rng(0), model_of(windows)
    x = rng.standard_normal((batch, CHANNELS, *IMAGES))
    r = rng.standard_normal((batch, KERNELS, *windows.sizes(IMAGES)))
    y, g_x, g_w = expected(windows, x, np.array(model.params["w"]), r)
    gradients = model.value_and_grad(x=x, r=r, wrt=("x", "w"))[1]
    found = (model.run(x=x)["y"], gradients["x"], gradients["w"])
    for one, other in zip(found, (y, g_x, g_w), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("size", "stride", "padding", "dilation"), list(ways()))
def test_every_way_of_sliding(size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> None:
    check(Windows(size, stride, padding, dilation), batch=3)


@pytest.mark.parametrize("batch", [0, 1])
def test_few_images(batch: int) -> None:
    check(Windows((3, 3), (1, 2), (1, 0), (1, 1)), batch)


def test_lines_one_by_one_where_they_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """What each line adds to a kernel's gradient is then not kept until all are there."""
    windows = Windows((3, 3), (2, 1), (1, 1), (1, 1))
    monkeypatch.setattr(lines, "_TOGETHER", 0)
    check(windows, batch=3)
    purpose = Purpose(("J",), ("w",))
    source = compile_source(Source(TEXT)).compiled(purpose).emit({"N": 3}).source
    assert "add.reduce(" not in source


TEXT = """\
dim N
input x: [N, 2, 9, 7]
param w: [4, 2, 3, 3] ~ normal(0, 1)
loss J = sum(square(conv2d(x, w)))
"""


@pytest.mark.parametrize(
    ("call", "by_lines"),
    [
        ("conv2d(x, w)", True),
        ("conv2d(x, w, stride = [1, 2], padding = 1, dilation = [1, 2])", True),
        ("conv2d(x, w, dilation = [2, 1])", False),
        ("conv2d(x, concat(w, w, w, axis = 0))", True),
        ("conv2d(x, concat(w, w, w, w, w, axis = 0))", False),
        ("conv2d(x, w[:, :, :1])", False),
        ("conv2d(x, w[:, :1], groups = 2)", False),
        ("conv1d(x[:, :, 0], w[:, :, 0])", False),
    ],
)
def test_what_is_unfolded_by_lines(call: str, by_lines: bool) -> None:
    source = Source(TEXT.replace("conv2d(x, w)", call))
    graph = compile_source(source).compiled(Purpose(("J",), ("w",))).graph
    ops = [node.op.name for node in graph.nodes]
    assert ops.count("unfold_lines") == by_lines  # once, for both sweeps
    assert ("unfold" in ops) == (not by_lines)


@pytest.mark.parametrize(("size", "stride"), list(itertools.product(SIZES, STRIDES)))
def test_stretches_of_one_turn_do_not_overlap(size: Pair, stride: Pair) -> None:
    windows = Windows(size, stride, (0, 0), (1, 1))
    assert every_turn(windows) * stride[0] >= size[0]
    for results in range(1, 12):
        turns = take_turns(windows, results)
        lines = [t.first + i * t.every for t in turns for i in range(t.count)]
        assert sorted(lines) == list(range(results))
