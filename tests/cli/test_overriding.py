"""`--with` and `--training`: a file's settings and its mode, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import graphdsl

SMALL = """
dim N
input x: [N, 2]
input y: [N]
param w: [2] ~ normal(0, 1)
output line = Dropout(x, rate = 0.5) @ w
loss J = mean((line - y)^2)
data {
  source = "d.npz"
  x = x
  y = y
  split = [0.5, 0.5]
}
train {
  optimizer = sgd(lr = 0.1)
  batch = 16
  epochs = 3
}
"""


@pytest.fixture
def small(model, tmp_path: Path) -> Path:
    """A model that trains in a moment, its data beside it."""
    x = np.random.default_rng(0).standard_normal((64, 2))
    np.savez(tmp_path / "d.npz", x=x, y=x @ [3, -1])
    path: Path = model(SMALL)
    return path


def test_settings_of_the_command_line_train(call, small: Path) -> None:
    words = ["optimizer=adam(lr = 1e-2)", "epochs=5", "split=", "y=y/2", "stop="]
    done = call("run", small, "-q", "--out", "r", *[w for word in words for w in ("--with", word)])
    assert done.code == 0
    text = Path("r/model.gdl").read_text()
    assert "adam(lr = 1e-2)" in text
    assert "y = y / 2" in text
    assert "split" not in text
    assert json.loads(Path("r/metrics.json").read_text())["epochs"] == 5


def test_an_overridden_run_is_gone_on_with_as_it_was(call, small: Path) -> None:
    call("run", small, "-q", "--out", "whole", "--with", "optimizer=adam()", "--epochs", 6)
    call("run", small, "-q", "--out", "r", "--with", "optimizer=adam()")
    assert call("run", small, "-q", "--resume", "r", "--epochs", 6).code == 0
    one, other = (load_file(Path(name) / "weights.safetensors")["w"] for name in ("whole", "r"))
    assert one.tobytes() == other.tobytes()
    refused = call("run", small, "-q", "--resume", "r", "--with", "optimizer=sgd()")
    assert refused.code == 1
    assert "optimizer = sgd()" in refused.err


def test_every_command_that_compiles_takes_settings(call, small: Path) -> None:
    given = ("--with", "optimizer=adm()")
    for words in (["check"], ["info"], ["show"], ["evaluate"], ["predict"], ["gradcheck"]):
        done = call(*words, small, *given)
        assert done.code == 1
        assert "--> --with:1:13" in done.err
    assert "adm" in call("show", small, "--stage", "ast", *given).out


def test_training_is_a_mode_of_evaluation(call, small: Path, model) -> None:
    plain, mode = (call("evaluate", small, *words) for words in ([], ["--training"]))
    assert plain.code == mode.code == 0
    assert plain.out != mode.out
    bare = model("input x: [64]\noutput y = Dropout(x, rate = 0.5)\n", "bare.gdl")
    ones = f"x=[{', '.join(['1'] * 64)}]"
    found = json.loads(call("run", bare, ones, "--training", "--json").out)
    assert set(found["y"]) == {0, 2}
    made = graphdsl.load(bare).run(x=[1] * 64, training=True)
    assert found["y"] == made["y"].tolist()
    assert call("gradcheck", small, "--training").code == 0


def test_training_is_refused_where_a_file_trains(call, small: Path) -> None:
    done = call("run", small, "--training")
    assert done.code == 2
    assert "--training is for files without a train block" in done.err
