"""The NumPy engine: long programs in parts, and the emitted text."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from graphdsl.driver import Purpose, compile_source
from graphdsl.engines import numpy as engine
from graphdsl.graph.types import DType
from graphdsl.language.source import Source
from graphdsl.session import Session

TEXT = """
dim N
input x: [N, 3]
param W: [3, 3] ~ normal(0, 0.5)
a = x @ W + x.T[0, 0]
b = tanh(a + reshape(x, [3*N])[0])
c = concat(b, x.T.T, axis = 1)[:, :3] * x
loss J = mean((c + b)^2) + mean(x.T)
train {
  optimizer = adam(lr = cosine(0.1, warmup = 2))
}
"""


def losses(lines: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[float], str]:
    monkeypatch.setattr(engine, "LINES_PER_FUNCTION", lines)
    session = Session(compile_source(Source(TEXT), float=DType.f64), seed=1)
    purpose = session.compilation.step_purpose()
    x = np.random.default_rng(0).normal(size=(4, 3))
    arrays, sizes = session.feed({"x": x})
    program = session.executable(purpose, sizes)
    found = [float(session.call(program, arrays, t, 0, 10)[0]) for t in range(1, 5)]
    return found, program.program.source


@pytest.mark.parametrize("lines", [1, 2, 3, 7, 20])
def test_programs_in_parts_compute_the_same(lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, source = losses(2000, monkeypatch)
    parts, split = losses(lines, monkeypatch)
    assert parts == whole
    assert "def part_1(" in split
    assert "def part_" not in source


def test_the_source_is_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    _, source = losses(2000, monkeypatch)
    tree = ast.parse(source)
    calls = [n.func for n in ast.walk(tree) if isinstance(n, ast.Call)]
    names = {f.id for f in calls if isinstance(f, ast.Name)}
    assert not names & {"eval", "exec", "open", "getattr", "__import__"}
    assert max(map(len, source.splitlines())) < 200


def test_a_program_without_steps() -> None:
    session = Session(compile_source(Source("output y = 3\noutput z = [1, 2]\n")))
    found = session.results(Purpose(("y", "z")), {})
    assert found["y"] == 3
    np.testing.assert_array_equal(found["z"], [1, 2])
