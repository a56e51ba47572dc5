"""`run --resume`, `--warm-start`, checkpoints: nothing is lost, and nothing differs."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.training import run_folder
from graphdsl.training.keeper import Keeper, find_checkpoints
from graphdsl.training.trainer import Trainer

TREE = Path(__file__).parents[2]
TEXT = """const width = 8
dim N
input x: [N, 6]
input y: i64[N]
h = Dropout(relu(BatchNorm(Dense(x, width))), 0.3)
z = Dense(h, 3)
loss J = mean(cross_entropy(z, y))
metric accuracy = mean(argmax(z) == y)
data {
  source = "d.npz"
  x = x
  y = y
  split = [0.7, 0.3]
}
train {
  optimizer = adam(lr = cosine(1e-2, warmup = 5))
  batch = 10
  epochs = 4
}
"""


@pytest.fixture
def path(model, tmp_path: Path) -> Path:
    """A model with dropout, batch normalisation and a schedule: 7 steps an epoch, 4 epochs."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100, 6))
    np.savez(tmp_path / "d.npz", x=x, y=(x[:, 0] > 0).astype(int) + (x[:, 1] > 0))
    found: Path = model(TEXT)
    return found


def left(folder: str) -> tuple[bytes, list[dict[str, float]], dict]:
    """What two runs have to have in common of which one was interrupted."""
    lines = Path(folder, "history.jsonl").read_text().splitlines()
    metrics = json.loads(Path(folder, "metrics.json").read_text())
    rows = [json.loads(line) for line in lines]
    table = Path(folder, "history.csv").read_text().splitlines()
    assert len(table) == len(rows) + 1
    for one in (metrics, *rows):
        del one["seconds"]
    return Path(folder, "weights.safetensors").read_bytes(), rows, metrics


def at_step(
    monkeypatch: pytest.MonkeyPatch, step: int, action: Callable[[], object]
) -> pytest.MonkeyPatch:
    """Do something after a step of the trainer, which is then undone."""
    real = Trainer.step

    def wrapped(self: Trainer, *args: object, **named: object) -> float:
        loss = real(self, *args, **named)
        if self.t == step:
            action()
        return loss

    monkeypatch.setattr(Trainer, "step", wrapped)
    return monkeypatch


# --- going on ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("step", [1, 7, 9, 27, 28])
def test_a_signal_saves_and_the_run_goes_on(call, path: Path, name: str, step: int) -> None:
    assert call("run", path, "-q", "--out", "whole").code == 0
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, step, lambda: signal.raise_signal(getattr(signal, name)))
        done = call("run", path, "--out", "o")
    assert done.code == 130
    assert f"graphdsl run {path} --resume o" in done.err
    assert [one.name for one in find_checkpoints(Path("o"))] == [f"step-{step:06}.safetensors"]
    assert json.loads(Path("o/metrics.json").read_text())["ending"] == "interrupted"
    done = call("run", path, "--resume", "o")
    assert done.code == 0
    assert f"going on from o/checkpoints/step-{step:06}.safetensors: step {step}," in done.err
    assert left("o") == left("whole")


def test_a_second_signal_ends_at_once_and_the_last_checkpoint_stands(call, path: Path) -> None:
    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    assert call("run", path, "-q", "--out", "whole").code == 0
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 9, twice)
        done = call("run", path, "-q", "--out", "o", "--checkpoint-every", 5)
    assert (done.code, done.out) == (130, "")
    assert [one.stem for one in find_checkpoints(Path("o"))] == ["step-000005"]
    assert not Path("o/weights.safetensors").exists()
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


def test_a_second_signal_during_the_save_waits_for_it(call, path: Path) -> None:
    """Ctrl-C twice in a hurry: the second falls into the save that the first has begun."""
    whole = Keeper.save

    def hurried(self: Keeper, *args: object) -> None:
        signal.raise_signal(signal.SIGINT)
        whole(self, *args)

    assert call("run", path, "-q", "--out", "whole").code == 0
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 9, lambda: signal.raise_signal(signal.SIGINT))
        patch.setattr(Keeper, "save", hurried)
        assert call("run", path, "-q", "--out", "o").code == 130
    assert [one.stem for one in find_checkpoints(Path("o"))] == ["step-000009"]
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


def test_sigterm_saves_where_a_shell_ignores_ctrl_c(call, path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.MonkeyPatch.context() as patch:
            at_step(patch, 9, lambda: signal.raise_signal(signal.SIGTERM))
            assert call("run", path, "-q", "--out", "o").code == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert [one.name for one in find_checkpoints(Path("o"))] == ["step-000009.safetensors"]


def test_the_newest_run_of_the_model_goes_on(call, path: Path) -> None:
    for _ in range(2):
        assert call("run", path, "-q", "--epochs", 1).code == 0
    Path("runs/m-7").mkdir()
    Path("runs/other-9").mkdir()
    assert "run saved in runs/m-2" in call("run", path, "-q", "--resume").out


def test_a_run_that_has_ended_stays_as_it_is(call, path: Path) -> None:
    assert call("run", path, "-q", "--out", "o").code == 0
    before = left("o")
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == before


def test_a_run_without_a_checkpoint_begins_again(call, path: Path) -> None:
    assert call("run", path, "-q", "--out", "whole").code == 0
    assert call("run", path, "-q", "--out", "o").code == 0
    for name in ("weights.safetensors", "metrics.json", "history.csv", "history.jsonl"):
        Path("o", name).unlink()
    for one in Path("o/checkpoints").iterdir():
        one.unlink()
    done = call("run", path, "--resume", "o")
    assert "from the beginning" in done.err
    assert left("o") == left("whole")


def test_options_of_the_run_need_not_be_said_again(call, path: Path, tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()
    (tmp_path / "d.npz").rename(tmp_path / "else" / "e.npz")
    words = ("--set", "width=5", "--dtype", "f64", "--seed", 4, "--batch", 9)
    words = (*words, "--with", "shuffle=false", "--data")
    assert call("run", path, "-q", "--out", "whole", *words, "else/e.npz").code == 0
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 9, lambda: signal.raise_signal(signal.SIGTERM))
        assert call("run", path, "-q", "--out", "o", *words, "else/e.npz").code == 130
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


def test_epochs_may_grow(call, path: Path, model) -> None:
    constant = model(TEXT.replace("cosine(1e-2, warmup = 5)", "1e-2"))
    assert call("run", constant, "-q", "--out", "whole", "--epochs", 6).code == 0
    assert call("run", constant, "-q", "--out", "o", "--epochs", 2).code == 0
    assert call("run", constant, "-q", "--resume", "o", "--epochs", 6).code == 0
    assert left("o") == left("whole")
    settings = json.loads(Path("o/settings.json").read_text())
    assert settings["extended"] == [{"step": 14, "epochs": 6}]
    assert settings["train"]["epochs"] == 6
    assert settings["learned"]


def test_a_run_that_was_extended_and_stopped_has_not_ended(call, path: Path) -> None:
    assert call("run", path, "-q", "--out", "o", "--epochs", 2).code == 0
    assert call("verify", "o", "-q").code == 0

    def fail() -> None:
        raise RuntimeError("killed")

    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 16, fail)
        assert call("run", path, "-q", "--resume", "o", "--epochs", 4).code == 1
    assert "it has not ended" in call("verify", "o", "-q").err
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert len(left("o")[1]) == 4


def test_a_fault_in_a_run_that_goes_on_leaves_its_folder(call, path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 3, lambda: signal.raise_signal(signal.SIGTERM))
        call("run", path, "-q", "--out", "o")

    def fail() -> None:
        raise graphdsl.DataError(graphdsl.Diagnostic("E0616", "no more"))

    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 5, fail)
        assert call("run", path, "-q", "--resume", "o").code == 1
    assert call("run", path, "-q", "--out", "whole").code == 0
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


def test_a_first_epoch_that_fails_leaves_what_was_saved(call, path: Path) -> None:
    def fail() -> None:
        raise graphdsl.DataError(graphdsl.Diagnostic("E0616", "no more"))

    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 5, fail)
        assert call("run", path, "-q", "--out", "o").code == 1
        assert not Path("o").exists()
        words = ("--checkpoint-every", 2, "--keep", 1)
        assert call("run", path, "-q", "--out", "o", *words).code == 1
    assert [one.name for one in find_checkpoints(Path("o"))] == ["step-000004.safetensors"]
    assert call("run", path, "-q", "--out", "whole").code == 0
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


# --- what does not go on ----------------------------------------------------------------------


@pytest.fixture
def stopped(call, path: Path) -> Path:
    """A run that was interrupted in its second epoch."""
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 9, lambda: signal.raise_signal(signal.SIGTERM))
        assert call("run", path, "-q", "--out", "o").code == 130
    return Path("o")


def contents(folder: Path) -> dict[Path, bytes]:
    return {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("Dense(h, 3)", "Dense(h, 4)", ("E0834", "-z = Dense(h, 3)", "+z = Dense(h, 4)")),
        ("width = 8", "width = 9", ("E0834", "-const width = 8", "const width: 8 then, 9 now")),
        ("epochs = 4", "epochs = 5", ("E0834", "-  epochs    = 4", "+  epochs    = 5")),
    ],
)
def test_another_model_is_refused_with_the_difference(
    call, model, stopped: Path, before: str, after: str, said: tuple[str, ...]
) -> None:
    held = contents(stopped)
    done = call("run", model(TEXT.replace(before, after)), "--resume", "o")
    assert done.code == 1
    assert all(one in done.err for one in said), done.err
    assert "--warm-start" in done.err
    assert contents(stopped) == held


def test_a_comment_changes_no_model(call, model, stopped: Path) -> None:
    assert call("run", model("# why\n" + TEXT), "-q", "--resume", "o").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--seed", 5), "seed = 0, and cannot go on with 5"),
        (("--batch", 5), "batch = 10, and cannot go on with 5"),
        (("--epochs", 2), "4 epochs, and cannot go on to 2"),
        (("--set", "width=7"), "const width: 8 then, 7 now"),
        (("--dtype", "f64"), "float: f32 then, f64 now"),
    ],
)
def test_other_settings_are_refused(
    call, path: Path, stopped: Path, words: tuple[object, ...], said: str
) -> None:
    held = contents(stopped)
    done = call("run", path, "--resume", "o", *words)
    assert done.code == 1
    assert said in done.err
    assert contents(stopped) == held


def test_other_data_is_refused(call, path: Path, stopped: Path) -> None:
    arrays = dict(np.load("d.npz"))
    arrays["x"][99, 0] += 1e-6
    np.savez("d.npz", **arrays)
    done = call("run", path, "--resume", "o")
    assert done.code == 1
    assert "E0835" in done.err
    assert "the data is not what the run has been trained on" in done.err


def test_a_damaged_checkpoint_is_refused_and_the_one_before_taken(call, path: Path) -> None:
    assert call("run", path, "-q", "--out", "whole").code == 0
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 17, lambda: signal.raise_signal(signal.SIGTERM))
        assert call("run", path, "-q", "--out", "o", "--checkpoint-every", 5).code == 130
    old, new = find_checkpoints(Path("o"))
    assert (old.name, new.name) == ("step-000015.safetensors", "step-000017.safetensors")
    new.write_bytes(new.read_bytes()[:-1])
    done = call("run", path, "--resume", "o")
    assert done.code == 1
    assert "E0626" in done.err
    assert f"'{new}'" in done.err
    assert "remove it: the run then goes on from the checkpoint before it" in done.err
    new.unlink()
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


@pytest.mark.parametrize(
    ("folder", "said"),
    [("none", "it has no settings.json"), ("bad", "cannot be read"), ("old", "lacks 'model'")],
)
def test_a_folder_that_is_no_run(call, path: Path, folder: str, said: str) -> None:
    for name, text in (("bad", "{"), ("old", "{}")):
        Path(name).mkdir()
        Path(name, "settings.json").write_text(text)
    done = call("run", path, "--resume", folder)
    assert done.code == 1
    assert "E0836" in done.err
    assert said in done.err


def test_without_any_run_there_is_nothing_to_go_on_with(call, path: Path) -> None:
    done = call("run", path, "--resume")
    assert done.code == 1
    assert "'runs' holds no run of m.gdl" in done.err
    assert not Path("runs").exists()


def test_settings_with_another_meaning_are_no_run(call, path: Path, stopped: Path) -> None:
    plain = json.loads((stopped / "settings.json").read_text())
    wrong = [1, None, "x", [], {}, {"a": 1}, -1, True, "../m.gdl", 1e400]
    for key in plain:
        for value in wrong:
            (stopped / "settings.json").write_text(json.dumps({**plain, key: value}))
            done = call("run", path, "-q", "--resume", "o")
            assert done.code in (0, 1, 2), (key, value)
            assert "fault of its own" not in done.err, (key, value, done.err)
            if done.code == 0:
                assert key not in ("model_hash", "dtype", "seed", "data_hash")


def test_two_processes_cannot_train_in_one_folder(call, path: Path, stopped: Path) -> None:
    with run_folder.held(stopped):
        done = call("run", path, "--resume", "o")
    assert done.code == 1
    assert "E0837" in done.err
    assert call("run", path, "-q", "--resume", "o").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--resume", "o", "--out", "p"),
        ("--resume", "o", "--warm-start", "o"),
        ("--checkpoint-every", "0"),
        ("--checkpoint-every", "often"),
        ("--keep", "0"),
    ],
)
def test_options_that_make_no_sense(call, path: Path, words: tuple[str, ...]) -> None:
    assert call("run", path, *words).code == 2


# --- how often --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        ((), [28]),
        (("--checkpoint-every", "10"), [20, 28]),
        (("--checkpoint-every", "10steps", "--keep", "9"), [10, 20, 28]),
        (("--checkpoint-every", "2epochs"), [14, 28]),
        (("--checkpoint-every", "1 epoch", "--keep", "3"), [14, 21, 28]),
        (("--checkpoint-every", "5min"), [28]),
    ],
)
def test_how_often_and_how_many(call, path: Path, words: tuple[str, ...], steps: list[int]) -> None:
    assert call("run", path, "-q", "--out", "o", *words).code == 0
    found = [int(one.stem.removeprefix("step-")) for one in find_checkpoints(Path("o"))]
    assert found == steps
    assert (Path("o") / "checkpoints" / "best.safetensors").exists()


# --- warm starts ------------------------------------------------------------------------------


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


# --- disks that fail --------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("which", ["step-", "best", "history", "metrics", "weights", "settings"])
def test_a_full_disk_is_said_and_costs_nothing_that_was_saved(
    call, path: Path, which: str, fault: int
) -> None:
    assert call("run", path, "-q", "--out", "whole").code == 0
    real, calls = os.replace, []

    def fail(source: str, target: Path) -> None:
        if Path(target).name.startswith(which):
            calls.append(target)
            if len(calls) > 1 or which in ("metrics", "weights", "settings"):
                raise OSError(fault, os.strerror(fault))
        real(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", fail)
        done = call("run", path, "-q", "--out", "o", "--checkpoint-every", 5)
    if which == "settings":
        assert (done.code, Path("o").exists()) == (1, False)
        return
    assert done.code == 1
    assert f"cannot be written: {os.strerror(fault)}" in done.err
    assert "E0812" in done.err
    assert find_checkpoints(Path("o"))
    assert call("run", path, "-q", "--resume", "o").code == 0
    assert left("o") == left("whole")


LIMITED = """
import resource, signal, sys
from graphdsl.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000))
sys.exit(main(sys.argv[1:]))
"""


def test_a_limit_of_the_system_is_a_full_disk(path: Path, tmp_path: Path) -> None:
    """RLIMIT_FSIZE: the kernel refuses to let a file grow, within the write."""
    environment = {**os.environ, "PYTHONPATH": str(TREE)}
    words = ["run", path.name, "-q", "--out", "o", "--checkpoint-every", "3"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    assert re.search(
        r"E0812.*step-000003.safetensors' cannot be written: File too large", done.stderr
    )
    assert not (tmp_path / "o").exists()


MOUNT = "mount -t tmpfs -o size=100k none disk"
FILLED = f"""set -e
{MOUNT}
code=0
python -m graphdsl run m.gdl -q --out disk/o --checkpoint-every 1 --keep 99 || code=$?
echo code $code
find disk -name '.*.tmp'
mount -o remount,size=2m disk
python -m graphdsl run m.gdl -q --resume disk/o
cp disk/o/weights.safetensors filled.safetensors
"""


def test_a_disk_that_is_full_in_earnest(call, path: Path, tmp_path: Path) -> None:
    """A file system of 100 KiB, in a name space of its own, which then grows."""
    unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    (tmp_path / "disk").mkdir()
    try:
        subprocess.run([*unshare, MOUNT], cwd=tmp_path, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as problem:
        pytest.skip(f"this system lets nobody mount a file system: {problem}")
    bin = str(Path(sys.executable).parent)
    path_of = {"PYTHONPATH": str(TREE), "PATH": f"{bin}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*unshare, FILLED],
        cwd=tmp_path,
        env={**os.environ, **path_of},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"error.E0812.: '.*' cannot be written: No space left", done.stderr)
    assert "free some space" in done.stderr
    assert "code 1\nvalid J" in done.stdout  # and no temporary file between the two
    assert call("run", path, "-q", "--out", "whole").code == 0
    assert (tmp_path / "filled.safetensors").read_bytes() == left("whole")[0]


def test_a_folder_that_may_not_be_written(call, path: Path, stopped: Path) -> None:
    """As far as the system heeds the mode: the superuser may write everywhere."""
    real = os.open

    def refuse(name: object, flags: int, *rest: object, **named: object) -> int:
        if "checkpoints/.step-" in os.fspath(name):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(name, flags, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", refuse)
        done = call("run", path, "--resume", "o")
    assert done.code == 1
    assert (
        "'o/checkpoints/step-000028.safetensors' cannot be written: Permission denied" in done.err
    )
    assert "name a folder that you may write to" in done.err
