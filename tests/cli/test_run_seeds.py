"""The seed of a run: the same from the command line and from Python."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import graphdsl

SEEDED = """dim N
input x: [N, 4]
param W: [4, 4] ~ normal(0, 1)
loss J = mean((Dropout(x @ W, 0.5) - x)^2)
output y = x @ W
data { source = "d.npz", x = x }
train {
  optimizer = sgd(lr = 0.1)
  batch = 8
  epochs = 3
  seed = 7
}
"""


@pytest.fixture
def seeded(model, tmp_path: Path) -> Path:
    """A model that names a seed, draws its parameter and drops units while it trains."""
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).standard_normal((20, 4)))
    text = SEEDED.replace('{ source = "d.npz", x = x }', '{\n source = "d.npz"\n x = x\n}')
    path: Path = model(text)
    return path


@pytest.mark.parametrize("words", [(), ("--seed", 7), ("--seed", 8)])
def test_a_run_draws_from_the_seed_as_python_does(call, seeded: Path, words: tuple) -> None:
    assert call("run", seeded, "-q", "--out", "o", *words).code == 0
    model = graphdsl.load(seeded, seed=words[1] if words else None)
    model.fit()
    found = load_file("o/weights.safetensors")["W"]
    assert found.tobytes() == model.params["W"].tobytes()
    assert json.loads(Path("o/settings.json").read_text())["train"]["seed"] == model.seed


def test_values_of_an_untrained_model_are_those_of_its_seed(call, seeded: Path) -> None:
    expected = graphdsl.load(seeded).run(x=np.eye(4))["y"]
    done = call("predict", seeded, "x=[[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]", "--json")
    np.testing.assert_array_equal(np.float32(json.loads(done.out)["y"]), expected)
