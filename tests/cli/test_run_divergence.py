"""A run that diverges: exit 3, and a good checkpoint to go on from, however early it was."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from cli.runs import left
from graphdsl.training.keeper import find_checkpoints

TEXT = """dim N
input x: [N]
param w: f64 = 1
loss J = mean(w / cast(x, f64))
data {
  source = "x.npz"
  x = x
}
train {
  optimizer = sgd(lr = 1e-3)
  batch = 1
  epochs = 3
  shuffle = false
}
"""


@pytest.fixture
def diverging(model, tmp_path: Path):
    """`diverging(step)` is a model whose loss is infinite at that step."""

    def write(step: int) -> Path:
        x = np.ones(130, np.float32)
        x[step - 1] = 0
        np.savez(tmp_path / "x.npz", x=x)
        path: Path = model(TEXT)
        return path

    return write


@pytest.mark.parametrize(("step", "saved"), [(1, 0), (2, 0), (64, 0), (65, 64), (100, 64)])
def test_the_last_good_state_is_saved(call, diverging, step: int, saved: int) -> None:
    path = diverging(step)
    done = call("run", path, "--out", "o")
    assert done.code == 3
    assert f"E0805]: the loss J is inf at step {step}: '/' gives inf" in done.err
    assert "what it came to is in o" in done.err
    (found,) = find_checkpoints(Path("o"))
    assert found.stem == f"step-{saved:06}"
    assert load_file(found)["w"] == pytest.approx(1 - 1e-3 * saved)
    assert json.loads(Path("o/metrics.json").read_text())["ending"] == "diverged"
    before = left("o")
    again = call("run", path, "--resume", "o")
    assert again.code == 3
    assert f"going on from {found}: step {saved}" in again.err
    assert f"the loss J is inf at step {step}" in again.err
    assert left("o") == before
    assert call("verify", "o", "-q").code == 0


def test_no_checkpoint_holds_what_is_not_finite(call, model) -> None:
    """The loss of the last step is finite, and its update is not."""
    path = model(
        "param w = 1\nloss J = w\noptimizer blow() {\n  update p = p / (3 - t)\n}\n"
        "train {\n  optimizer = blow()\n  epochs = 9\n}\n"
    )
    assert call("run", path, "-q", "--out", "o", "--checkpoint-every", 1).code == 3
    assert [one.stem for one in find_checkpoints(Path("o"))] == ["step-000001", "step-000002"]


def test_a_disk_that_refuses_it_is_told_beside(
    call, diverging, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def fail(source: str, target: Path) -> None:
        if Path(target).name.startswith("step-") and Path(target).stem != "step-000000":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target)

    monkeypatch.setattr(os, "replace", fail)
    done = call("run", diverging(70), "-q", "--out", "o")
    assert done.code == 3
    assert "error[E0805]" in done.err
    assert "error[E0812]" in done.err
    assert "step-000064.safetensors' cannot be written: No space left on device" in done.err
