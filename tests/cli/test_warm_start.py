"""`run --warm-start`: the weights that fit, and what becomes of the run."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

import graphdsl
from cli.runs import TEXT, at_step, left
from graphdsl.training.keeper import find_checkpoints


def test_a_warm_start_takes_what_fits_and_says_what(call, model, path: Path) -> None:
    assert call("run", path, "-q", "--out", "o").code == 0
    wider = model(TEXT.replace("Dense(h, 3)", "Dense(h, 4)"), "wide.gdl")
    done = call("run", wider, "--warm-start", "o", "--out", "p", "--epochs", 1)
    assert done.code == 0
    assert "from o/weights.safetensors: h." in done.err
    assert "not taken: 'z.W' is f32[8, 3] in the file and f32[8, 4] in the model" in done.err
    begun = graphdsl.load(wider)
    begun.restore("p/start.safetensors")
    was = graphdsl.load(path)
    was.restore("o/weights.safetensors")
    for name, array in begun.params.items():
        assert (array.tobytes() == was.params[name].tobytes()) == (not name.startswith("z."))


@pytest.mark.parametrize("checkpoints", [True, False])
def test_a_warm_start_goes_on_too(call, path: Path, checkpoints: bool) -> None:
    assert call("run", path, "-q", "--out", "first", "--seed", 9).code == 0
    words = ("--warm-start", "first/weights.safetensors")
    assert call("run", path, "-q", "--out", "whole", *words).code == 0
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 9, lambda: signal.raise_signal(signal.SIGTERM))
        assert call("run", path, "-q", "--out", "o", *words).code == 130
    Path("first/weights.safetensors").unlink()
    for one in find_checkpoints(Path("o")) if not checkpoints else ():
        one.unlink()
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


def test_a_warm_start_with_nothing_that_fits_is_refused(call, model, path: Path) -> None:
    assert call("run", path, "-q", "--out", "o").code == 0
    other = model("param w = 1\nloss J = w^2\ntrain { optimizer = sgd(lr = 0.1) }\n", "w.gdl")
    done = call("run", other, "--warm-start", "o", "--out", "p")
    assert done.code == 1
    assert "E0621" in done.err
    assert not Path("p").exists()
