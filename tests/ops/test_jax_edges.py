"""Where functions have a kink, a pole or rows without a finite element: values and gradients as
JAX has them, or the choice that the op's page states where JAX has nan or takes another side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.language.parser import parse
from graphdsl.language.source import Source

jax = pytest.importorskip("jax", reason="jax, the reference, is not installed")

from ops.jax_programs import run  # noqa: E402 -- it needs jax

INF, NAN = np.inf, np.nan
MASKED = [[-INF, -INF, -INF], [1, 2, -INF]]

ALIKE: list[tuple[str, dict[str, Any]]] = [
    ("softmax(x)", {"x": [*MASKED, [INF, 1, 0]]}),
    ("log_softmax(x)", {"x": [*MASKED, [INF, 1, 0]]}),
    ("softmax(where(y > 0, x, -inf))", {"x": [[1, 2], [1, 2]], "y": [[1, 0], [1, 1]]}),
    ("logsumexp(x, axis = -1)", {"x": [[1, 2, -INF], [INF, 1, 0], [800, -800, 0]]}),
    ("cross_entropy(x, [0, 1])", {"x": [[800, -800, 0], [0, 0, 0]]}),
    ("max(x, axis = -1)", {"x": [[1, 1, 0], [2, 2, 2]]}),
    ("min(x, axis = -1)", {"x": [[1, 0, 0], [2, 2, 2]]}),
    ("max_pool1d(x, 2, stride = 1)", {"x": [[[1, 1, 0]]]}),
    ("norm(x, ord = inf, axis = -1)", {"x": [[4, -4], [1, 2]]}),
    ("prod(x, axis = -1)", {"x": [[0, 2, 3], [0, 0, 3], [0, 0, 0]]}),
    ("cumprod(x, axis = -1)", {"x": [[0, 2, 3], [1, 0, 3], [0, 0, 0]]}),
    ("var(x, axis = -1)", {"x": [[2, 2], [0, 0]]}),
    ("sort(x)", {"x": [[1, 1, 0]]}),
    ("topk(x, 2)", {"x": [[1, 1, 1]]}),
    ("sqrt(x)", {"x": [0, 4]}),
    ("rsqrt(x)", {"x": [0, 4]}),
    ("cbrt(x)", {"x": [0, 8]}),
    ("x^0", {"x": [0, 2]}),
    ("x^1", {"x": [0, 2]}),
    ("x^2", {"x": [0, -2]}),
    ("x^0.5", {"x": [0, 2]}),
    ("x^-1", {"x": [0, 2]}),
    ("0^x", {"x": [0, 2, -1]}),
    ("x^y", {"x": [0, 0, 2, -2, -2, 1], "y": [2, 1, 0, 2, 3, 0]}),
    ("ln(x)", {"x": [0, 1]}),
    ("log1p(x)", {"x": [-1, 0]}),
    ("atan2(x, y)", {"x": [0, 0, 1], "y": [0, 1, 0]}),
    ("asin(x)", {"x": [1, -1]}),
    ("acosh(x)", {"x": [1]}),
    ("atanh(x)", {"x": [1]}),
    ("erfinv(x)", {"x": [1, 0, -1]}),
    ("relu(x)", {"x": [0, -0.0]}),
    ("relu6(x)", {"x": [0, 6]}),
    ("hard_sigmoid(x)", {"x": [-3, 3]}),
    ("elu(x)", {"x": [0]}),
    ("selu(x)", {"x": [0]}),
    ("softsign(x)", {"x": [0]}),
    ("sigmoid(x) + tanh(x) + softplus(x) + silu(x) + mish(x)", {"x": [-800, 800, 0]}),
    ("gelu(x) + gelu(x, exact = true)", {"x": [-100, 100, 0]}),
    ("where(x > 0, x, 0)", {"x": [0, 1, -1]}),
    ("mod(x, 2)", {"x": [0, 2, -2]}),
    ("x / y", {"x": [0, 1], "y": [0, 0]}),
    ("rms_norm(x, y) + layer_norm(x, y, y)", {"x": [[0, 0]], "y": [1, 1]}),
    ("det(x)", {"x": [[1, 2], [2, 4]]}),
    ("recurrence(x, y)", {"x": [[0, 0, 0]], "y": [[1, 0, 2]]}),
]
CHOSEN: list[tuple[str, dict[str, Any], Any, Any, str]] = [
    ("logsumexp(x, axis = -1)", {"x": MASKED[:1]}, -INF, [[0, 0, 0]], "a row that is masked"),
    ("cross_entropy(x, [0])", {"x": [[0, 0, -INF]]}, np.log(2), [[-0.5, 0.5, 0]], "0 * -inf"),
    ("norm(x)", {"x": [0, 0]}, 0, [0, 0], "the least of the subgradients"),
    ("norm(x, ord = 1)", {"x": [0, -4]}, 4, [0, -1], "as abs"),
    ("norm(x, ord = inf)", {"x": [0, 0]}, 0, [0, 0], "as abs"),
    ("std(x)", {"x": [2, 2]}, 0, [0, 0], "the least of the subgradients"),
    ("abs(x)", {"x": [0, -0.0]}, [0, 0], [0, 0], "between -1 and 1; JAX takes 1"),
    ("maximum(x, [1, 1])", {"x": [1, 2]}, [1, 2], [1, 1], "to the first; JAX halves"),
    ("minimum(x, [1, 0])", {"x": [1, 2]}, [1, 0], [1, 0], "to the first; JAX halves"),
    ("clip(x, -1, 1)", {"x": [-1, 1, 2]}, [-1, 1, 1], [1, 1, 0], "inside; JAX halves"),
    ("leaky_relu(x)", {"x": [0]}, [0], [0.01], "from the left; JAX takes 1"),
    ("hard_tanh(x)", {"x": [-1, 1]}, [-1, 1], [0, 0], "outside; JAX takes 1"),
    ("where(x > 0, ln(x), 0)", {"x": [0, 1]}, [0, 0], [0, 1], "what is not taken has no part"),
    ("kl_div(x, [[0.5, 0.5]])", {"x": [[0, 1]]}, [np.log(2)], [[0, 1 + np.log(2)]], "0 ln 0 is 0"),
    ("x^[0, 0]", {"x": [0, -2]}, [1, 1], [0, 0], "a constant, at 0 too"),
]


def _text(expr: str, leaves: dict[str, Any]) -> str:
    inputs = [f"input {n}: [{', '.join(map(str, np.shape(v)))}]" for n, v in leaves.items()]
    return "\n".join([*inputs, f"loss J = sum({expr})", ""])


def _ours(expr: str, leaves: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    lines = [f"output found = {expr}", *(f"output of_{name} = grad(J, {name})" for name in leaves)]
    model = graphdsl.loads(_text(expr, leaves) + "\n".join(lines) + "\n", dtype="f64")
    found = model.run({name: np.array(v, float) for name, v in leaves.items()})
    return found["found"], {name: found[f"of_{name}"] for name in leaves}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("expr", "leaves"), ALIKE, ids=[expr for expr, _ in ALIKE])
def test_as_jax_has_it(expr: str, leaves: dict[str, Any]) -> None:
    value, gradients = _ours(expr, leaves)
    feeds = {name: np.array(v, float) for name, v in leaves.items()}
    bare = parse(Source(_text(expr, leaves).replace("sum(", "(", 1)))
    np.testing.assert_allclose(value, run(bare, feeds), rtol=1e-12)
    theirs = jax.grad(lambda leaves: run(parse(Source(_text(expr, leaves))), leaves))(feeds)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, theirs[name], rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(
    ("expr", "leaves", "value", "slope", "reason"), CHOSEN, ids=[each[0] for each in CHOSEN]
)
def test_as_the_page_of_the_op_says(
    expr: str, leaves: dict[str, Any], value: Any, slope: Any, reason: str
) -> None:
    found, gradients = _ours(expr, leaves)
    np.testing.assert_allclose(found, np.broadcast_to(value, found.shape), rtol=1e-15)
    np.testing.assert_allclose(gradients["x"], slope, rtol=1e-15, err_msg=reason)


def test_second_derivatives_at_kinks() -> None:
    """Of x^2, x^3 and |x| at 0, and of the loss of a masked row."""
    text = (
        "input x: [3]\ninput z: [2, 3]\nJ = x[0]^2 + x[1]^3 + abs(x[2])\n"
        "L = sum(logsumexp(z, axis = 1))\noutput h = grad(sum(grad(J, x)), x)\n"
        "output k = grad(sum(grad(L, z)^2), z)\n"
    )
    found = graphdsl.loads(text, dtype="f64").run(x=np.zeros(3), z=np.array(MASKED, float))
    assert found["h"].tolist() == [2, 0, 0]
    assert found["k"][0].tolist() == [0, 0, 0]
    assert np.isfinite(found["k"]).all()
