"""Exported files stand alone, and give the bits that the model gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from engines.exported import alone, assert_same_bits, batches_of, sizes_of, together
from graphdsl.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"
TRAINED = sorted(
    path for path in EXAMPLES.rglob("*.gdl") if "train {" in path.read_text(encoding="utf-8")
)
STEPS = 20
ROWS = 6


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_the_bits_of_every_example(path: Path, tmp_path: Path) -> None:
    model = graphdsl.load(path)
    batches = batches_of(model, ROWS, 3)
    written = model.export(tmp_path / "exported.py", sizes=sizes_of(model, batches[0]))
    assert all(file.is_file() for file in written)
    text = written[0].read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 100
    assert_same_bits(alone(tmp_path, batches, STEPS), together(model, batches, STEPS))


def test_programs_for_several_sizes(tmp_path: Path) -> None:
    model = graphdsl.load(EXAMPLES / "digits.gdl", hidden=8)
    small, large = batches_of(model, 1, 1)[0], batches_of(model, 5, 1)[0]
    model.export(tmp_path / "exported.py", sizes={"N": [1, 5]})
    batches = [large, small]
    assert_same_bits(alone(tmp_path, batches, 6), together(model, batches, 6))


RARE = """
input x: [N, 3]
input k: i64[N]
dim N
param W: [3, 4] ~ normal()
param E: [5, 4] ~ normal()
state seen: [4] = 0
h = erf(x @ W) + E[k]
u = Dropout(lgamma(abs(h) + 1.5) + erfinv(0.5 * tanh(h)), 0.3)
update seen = 0.9 * seen + 0.1 * mean(h, axis = 0)
output p = softmax(h + seen)
output q = (x @ W)[..., 0]
loss J = mean(u^2)
train { optimizer = adam(lr = cosine(1e-2)) batch = 4 MORE }
"""


@pytest.mark.parametrize(
    "more", ["", "accumulate = 3", "average = 0.9\n clip_norm = 1", "clip_value = 0.01"]
)
def test_the_bits_of_rarer_things(more: str, tmp_path: Path) -> None:
    text = RARE.replace("{ optimizer", "{\n optimizer").replace(" batch", "\n batch")
    text = text.replace(" MORE }", f"\n {more}\n}}")
    model = graphdsl.loads(text, seed=3)
    rng = np.random.default_rng(0)
    batches = [
        {"x": rng.normal(size=(n, 3)).astype("f4"), "k": rng.integers(0, 5, n)} for n in (4, 4, 2)
    ]
    model.export(tmp_path / "exported.py", sizes={"N": [4, 2]})
    assert_same_bits(alone(tmp_path, batches, STEPS), together(model, batches, STEPS))


def test_long_programs_in_several_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphdsl.engines.numpy.LINES_PER_FUNCTION", 7)
    model = graphdsl.load(EXAMPLES / "digits_dropout.gdl")
    batches = batches_of(model, 4, 2)
    path, _ = model.export(tmp_path / "exported.py", sizes={"N": 4})
    assert "def part_3(" in path.read_text(encoding="utf-8")
    assert_same_bits(alone(tmp_path, batches, 4), together(model, batches, 4))


def test_the_weights_of_a_run_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, run = str(EXAMPLES / "digits.gdl"), str(tmp_path / "run")
    assert main(["run", file, "--epochs", "1", "--quiet", "--out", run]) == 0
    target = str(tmp_path / "exported.py")
    assert main(["export", file, "--to", "numpy", "-o", target, "--weights", run, "N=6"]) == 0
    assert "exported.npz" in capsys.readouterr().err
    model = graphdsl.load(file)
    model.restore(run)
    batches = batches_of(model, ROWS, 1)
    assert_same_bits(alone(tmp_path, batches, 2), together(model, batches, 2))
