"""Kill a run at random moments, go on with it, and compare: `crashes.py COUNT SEED`.

Run in an empty folder. Each child is a fork of this process, so that a trial takes no longer than
its training; it is killed by SIGKILL within steps and within saves. Whatever it leaves has to be
loadable, and what is gone on with has to end with the bits of the run that was never interrupted.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

import graphdsl
from graphdsl.cli import main
from graphdsl.training.checkpoint import read
from graphdsl.training.keeper import find_checkpoints
from graphdsl.training.recorded import SETTINGS, read_recorded

MODEL = """dim N
input x: [N, 8]
input y: i64[N]
h = Dropout(relu(BatchNorm(Dense(x, 16))), 0.3)
z = Dense(h, 3)
loss J = mean(cross_entropy(z, y))
metric accuracy = mean(argmax(z) == y)
data {
  source = "d.npz"
  x = x
  y = y
  split = [0.8, 0.2]
}
train {
  optimizer = adam(lr = cosine(1e-2, warmup = 5))
  batch = 16
  epochs = 12
  accumulate = 2
  stop = early(J, patience = 9)
}
"""
EVERY = ("1", "7", "2epochs", "1s")


def write_model() -> None:
    """The model and its data, in this folder."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 8))
    np.savez("d.npz", x=x, y=(x[:, 0] > 0).astype(int) + (x[:, 1] > 0))
    Path("m.gdl").write_text(MODEL)


def start(*words: str) -> int:
    """A child that runs the command line; its process id."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = main(["run", "m.gdl", "-q", *words])
        finally:
            os._exit(code)
    return child


def wait(child: int) -> int:
    """The exit status of a child, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def left_by(folder: Path) -> tuple[bytes, list[dict[str, float]], int]:
    """The weights, the history but its seconds, and what is in the way of a later run."""
    lines = (folder / "history.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        del row["seconds"]
    left = [*folder.glob(".*"), *folder.glob("*/.*")]
    return (folder / "weights.safetensors").read_bytes(), rows, len(left)


def verify_loadable(folder: Path) -> None:
    """Whatever stands there under the name of a checkpoint can be gone on from."""
    recorded = read_recorded(folder)
    model = graphdsl.load("m.gdl")
    model.trainer()
    for path in find_checkpoints(folder):
        read(path, model.session, recorded.run)


def try_once(folder: Path, every: str, seconds: float, rng: random.Random) -> int:
    """Kill and go on until the run ends; how many kills that took."""
    kills, begun = 0, False
    while True:
        words = ("--resume", str(folder)) if begun else ("--out", str(folder))
        child = start(*words, "--checkpoint-every", every)
        if kills < 6:
            time.sleep(rng.uniform(0, seconds))
            os.kill(child, signal.SIGKILL)
        status = wait(child)
        if status == 0:
            return kills
        assert status == -signal.SIGKILL, f"the run ended with {status}"
        kills += 1
        begun = (folder / SETTINGS).exists()
        if begun:
            verify_loadable(folder)
        elif folder.exists():  # killed before it had begun: nothing to go on with
            for path in folder.iterdir():
                path.unlink()


def run(count: int, seed: int) -> None:
    """At least so many kills, each of them gone on from."""
    write_model()
    assert wait(start("--out", "whole")) == 0
    expected = left_by(Path("whole"))
    assert expected[2] == 0
    rng, kills, trial = random.Random(seed), 0, 0
    seconds: dict[str, float] = {}
    while kills < count or trial < len(EVERY):
        every = EVERY[trial % len(EVERY)]
        if every not in seconds:
            began = time.perf_counter()
            assert wait(start("--out", f"timed-{trial}", "--checkpoint-every", every)) == 0
            seconds[every] = time.perf_counter() - began
            assert left_by(Path(f"timed-{trial}")) == expected
        kills += try_once(Path(f"run-{trial}"), every, seconds[every], rng)
        assert left_by(Path(f"run-{trial}")) == expected, f"trial {trial} differs"
        trial += 1
    print(f"{kills} kills in {trial} runs, every one the same in the end")


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]))
