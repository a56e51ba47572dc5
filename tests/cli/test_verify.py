"""`verify`: a replay is bit for bit the run, or what differs is said."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from cli.runs import TEXT, at_step, contents
from graphdsl.training.run_state import RunState
from graphdsl.training.trainer import Trainer


@pytest.fixture
def done(call, path: Path) -> Path:
    """A run that has ended."""
    assert call("run", path, "-q", "--out", "o").code == 0
    return Path("o")


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
        ("--data", "e.npz"),
    ],
    ids=lambda words: str(words[0]) + str(words[1]),
)
def test_what_the_command_line_said_is_replayed(call, path: Path, words: tuple) -> None:
    rng = np.random.default_rng(1)
    np.savez("e.npz", x=rng.standard_normal((60, 6)), y=rng.integers(0, 3, 60))
    assert call("run", path, "-q", "--out", "o", *words).code == 0
    assert call("verify", "o", "-q").code == 0


def test_a_run_that_was_interrupted_is_verified_as_one(call, path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 9, lambda: signal.raise_signal(signal.SIGTERM))
        assert call("run", path, "-q", "--out", "o").code == 130
    found = call("verify", "o")
    assert found.code == 1
    assert "its ending was 'interrupted'" in found.err
    assert f"graphdsl run {path} --resume o" in found.err
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
    assert "history.jsonl: 3 epochs then, 4 now" in found.out
    assert "nothing that is recorded has changed" in found.out
    path.write_bytes(b"\xff")
    assert "history.jsonl cannot be read" in call("verify", "o", "-q").out


def test_a_table_that_was_changed_differs(call, done: Path) -> None:
    path = done / "history.csv"
    lines = path.read_text().splitlines()
    for cell, differs in ((2, False), (3, True)):  # the seconds, then the loss
        cells = lines[1].split(",")
        cells[cell] += "1"
        path.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]))
        found = call("verify", "o", "-q")
        assert found.code == differs
        assert ("differs: history.csv: line 2 holds 1," in found.out) == differs
    path.write_text("\n".join(lines[:-1]))
    assert "history.csv: 4 lines then, 5 now" in call("verify", "o", "-q").out
    path.write_bytes(b"\xff")
    assert "history.csv cannot be read" in call("verify", "o", "-q").out


def _weights(folder: Path) -> None:
    tensors = load_file(folder / "weights.safetensors")
    tensors["z.b"][0] = np.nextafter(tensors["z.b"][0], np.float32(9))
    save_file(tensors, folder / "weights.safetensors")


def _data(folder: Path) -> None:
    arrays = dict(np.load("d.npz"))
    arrays["y"][0] = 2 - arrays["y"][0]
    np.savez("d.npz", **{**arrays, "x": arrays["x"] + 1e-3})


def _text(folder: Path) -> None:
    (folder / "model.gdl").write_text(TEXT.replace("width = 8", "width = 9"))


def _damage(folder: Path) -> None:
    (folder / "model.gdl").write_text(TEXT.replace("dim N", "dim dim dim"))


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (_weights, "E0838", "'o/weights.safetensors' is not what the run left"),
        (_data, "E0835", "the data is not what the run has been trained on"),
        (_text, "E0836", "'o/model.gdl', or a file that it imports from, is not what"),
        (_damage, "E0836", "o/model.gdl:2:"),
        (lambda _: Path("d.npz").unlink(), "E0609", "d.npz"),
        (lambda folder: (folder / "model.gdl").unlink(), "E0836", "model.gdl"),
        (lambda folder: (folder / "metrics.json").unlink(), "E0838", "it has not ended"),
        (
            lambda folder: (folder / "metrics.json").write_text("[]"),
            "E0838",
            "does not say its ending",
        ),
        (lambda folder: (folder / "metrics.json").write_text("["), "E0838", "it is no JSON"),
        (lambda folder: (folder / "settings.json").unlink(), "E0836", "no settings.json"),
        (lambda folder: (folder / "weights.safetensors").unlink(), "E0620", "no weights file"),
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
    assert "  = help: " in found.err


@pytest.mark.parametrize("name", ["metrics.json", "model.gdl", "weights.safetensors"])
@pytest.mark.parametrize("damaged", [True, False])
def test_the_remedy_that_is_told_mends_it(
    call, path: Path, done: Path, name: str, damaged: bool
) -> None:
    """What can be told from the model and the last checkpoint is written anew by --resume."""
    if damaged:
        (done / name).write_bytes(b"\x00damaged")
    else:
        (done / name).unlink()
    before = call("verify", "o", "-q")
    assert before.code == 1
    assert f"graphdsl run {path} --resume o" in before.err
    if damaged and name == "model.gdl":
        assert "remove what was changed" in before.err
        (done / name).unlink()
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert call("verify", "o", "-q").code == 0


def test_data_that_has_moved_is_named(call, done: Path) -> None:
    Path("d.npz").rename("e.npz")
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
    assert "and 'auto' may have chosen another engine" in found.out


@pytest.mark.parametrize(
    "stop",
    [
        "after(seconds = 0.2)",
        "early(J, patience = 9999) or after(seconds = 0.2)",
        'plateau(J, window = 1, min_delta = 9, part = "train") and after(seconds = 0.2)',
    ],
)
@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_run_that_the_clock_ended_is_replayed_by_its_steps(
    call, path: Path, stop: str, accumulate: int
) -> None:
    words = ("--stop", stop, "--with", f"accumulate={accumulate}", "--epochs", 10**6)
    # so many epochs would be compiled, which takes longer than the clock lets them run
    assert call("run", path, "-q", "--out", "o", "--engine", "numpy", *words).code == 0
    said = json.loads(Path("o/metrics.json").read_text())
    assert said["ending"] == "early"
    found = call("verify", "o", "-q")
    assert found.code == 0
    steps = f"replayed for the {said['steps']:,} steps that the run took"
    assert steps in found.out
    assert json.loads(call("verify", "o", "--json").out)["clock_steps"] == said["steps"]


def test_a_clock_that_ended_nothing_ends_no_replay(call, path: Path) -> None:
    words = ("--stop", "after(seconds = 1e-9) and after(steps = 1000)")
    assert call("run", path, "-q", "--out", "o", *words).code == 0
    assert json.loads(Path("o/metrics.json").read_text())["ending"] == "epochs"
    done = call("verify", "o", "-q")
    assert (done.code, done.out.count("\n")) == (0, 1)


def test_a_divergence_is_replayed_whatever_the_clock_may_say(call, model, path: Path) -> None:
    diverging = model(TEXT.replace("adam(lr = cosine(1e-2, warmup = 5))", "sgd(lr = 1e38)"))
    words = ("--stop", "after(seconds = 1000)")
    assert call("run", diverging, "-q", "--out", "o", *words).code == 3
    done = call("verify", "o")
    assert done.code == 0
    assert "diverged after 0 epochs" in done.err
    assert "the clock" not in done.out


def test_a_clock_that_strikes_between_two_updates(
    call, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run ends after a whole update, which a replay can count: batch 6, not 5."""
    batches, real = [0], Trainer.step_on

    def step(self: Trainer, *args: object, **named: object) -> float:
        batches[0] += 1
        return real(self, *args, **named)

    words = ("--stop", "after(seconds = 5)", "--with", "accumulate=3")
    with monkeypatch.context() as patch:
        patch.setattr(RunState, "seconds", property(lambda _: float(batches[0])))
        patch.setattr(Trainer, "step_on", step)
        assert call("run", path, "-q", "--out", "o", *words).code == 0
    assert json.loads(Path("o/metrics.json").read_text())["steps"] == 2
    assert call("verify", "o", "-q").code == 0


def test_half_a_replay_is_no_verdict(call, done: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 9, lambda: signal.raise_signal(signal.SIGINT))
        found = call("verify", "o", "-q")
    assert (found.code, found.out) == (130, "")
