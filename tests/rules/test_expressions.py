"""Operators, indexing, tensors written and joined, choices, and derivatives as expressions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.cli import main
from rules.asking import codes, errors, run, types
from rules.citations import rule

EXPRESSIONS = "Expressions"
GRADIENTS = "Gradients"


def case(words: str, *texts: tuple[str, object]) -> list:
    """Expressions of x = 3 and what they come to, each citing the same words."""
    return [pytest.param(*one, marks=rule(EXPRESSIONS, words), id=one[0]) for one in texts]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        *case("From the loosest to the tightest", ("x + 2 * x^2", 21), ("-x + 1", -2)),
        *case("decided at compile time", ("1 if true else x", 1), ("x if 2 < 1 else -x", -3)),
        *case("decided at compile time", ("1 + x if true else 0", 4)),
        *case(
            "`or`, `and`, `not` | truth values, element by element",
            ("true or false and false", True),
            ("not x > 3 and x > 2", True),
            ("not false or true", True),
        ),
        *case("one comparison; they are not chained", ("x + 1 < 5", True), ("x == 3", True)),
        *case("`+ -`", ("x - 1 - 1", 1), ("10 - x + 1", 8), ("x - -x", 6)),
        *case("`* / @`", ("12 / x / 2", 2), ("2 * x / 4", 1.5), ("1 + 6 / x", 3)),
        *case("`-x`", ("-x * 2", -6), ("2 * -x", -6), ("--x", 3)),
        *case("from right to left", ("2^x^2", 512), ("(2^x)^2", 64)),
        *case("`-x^2` is `-(x^2)`", ("-x^2", -9), ("(-x)^2", 9)),
        *case("and `2^-x` is allowed", ("2^-x", 0.125), ("2^-x^2", 2**-9)),
        *case("`f(…)`, `x[…]`, `x.T`", ("-exp(0 * x)", -1), ("[1, 2, 3][1]^2", 4)),
    ],
)
def test_operators(expression: str, value: object) -> None:
    assert run(f"input x\noutput y = {expression}\noutput z = x\n", x=3)["y"] == value


@pytest.mark.parametrize("expression", ["0 < x < 1", "x == 1 == 1", "1 < 2 >= 1"])
@rule(EXPRESSIONS, "one comparison; they are not chained")
def test_comparisons_are_not_chained(expression: str) -> None:
    assert errors(f"input x\noutput y = {expression}\n") == ["E0119"]


@rule(EXPRESSIONS, "`@` is the matrix product, as NumPy's `matmul`")
def test_matrix_products() -> None:
    a, b = np.arange(24.0).reshape(2, 3, 4), np.arange(8.0).reshape(4, 2)
    text = "input a: [2, 3, 4]\ninput b: [4, 2]\noutput y = a @ b\noutput z = a @ b[:, 0]\n"
    assert run(text, a=a, b=b) == {"y": (a @ b).tolist(), "z": (a @ b[:, 0]).tolist()}
    assert errors("input a: [2, 3]\noutput y = a @ a\n") == ["E0204"]


@rule(EXPRESSIONS, "Elementwise operators broadcast as in NumPy.")
def test_broadcasting() -> None:
    a, b = np.ones((3, 1)), np.arange(4.0)
    text = "input a: [3, 1]\ninput b: [4]\noutput y = a + b\n"
    assert run(text, a=a, b=b) == {"y": (a + b).tolist()}
    assert errors("input a: [3]\ninput b: [4]\noutput y = a + b\n") == ["E0201"]


@rule(EXPRESSIONS, "alone is computed in double precision and converted where it meets a tensor.")
def test_constants_are_computed_in_double_precision() -> None:
    text = "input x: f32\noutput y = x * ((1 + 1e-12) - 1)\n"
    assert graphdsl.loads(text).run(x=1)["y"] == pytest.approx(1e-12, rel=1e-3)


@rule(EXPRESSIONS, "What depends on constants and on the step of training")
def test_the_step_is_computed_in_double_precision() -> None:
    text = (
        "optimizer o(lr = 1) {\n  update p = p - lr * g\n}\nparam w: f32 = 0\nloss J = w\n"
        "train {\n  optimizer = o(lr = 1e12 * ((1 + 1e-12 * t) - 1))\n}\n"
    )
    model = graphdsl.loads(text)
    model.trainer().step()
    assert model.params["w"] == pytest.approx(-1, rel=1e-3)


@rule(EXPRESSIONS, "Reductions take `axis` and `keepdims` by keyword;")
def test_reductions() -> None:
    x = np.arange(6.0).reshape(2, 3)
    head = "input x: [2, 3]\noutput y = "
    assert run(f"{head}sum(x, axis = 0)\n", x=x)["y"] == [3, 5, 7]
    assert run(f"{head}mean(x, axis = -1, keepdims = true)\n", x=x)["y"] == [[1], [4]]
    assert errors(f"{head}sum(x, 0)\n") == ["E0408"]


@rule(EXPRESSIONS, "`max(x, axis = 0)` reduces, `maximum(a, b)` compares element by element.")
def test_max_and_maximum() -> None:
    text = "input x: [2]\ninput z: [2]\noutput y = max(x, axis = 0)\noutput m = maximum(x, z)\n"
    assert run(text, x=[1, 5], z=[2, 3]) == {"y": 5, "m": [2, 5]}


@pytest.mark.parametrize(
    "index",
    ["0", "-1", ":, 1:3", "..., -1", "1:, ::2", "::-1", "0, 1, 2", ":, :-1, 0", "..., 1, :"],
)
@rule(EXPRESSIONS, "Indexing is NumPy's: numbers, slices, `...`")
def test_indexing(index: str) -> None:
    x = np.arange(60.0).reshape(5, 4, 3)
    expected = eval(f"x[{index}]")  # what NumPy makes of the same text
    assert run(f"input x: [5, 4, 3]\noutput y = x[{index}]\n", x=x)["y"] == expected.tolist()


@rule(EXPRESSIONS, "and a tensor of integers, which gathers.")
def test_gathering() -> None:
    text = "input E: [4, 2]\ninput k: i64[3]\noutput y = E[k]\noutput z = E[:, k - 1]\n"
    table = np.arange(8.0).reshape(4, 2)
    found = run(text, E=table, k=[1, 2, 1])
    assert found == {"y": table[[1, 2, 1]].tolist(), "z": table[:, [0, 1, 0]].tolist()}
    assert errors("input E: [4]\ninput k: [3]\noutput y = E[k]\n") == ["E0209"]


@rule(EXPRESSIONS, "`.T` swaps the last two axes, of which there are two at least.")
def test_transpose() -> None:
    assert types("input x: [5, 4, 3]\noutput y = x.T\n") == {"y": "f32[5, 3, 4]"}
    assert errors("input x: [3]\noutput y = x.T\n") == ["E0202"]


@rule(EXPRESSIONS, "`[1, 2]` is a constant tensor.")
def test_lists() -> None:
    assert run("input x\noutput y = x * [[1, 2], [3, 4]]\n", x=2)["y"] == [[2, 4], [6, 8]]
    assert errors("input x\noutput y = [x, 1]\n") == ["E0320"]


@rule(EXPRESSIONS, "Computed values are joined by `stack` and `concat`;")
def test_joining() -> None:
    text = "input a: [2]\ninput b: [2]\noutput s = stack(a, b)\noutput c = concat(a, b)\n"
    assert run(text, a=[1, 2], b=[3, 4]) == {"s": [[1, 2], [3, 4]], "c": [1, 2, 3, 4]}


@rule(EXPRESSIONS, "`zeros`, `ones`, `full`, `eye` and `arange` make tensors.")
def test_tensors_are_made() -> None:
    text = (
        "output a = zeros([2])\noutput b = ones([2])\noutput c = full(7, [2])\n"
        "output d = eye(2)\noutput e = arange(3)\n"
    )
    expected = {"a": [0, 0], "b": [1, 1], "c": [7, 7], "d": [[1, 0], [0, 1]], "e": [0, 1, 2]}
    assert run(text) == expected


@rule(EXPRESSIONS, "`if` chooses between two graphs by constants and by `training`;")
def test_choices() -> None:
    text = "const deep = false\ninput x\ninput z\noutput y = x if deep else 2 * z\n"
    assert run(text, z=3) == {"y": 6}
    assert errors("input x\noutput y = x if x > 0 else 0\n") == ["E0317"]


@rule(EXPRESSIONS, "`where(condition, a, b)` chooses element by element.")
def test_where() -> None:
    assert run("input x: [2]\noutput y = where(x > 0, x, 7)\n", x=[-1, 2]) == {"y": [7, 2]}


# --- gradients ----------------------------------------------------------------------------------


@rule(GRADIENTS, "`grad(J, W)` is the gradient of a scalar with respect to a name")
def test_gradients() -> None:
    assert run("input x: [2]\ns = sum(x^3)\noutput y = grad(s, x)\n", x=[1, 2])["y"] == [3, 12]
    assert errors("input x: [2]\noutput y = grad(x^2, x)\n") == ["E0701"]
    assert codes("input x\ns = x^2\nh = 2 * s\noutput y = grad(s, h) + h\n") == ["W0111"]


@rule(GRADIENTS, "so it can be part of a formula and be differentiated again.")
def test_gradients_of_gradients() -> None:
    text = "input x\ns = x^4\nd = grad(s, x)\ne = grad(d, x)\noutput y = e + d\n"
    assert run(text, x=2)["y"] == pytest.approx(12 * 4 + 4 * 8)


@rule(GRADIENTS, "It is a node like any other")
def test_gradient_penalties_are_trained_on() -> None:
    text = "input x\nparam w = 3\ny = (w * x)^2\ns = grad(y, x)\nloss J = s^2\n"
    loss, gradient = graphdsl.loads(text, dtype="f64").value_and_grad(x=0.5)
    assert loss == pytest.approx((2 * 9 * 0.5) ** 2)
    assert gradient["w"] == pytest.approx(4 * 4 * 27 * 0.25)


@rule(GRADIENTS, "The second operand is a bare name")
def test_gradients_are_with_respect_to_names() -> None:
    assert errors("input x: [3]\ns = sum(x^2)\noutput y = grad(s, x[0])\n") == ["E0703"]


@rule(GRADIENTS, "`jacobian(y, x)` and `hessian(J, x)` are matrices of derivatives")
@rule(GRADIENTS, "`hvp(J, x, v)` and `jvp(y, x, v)` are their products with a direction")
@rule(GRADIENTS, "A Jacobian has the sizes of x first, then those of y.")
def test_matrices_of_derivatives() -> None:
    text = (
        "input x: [3]\ninput v: [3]\ny = stack(sum(x), sum(x^2))\nJ = sum(x^3)\n"
        "output D = jacobian(y, x)\noutput H = hessian(J, x)\n"
        "output p = hvp(J, x, v)\noutput d = jvp(y, x, v)\n"
    )
    x, v = np.array([1.0, 2, 3]), np.array([1.0, 0, -1])
    found = run(text, x=x, v=v)
    jacobian, hessian = np.stack([np.ones(3), 2 * x], 1), np.diag(6 * x)
    assert found["D"] == jacobian.tolist()
    assert found["H"] == hessian.tolist()
    assert found["p"] == (hessian @ v).tolist()
    assert found["d"] == (v @ jacobian).tolist()


@rule(GRADIENTS, "is the sum of squares over the trained parameters of rank 2 or more")
def test_l2() -> None:
    text = (
        "param W: [2, 2] = 1\nparam F: [2, 2] = 5 with frozen = true\nparam b: [2] = 3\n"
        "block Layer() {{\n  param W: [1, 3] = 2\n  return sum(W)\n}}\nh = Layer()\n"
        'output some = l2("*.W")\noutput each = l2("*")\n'
        "{}loss J = sum(W) + sum(F) + sum(b) + h\n"
    )
    found = run(text.format(""))
    assert (found["some"], found["each"]) == (12, 16)
    assert "E0303" in errors(text.format("param V: [2, 2] = 9\n"))


@rule(GRADIENTS, "`stop_gradient(x)` is x, held constant.")
def test_stop_gradient() -> None:
    text = "input x\ns = x * stop_gradient(x)\noutput y = s\noutput g = grad(s, x)\n"
    assert run(text, x=3) == {"y": 9, "g": 3}


SWEEP = "input x: [3]\ns2 = 2 * x\no2 = relu(s2)\nloss J = sum(o2^2)\n"


@rule(GRADIENTS, "What a reverse sweep computes can be read: `graphdsl show m.gdl --stage reverse`")
@rule(GRADIENTS, "Parameters, states and random numbers are its inputs")
@rule(GRADIENTS, "Of the line `o2 = relu(s2)` it makes:")
@rule(GRADIENTS, "Fed with the same values it gives the same gradients.")
def test_the_reverse_sweep_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.gdl"
    path.write_text(f"param w = 3\n{SWEEP.replace('2 * x', 'w * x')}")
    assert main(["show", str(path), "--stage", "reverse", "--dtype", "f64"]) == 0
    text = capsys.readouterr().out
    assert "d_s2 = where(o2 > 0, d_o2, 0)" in text
    assert "o2 = relu(s2)" in text.partition("d_s2 =")[0].splitlines()[-1]
    x = [1.0, -2.0, 0.5]
    _, expected = graphdsl.load(path, dtype="f64").value_and_grad(x=x)
    assert run(text, x=x, w=3)["d_w"] == pytest.approx(expected["w"])
