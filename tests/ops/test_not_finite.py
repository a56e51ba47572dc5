"""What ops make of nan and of infinities, as their pages say: by both engines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import pytest

import graphdsl
from graphdsl.graph.op import OPS, REQUIRED, Op

NAN, INF = math.nan, math.inf
ENGINES = [
    "numpy",
    pytest.param(
        "numba",
        marks=pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed"),
    ),
]
SAID: list[tuple[str, Sequence[float], Sequence[float]]] = [
    ("relu(x)", [NAN, INF, -INF], [NAN, INF, 0]),
    ("relu6(x)", [NAN, INF, -INF], [NAN, 6, 0]),
    ("hard_tanh(x)", [NAN, INF, -INF], [NAN, 1, -1]),
    ("hard_sigmoid(x)", [NAN, INF, -INF], [NAN, 1, 0]),
    ("step(x)", [NAN, INF, -INF], [0, 1, 0]),
    ("sign(x)", [NAN, INF, -INF], [NAN, 1, -1]),
    ("clip(x, -1, 1)", [NAN, INF, -INF], [NAN, 1, -1]),
    ("maximum(x, 1)", [NAN, INF, -INF], [NAN, INF, 1]),
    ("maximum(1, x)", [NAN, INF, -INF], [NAN, INF, 1]),
    ("minimum(x, 1)", [NAN, INF, -INF], [NAN, 1, -INF]),
    ("where(x > 0, x, 1)", [NAN, INF, -INF], [1, INF, 1]),
    ("where(x > 0, ln(x), 0)", [-1, 1], [0, 0]),
    ("silu(x)", [NAN, INF, -INF], [NAN, INF, NAN]),
    ("mish(x)", [NAN, INF, -INF], [NAN, INF, NAN]),
    ("gelu(x)", [NAN, INF, -INF], [NAN, INF, NAN]),
    ("gelu(x, exact = true)", [NAN, INF, -INF], [NAN, INF, NAN]),
    ("softsign(x)", [NAN, INF, -INF], [NAN, NAN, NAN]),
    ("softplus(x)", [NAN, INF, -INF], [NAN, INF, 0]),
    ("sigmoid(x)", [NAN, INF, -INF], [NAN, 1, 0]),
    ("leaky_relu(x)", [NAN, INF, -INF], [NAN, INF, -INF]),
    ("elu(x)", [NAN, INF, -INF], [NAN, INF, -1]),
    ("x^0", [NAN, INF], [1, 1]),
    ("1^x", [NAN, INF], [1, 1]),
    ("mod(x, 2)", [NAN, INF, -INF], [NAN, NAN, NAN]),
    ("mod(x, 0)", [1, NAN], [NAN, NAN]),
    ("cast(cast(x, bool), float)", [NAN, INF, 0], [1, 1, 0]),
    ("max(x)", [1, NAN, INF], [NAN]),
    ("min(x)", [1, NAN, -INF], [NAN]),
    ("argmax(x)", [1, NAN, INF, NAN], [1]),
    ("argmin(x)", [1, NAN, -INF, NAN], [1]),
    ("argmax(x)", [-INF, 2, 2], [1]),
    ("sort(x)", [NAN, 1, -INF, NAN, INF], [-INF, 1, INF, NAN, NAN]),
    ("argsort(x)", [NAN, 1, -INF, NAN, INF], [2, 1, 4, 0, 3]),
    ("topk(x, 3)", [1, NAN, INF, NAN], [NAN, NAN, INF]),
    ("argtopk(x, 3)", [1, NAN, INF, NAN], [1, 3, 2]),
    ("softmax(x)", [0, -INF, 0], [0.5, 0, 0.5]),
    ("softmax(x)", [0, INF], [NAN, NAN]),
    ("softmax(x)", [0, NAN], [NAN, NAN]),
    ("softmax(x)", [-INF, -INF], [NAN, NAN]),
    ("log_softmax(x)", [0, -INF], [0, -INF]),
    ("log_softmax(x)", [0, INF], [NAN, NAN]),
    ("log_softmax(x)", [-INF, -INF], [NAN, NAN]),
    ("logsumexp(x)", [0, INF], [INF]),
    ("logsumexp(x)", [-INF, -INF], [-INF]),
    ("logsumexp(x)", [NAN, INF], [NAN]),
    ("any(x)", [0, NAN], [1]),
    ("all(x)", [1, NAN], [1]),
    ("max_pool1d(reshape(x, [1, 1, 4]), 2)", [NAN, 1, -INF, -INF], [NAN, -INF]),
    ("x == x", [NAN, INF], [0, 1]),
    ("x != x", [NAN, INF], [1, 0]),
    ("x <= x", [NAN, INF], [0, 1]),
    ("tril(reshape(x, [2, 2]))", [1, NAN, INF, 1], [1, 0, INF, 1]),
]
ASKING = {
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
    *("logical_and", "logical_or", "logical_not", "where", "isnan", "isinf", "isfinite"),
    *("step", "power", "dropout_mask"),
}
"""Elementwise ops that say otherwise of nan than that they give it."""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_what_ops_say_of_values_that_are_not_finite(engine: str, dtype: str) -> None:
    lines, feeds = [], {}
    for number, (expression, values, _) in enumerate(SAID):
        lines += [
            f"block f{number}(x) {{\n  return {expression}\n}}",
            f"input x{number}: [{len(values)}]",
            f"output y{number} = f{number}(x{number})",
        ]
        feeds[f"x{number}"] = np.array(values)
    found = graphdsl.loads("\n".join(lines), engine=engine, dtype=dtype).run(feeds)
    for number, (expression, values, expected) in enumerate(SAID):
        computed = np.asarray(found[f"y{number}"], np.float64).ravel()
        np.testing.assert_array_equal(computed, expected, f"{expression} of {values}")


def _elementwise() -> list[Op]:
    return [op for op in OPS.values() if op.public and op.elementwise and op.name not in ASKING]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", [5, 70])
def test_elementwise_ops_give_nan_for_nan(engine: str, count: int) -> None:
    """Wherever it stands, in whichever operand."""
    values = np.linspace(0.1, 0.9, count)
    nan = np.where(np.arange(count) % 3 == 1, NAN, values)
    names = {}
    for op in _elementwise():
        given = "".join(
            f", {name} = 1" for name, spec in op.attributes.items() if spec.default is REQUIRED
        )
        for place in range(len(op.operands)):
            operands = ", ".join("n" if at == place else "x" for at in range(len(op.operands)))
            names[f"y{len(names)}"] = f"{op.name}({operands}{given})"
    assert len(names) > 50
    lines = [f"output {name} = {call}" for name, call in names.items()]
    text = "\n".join([f"input n: [{count}]", f"input x: [{count}]", *lines])
    found = graphdsl.loads(text, engine=engine).run(n=nan, x=values)
    for name, call in names.items():
        assert np.isnan(found[name][np.isnan(nan)]).all(), call
