"""Slices of symbolic sizes: their derivatives, of first and second order, beside differences."""

from __future__ import annotations

import numpy as np
import pytest

from graphdsl.loading import loads

SLICES = ("1:", ":-1", "-2:", "2:4", "::2", "::-1", "-3:-1", "1:-1", "-1", "2", ":N - 1", "N - 2:")


@pytest.mark.parametrize("index", SLICES)
def test_derivatives(index: str) -> None:
    model = loads(
        f"dim N\ninput x: [N, 2]\ny = sum(x[{index}]^3)\noutput J = sum(grad(y, x)^2) + y\n",
        dtype="f64",
    )
    x = np.random.default_rng(0).uniform(-1, 1, (5, 2))
    for row in model.gradcheck({"x": x}, of="J", wrt=("x",)):
        assert row.relative < 1e-5, row


@pytest.mark.parametrize("join", ["concat(z, x, axis = 0)", "concat(x, z, x, axis = 0)[1:]"])
def test_derivatives_of_what_is_joined(join: str) -> None:
    declared = "dim N\ninput x: [N, 2]\ninput z: [3, 2]\n"
    rng = np.random.default_rng(0)
    feeds = {"x": rng.uniform(-1, 1, (4, 2)), "z": rng.uniform(-1, 1, (3, 2))}
    for wrt in feeds:
        text = f"{declared}y = sum(({join})^3)\noutput J = sum(grad(y, {wrt})^2) + y\n"
        for row in loads(text, dtype="f64").gradcheck(feeds, of="J", wrt=(wrt,)):
            assert row.relative < 1e-5, row
