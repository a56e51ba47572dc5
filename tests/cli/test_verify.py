"""`verify`: a replay is bit for bit the run, or what differs is said."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from graphdsl.training.trainer import Trainer

TEXT = """const width = 8
dim N
input x: [N, 6]
input y: i64[N]
h = Dropout(relu(BatchNorm(Dense(x, width))), 0.3)
z = Dense(h, 3)
loss J = mean(cross_entropy(z, y))
metric accuracy = mean(argmax(z) == y)
data {
  source = "parts/d.npz"
  x = x
  y = y
  split = [0.7, 0.3]
}
train {
  optimizer = adam(lr = cosine(1e-2, warmup = 5))
  batch = 10
  epochs = 3
}
"""


@pytest.fixture
def path(model, tmp_path: Path) -> Path:
    """A model whose data stands below it."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100, 6))
    (tmp_path / "parts").mkdir()
    np.savez(tmp_path / "parts" / "d.npz", x=x, y=(x[:, 0] > 0).astype(int) + (x[:, 1] > 0))
    found: Path = model(TEXT)
    return found


@pytest.fixture
def done(call, path: Path) -> Path:
    """A run that has ended."""
    assert call("run", path, "-q", "--out", "o").code == 0
    return Path("o")


def contents(folder: Path) -> dict[Path, bytes]:
    return {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_a_run_comes_out_bit_for_bit(call, path: Path, done: Path) -> None:
    path.unlink()  # the folder has what it needs
    before = contents(Path())
    found = call("verify", "o")
    assert (found.code, found.err) == (0, found.err)
    hash = json.loads((done / "metrics.json").read_text())["weights"]
    assert found.out == f"o: bit for bit the same: {hash}\n"
    assert contents(Path()) == before


@pytest.mark.parametrize(
    "words",
    [
        ("--seed", 7, "--batch", "all", "--epochs", 2),
        ("--set", "width=3", "--dtype", "f64"),
        ("--with", "batch=7", "--with", "optimizer=sgd(lr = 0.1)"),
        ("--with", "stop=early(J, patience = 1)", "--with", "accumulate=2"),
        ("--data", "parts/e.npz"),
    ],
    ids=lambda words: str(words[0]) + str(words[1]),
)
def test_what_the_command_line_said_is_replayed(call, path: Path, words: tuple) -> None:
    rng = np.random.default_rng(1)
    np.savez("parts/e.npz", x=rng.standard_normal((60, 6)), y=rng.integers(0, 3, 60))
    assert call("run", path, "-q", "--out", "o", *words).code == 0
    assert call("verify", "o", "-q").code == 0


def test_a_run_that_was_interrupted_is_verified_as_one(call, path: Path) -> None:
    real = Trainer.step

    def step(self: Trainer, *args: object, **named: object) -> float:
        loss = real(self, *args, **named)
        if self.t == 9:
            signal.raise_signal(signal.SIGTERM)
        return loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "step", step)
        assert call("run", path, "-q", "--out", "o").code == 130
    found = call("verify", "o")
    assert found.code == 1
    assert "its ending was 'interrupted'" in found.err
    assert "--resume" in found.err
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert call("verify", "o", "-q").code == 0


def test_a_warm_start_is_replayed(call, path: Path, done: Path) -> None:
    assert call("run", path, "-q", "--out", "p", "--warm-start", "o", "--epochs", 1).code == 0
    assert call("verify", "p", "-q").code == 0
    save_file(load_file(done / "weights.safetensors"), "p/start.safetensors")
    assert call("verify", "p", "-q").code == 0
    zeros = {name: 0 * array for name, array in load_file("p/start.safetensors").items()}
    save_file(zeros, "p/start.safetensors")
    assert call("verify", "p", "-q").code == 1


def test_a_run_that_diverged_is_replayed(call, model, path: Path) -> None:
    diverging = model(TEXT.replace("adam(lr = cosine(1e-2, warmup = 5))", "sgd(lr = 1e38)"))
    assert call("run", diverging, "-q", "--out", "o").code == 3
    assert call("verify", "o", "-q").code == 0


def test_what_differs_is_said(call, done: Path) -> None:
    settings = json.loads((done / "settings.json").read_text())
    settings |= {"seed": 1, "versions": {**settings["versions"], "numpy": "1.0"}}
    (done / "settings.json").write_text(json.dumps(settings))
    found = call("verify", "o", "-q")
    assert found.code == 1
    assert found.out.startswith("o: not the same: ")
    assert "differs: 'z.W': 24 of 24 values, by" in found.out
    assert "differs: history.jsonl: epoch 1, train.J: " in found.out
    assert f"changed: numpy 1.0 then, {np.__version__} now" in found.out
    told = json.loads(call("verify", "o", "--json").out)
    assert not told["equal"]
    assert told["weights"] != told["replayed"]
    assert len(told["differences"]) >= 2


def test_a_history_that_was_changed_differs(call, done: Path) -> None:
    path = done / "history.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]))
    found = call("verify", "o", "-q")
    assert found.code == 1
    assert "history.jsonl: 2 epochs then, 3 now" in found.out
    assert "nothing that is recorded has changed" in found.out
    path.write_bytes(b"\xff")
    assert "history.jsonl cannot be read" in call("verify", "o", "-q").out


def _weights(folder: Path) -> None:
    tensors = load_file(folder / "weights.safetensors")
    tensors["z.b"][0] = np.nextafter(tensors["z.b"][0], np.float32(9))
    save_file(tensors, folder / "weights.safetensors")


def _data(folder: Path) -> None:
    arrays = dict(np.load("parts/d.npz"))
    arrays["y"][0] = 2 - arrays["y"][0]
    np.savez("parts/d.npz", **{**arrays, "x": arrays["x"] + 1e-3})


def _text(folder: Path) -> None:
    (folder / "model.gdl").write_text(TEXT.replace("width = 8", "width = 9"))


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (_weights, "E0838", "'o/weights.safetensors' is not what the run left"),
        (_data, "E0835", "the data is not what the run has been trained on"),
        (_text, "E0836", "model.gdl, or a file beside it, is not what the run had"),
        (lambda _: Path("parts/d.npz").unlink(), "E0609", "parts/d.npz"),
        (lambda folder: (folder / "model.gdl").unlink(), "E0101", "model.gdl"),
        (lambda folder: (folder / "metrics.json").unlink(), "E0838", "it has not ended"),
        (lambda folder: (folder / "metrics.json").write_text("[]"), "E0838", "cannot be read"),
        (lambda folder: (folder / "metrics.json").write_text("["), "E0838", "cannot be read"),
        (lambda folder: (folder / "settings.json").unlink(), "E0836", "no settings.json"),
        (lambda folder: (folder / "weights.safetensors").unlink(), "E0620", "cannot be read"),
        (lambda folder: (folder / "weights.safetensors").write_bytes(b""), "E0620", "is empty"),
    ],
)
def test_what_is_missing_or_changed_is_said(
    call, done: Path, change: Callable[[Path], object], code: str, said: str
) -> None:
    change(done)
    found = call("verify", "o", "-q")
    assert (found.code, found.out) == (1, "")
    assert code in found.err
    assert said in found.err


def test_data_that_has_moved_is_named(call, done: Path) -> None:
    Path("parts/d.npz").rename("e.npz")
    assert call("verify", "o", "-q").code == 1
    assert call("verify", "o", "-q", "--data", "e.npz").code == 0


def test_a_moved_folder_is_still_verified(call, done: Path) -> None:
    done.rename("elsewhere")
    assert call("verify", "elsewhere", "-q").code == 0


def test_a_schedule_that_saw_another_end_is_named(call, path: Path) -> None:
    assert call("run", path, "-q", "--out", "o", "--epochs", 1).code == 0
    assert call("run", path, "-q", "--resume", "o", "--epochs", 3).code == 0
    found = call("verify", "o", "-q")
    assert found.code == 1
    assert "the run went on to 3 epochs at step 7" in found.out
