"""Training and evaluation own the same parameters, wherever `training` is hidden."""

from __future__ import annotations

import pytest

import graphdsl
from graphdsl.driver import check, compile_source
from graphdsl.language.source import Source

HEAD = """
input x: [2, 4]
block Dense(x, n) {
  param W: [size(x, -1), n] = 1
  return x @ W
}
block Maybe(x, m) {
  return Dense(x, 3) if m else x
}
block Default(x, m = training) {
  return Dense(x, 3) if m else x
}
block Inner(x, m) {
  k = not m
  return x if k else Maybe(x, m)
}
"""
X = [[1.0] * 4] * 2


def errors(text: str) -> list[str]:
    return [one.code for one in check(Source(text)) if one.severity == "error"]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("y = Maybe(x, training)", "y.Dense.W"),
        ("y = Default(x)", "y.Dense.W"),
        ("y = Inner(x, training)", "y.Maybe.Dense.W"),
        ("const tr = training\ny = Dense(x, 3) if tr else x", "y.Dense.W"),
        ("const tr = not training\ny = x if tr else Dense(x, 3)", "y.Dense.W"),
        ("tr = training and true\ny = Dense(x, 3) if tr else x", "y.Dense.W"),
        ("const k = 3 if training else 4\ny = Dense(x, 3) if k == 3 else x", "y.Dense.W"),
        ("const k = [3, 4]\ny = Dense(x, 3) if k[0 if training else 1] == 3 else x", "y.Dense.W"),
        ("share f = Maybe(m = training)\ny = f(x)", "f.Dense.W"),
        (
            "m = false\nrepeat i in 1..2 {\n  m = training\n}\ny = Dense(x, 3) if m else x",
            "y.Dense.W",
        ),
    ],
)
def test_both_modes_own_the_same_parameters(line: str, name: str) -> None:
    model = graphdsl.loads(f"{HEAD}{line}\noutput z = sum(y)\n")
    assert list(model.params) == [name]
    assert model.run(x=X)["z"] == 8  # the sum of x itself: evaluation takes the other branch


def test_a_choice_that_training_does_not_decide_owns_one_branch() -> None:
    text = f"{HEAD}const k = 3\ny = Dense(x, 3) if k == 4 else x\noutput z = sum(y)\n"
    assert not graphdsl.loads(text).params


@pytest.mark.parametrize(
    "line",
    [
        "const k = 3 if training else 4\nparam W: [4, k] = 1",
        "param W: [4, 3 if training else 4] = 1",
        "param W: [4, 3] = 1 with lr = 0.1 if training else 0.2",
        "param W: [4, 3] = 1 with frozen = training",
        "const k = 3 if training else 4\nstate W: [4, k] = 1",
        "h = x\nrepeat i in 1..(2 if training else 1) {\n  param V: [4, 4] = 1\n  h = h @ V\n}\n"
        "param W: [4, 3] = 1",
    ],
)
def test_what_is_stored_may_not_depend_on_the_mode(line: str) -> None:
    assert errors(f"input x: [2, 4]\n{line}\noutput z = sum(x @ W)\n") == ["E0336"]


def test_the_fault_names_both_modes() -> None:
    text = "const k = 3 if training else 4\nparam W: [4, k] = 1\noutput z = sum(W)\n"
    (one,) = check(Source(text))
    assert one.message == (
        "'W' is a parameter f32[4, 4] in evaluation and a parameter f32[4, 3] in training"
    )
    assert one.labels[0].span.line == 2


def test_noise_in_an_optimizer_has_a_stream_for_each_parameter() -> None:
    text = """
    param a: [3] = 0
    param b: [3] = 0
    loss J = sum(a + b)
    optimizer noisy(lr = 1) {
      n = normal([3])
      update p = p - 0 * sum(g) + lr * n
    }
    train {
      optimizer = noisy()
    }
    """
    compilation = compile_source(Source(text))
    nodes = compilation.compiled(compilation.step_purpose()).graph.nodes
    streams = {node.attributes()["stream"] for node in nodes if node.op.random}
    assert streams == {"optimizer.a.n.normal", "optimizer.b.n.normal"}
