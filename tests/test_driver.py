"""The driver against odd texts: whatever is wrong with them is told, and soon."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from graphdsl.compiler.lower import context
from graphdsl.driver import Purpose, check, compile_source
from graphdsl.graph.types import DType
from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.language.source import Source
from graphdsl.session import Session

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").rglob("*.gdl"))
SECONDS = 5


def diagnose(text: str) -> tuple[Diagnostic, ...]:
    """What `check` says of a text, which it says in time."""
    before = time.perf_counter()
    found = check(Source(text))
    taken = time.perf_counter() - before
    assert taken < SECONDS, f"{taken:.1f} s"
    assert all(isinstance(one, Diagnostic) and str(one) for one in found)
    return found


def errors(text: str) -> list[str]:
    return [one.code for one in diagnose(text) if one.severity == "error"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_without_fault(path: Path) -> None:
    assert not check(Source(path.read_text(encoding="utf-8"), path.name))


@pytest.mark.parametrize(
    "text",
    [
        "block f(x) {\n  return x\n}\n",
        "dim N\n",
        "const k = 3\n",
        "output y = 3\n",
        "output y = [1, 2]\n",
        "output y = pi\n",
        "input x\n",
        "param W: [0, 3] = 0\noutput y = sum(W)\n",
        "dim N\ninput x: [N, 0]\noutput y = x\n",
        "const k = 9_223_372_036_854_775_807\ninput x\noutput y = x + k\n",
        "const k = -9_223_372_036_854_775_807 - 1\ninput x\noutput y = x + k\n",
        "input numpy\ninput b7\ninput x0\noutput import = numpy + b7 + x0\n".replace("import", "i"),
        "input lambda\noutput def = lambda\n",
        "input x\noutput y = x if training else -x\n",
    ],
)
def test_odd_and_right(text: str) -> None:
    assert not errors(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n# nothing\n",
        "\ufeff",
        "const k = 2^64\ninput x\noutput y = x\n",
        "const k = (2^62) * 4\ninput x\noutput y = x\n",
        "param W: [10^10, 10^10] = 0\noutput y = sum(W)\n",
        "param W: [2^62, 2^62] = 0\noutput y = sum(W)\n",
        "input x: [-1]\noutput y = x\n",
        "block f(g) {\n  return g(g)\n}\noutput y = f(f)\n",
        "output y = size\n",
        "output y = l2\n",
        "output y = 1 / 0 @ 2\n",
        "const k = [1, [2]]\noutput y = k\n",
        "input x: [3]\noutput y = x[10^18]\n",
        "input x: [3]\noutput y = reshape(x, [2^40, 2^40])\n",
        "input x\nparam w = 1\nloss J = w\ntrain {\n  optimizer = sgd(sgd)\n}\n",
        "input x\nparam w = 1\nloss J = w\ntrain {\n  optimizer = train\n}\n",
    ],
)
def test_odd_and_wrong(text: str) -> None:
    assert errors(text)


@pytest.mark.parametrize(
    "text",
    [
        "const k = 1 / 0\ninput x\noutput y = x * k\n",
        "const k = 0 / 0\ninput x\noutput y = x * k\n",
        "const k = (-1) ^ 0.5\ninput x\noutput y = x * k\n",
        "const k = 10.0 ^ 400\ninput x\noutput y = x * k\n",
        "const k = exp(1000)\ninput x\noutput y = x * k\n",
        "const k = ln(-1)\ninput x\noutput y = x * k\n",
        "const k = inf - inf\ninput x\noutput y = x * k\n",
        "const k = not 3\ninput x\noutput y = x\n",
        "const k = sqrt(true)\ninput x\noutput y = x * k\n",
        "input x: [3]\noutput y = x[:10^18]\n",
        "output y = arange(10^12)\n",
        "output y = zeros([10^6, 10^6])\n",
        "output y = eye(10^9)\n",
        "dim N\ninput x: [N]\noutput y = x * N^8 * N^8 * N^8\n",
        "dim N, M\ninput x: [(N + M)^8]\noutput y = reshape(x, [(N + M)^4, (N + M)^4])\n",
        "input x: [2]\noutput y = where(true, x, x)\noutput z = where(x > 0, 1, 2)\n",
        "output y = stack([1, 2], [3, 4])\noutput z = concat([1], [2])\n",
    ],
)
def test_odd(text: str) -> None:
    diagnose(text)


def test_numbers_without_a_value_are_silent() -> None:
    text = "const k = 1 / 0\nconst n = 0 / 0\ninput x\noutput y = x * k\noutput z = x * n\n"
    found = Session(compile_source(Source(text))).results(Purpose(("y", "z")), {"x": 1})
    assert found["y"] == np.inf
    assert np.isnan(found["z"])


def test_names_are_normalised() -> None:
    text = "input ﬁ\ninput x\noutput y = fi * x\n"
    assert not diagnose(text)
    assert errors("input Å\ninput Å\noutput y = Å\n") == ["E0302"]


def test_a_thousand_parameters() -> None:
    lines = [f"param w{i}: [3] ~ normal(0, 1) with lr = {i % 5 + 1}" for i in range(1000)]
    total = " + ".join(f"sum(w{i})" for i in range(0, 1000, 2))
    names = "\n".join([*lines, "input x: [3]", "s0 = sum(x)"])
    sums = "\n".join(f"s{i + 1} = s{i} + sum(w{i} * x)" for i in range(1000))
    text = f"{names}\n{sums}\nloss J = s1000^2\ntrain {{\n  optimizer = adam()\n}}\n"
    assert not diagnose(text)
    assert total  # a single line of them all nests too deep for a reader and for the parser


def chain_of_blocks(length: int, body: str = "{inner}(x) * 2") -> str:
    found = ["block f0(x) {\n  return sin(x)\n}"]
    for i in range(1, length):
        text = body.format(inner=f"f{i - 1}")
        found.append(f"block f{i}(x) {{\n  return {text}\n}}")
    return "\n".join([*found, "input x", f"output y = f{length - 1}(x)\n"])


def test_a_chain_of_blocks() -> None:
    assert not errors(chain_of_blocks(50))
    assert errors(chain_of_blocks(60)) == ["E0410"]
    assert errors(chain_of_blocks(3000)) == ["E0410"]


def test_a_chain_of_blocks_of_deep_expressions() -> None:
    body = "(1 + " * 150 + "{inner}(x)" + ")" * 150
    assert errors(chain_of_blocks(40, body)) == ["E0410"]


def test_blocks_that_double(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "MAX_EXPANSION", 5000)
    assert errors(chain_of_blocks(45, "{inner}(x) + {inner}(x)")) == ["E0410"]


def test_a_block_that_calls_itself_through_another() -> None:
    text = "block a(f, x) {\n  return f(a, x)\n}\nblock b(f, x) {\n  return f(b, x)\n}\n"
    assert errors(f"{text}input x\noutput y = a(b, x)\n") == ["E0404"]


def test_many_errors_are_told_soon() -> None:
    diagnose("input x\n" + "".join(f"a{i} = x + missing{i}\n" for i in range(3000)))


def test_a_model_without_training_says_so() -> None:
    compilation = compile_source(Source("input x\noutput y = x\n"))
    with pytest.raises(UsageError, match="no way to train"):
        compilation.step_purpose()


def test_graphs_of_both_modes_have_the_same_parameters() -> None:
    text = """
        block Noisy(x) {
          param W: [3] = 1
          return x * W
        }
        input x: [3]
        h = Noisy(x) if training else Dense(x, 3)
        output y = h
    """
    compilation = compile_source(Source(text), float=DType.f64)
    for training in (False, True):
        names = [v.name for v in compilation.graph(training).params]
        assert names == ["h.Noisy.W", "h.Dense.W", "h.Dense.b"]


def test_a_syntax_error_hides_no_other() -> None:
    text = (
        "input x: [3]\noutput y = x ** 2\nW = = 3\noutput z = log(x)\n"
        "output w = undefined + y + W\noutput q = x + ones([4])\n"
        'data {\n  source == "a.npz"\n  x = a\n}\n'
    )
    found = check(Source(text))
    assert [(d.code, d.primary.span.line) for d in found if d.primary][:5] == [
        ("E0109", 2),
        ("E0114", 3),
        ("E0301", 4),
        ("E0301", 5),
        ("E0201", 6),
    ]
    assert all(d.primary and d.primary.span.line == 8 for d in found[5:])


def test_what_a_broken_statement_would_have_bound_is_not_missed() -> None:
    text = "block B(x) {\n  return x +\n}\ninput x\nparam k = 1 1\noutput y = B(x) * k\n"
    assert {d.code[:3] for d in check(Source(text))} == {"E01"}
