"""Hit a run at random moments, go on with it, and compare: `crashes.py COUNT SEED kill|ask`.

Run in an empty folder. Each child is a fork of this process, so that a trial takes no longer than
its training; it is killed by SIGKILL, or asked to end by one to five signals in quick succession,
within steps, within saves and as it begins. From the moment that its folder is there, it has to
hold a checkpoint that can be loaded; a folder that was there, and empty, from the moment that it
has settings, and until then it has to serve again. What is gone on with has to end with the bits of
the run that was never interrupted.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import graphdsl
from graphdsl import __main__ as command
from graphdsl.training.checkpoint import read
from graphdsl.training.keeper import find_checkpoints
from graphdsl.training.leftovers import LIST
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
BEGINNING = 0.06
"""Seconds that the files of a beginning take, which are flushed to the disk one by one."""
EVERY = ("1", "7", "2epochs", "1s")


def write_model() -> None:
    """The model and its data, in this folder."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 8))
    np.savez("d.npz", x=x, y=(x[:, 0] > 0).astype(int) + (x[:, 1] > 0))
    Path("m.gdl").write_text(MODEL)


ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130


def start(*words: str) -> int:
    """A child that runs the command line; its process id."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)  # none is to find the child unprepared
    child = os.fork()
    if child == 0:
        code = 99
        try:
            command._answer_signals(command._end)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKING)
            sys.argv[1:] = ["run", "m.gdl", "-q", *words]
            code = command.main()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKING)
    return child


def kill(child: int, rng: random.Random) -> int:
    """End a child at once; the status it ends with."""
    os.kill(child, signal.SIGKILL)
    return -signal.SIGKILL


def ask(child: int, rng: random.Random) -> int:
    """Ask a child to end, one to five times; the status it ends with."""
    for _ in range(rng.randint(1, 5)):
        os.kill(child, rng.choice(ASKING))
        time.sleep(rng.choice((0, 0, 0.0003, 0.003)) * rng.random())
    return INTERRUPTED


HITS = {"kill": kill, "ask": ask}


def wait(child: int) -> int:
    """The exit status of a child, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def left_by(folder: Path) -> tuple[bytes, list[dict[str, float]], int]:
    """The weights, the history but its seconds, and how much of a killed run is still there."""
    lines = (folder / "history.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        del row["seconds"]
    left = [*half_begun(folder), *folder.glob(".*"), *folder.glob("*/.*")]
    return (folder / "weights.safetensors").read_bytes(), rows, len(left)


def half_begun(folder: Path) -> list[Path]:
    """What is there of a run that has not begun."""
    return [*Path().glob(f".{folder}.*"), *folder.glob(LIST)]


def has_begun(folder: Path, found_empty: bool) -> bool:
    """Whether there is a run to go on with: a folder that was not there has one at once."""
    return (folder / SETTINGS).exists() if found_empty else folder.exists()


def verify_loadable(folder: Path) -> None:
    """There is a checkpoint, and every one that is there can be gone on from."""
    recorded = read_recorded(folder)
    model = graphdsl.load("m.gdl")
    model.trainer()
    found = find_checkpoints(folder)
    assert found, f"{folder} holds no checkpoint"
    for path in found:
        read(path, model.session, recorded.run)


@dataclass(frozen=True, slots=True)
class Hits:
    """How often a run was hit until it ended."""

    all: int = 0
    in_beginning: int = 0
    """Those after which half of a beginning was left."""


def await_beginning(folder: Path, seconds: float) -> None:
    """Wait for the first file of a run, so many seconds at most."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        if half_begun(folder):
            return


def try_once(folder: Path, every: str, seconds: float, rng: random.Random, hit: str) -> Hits:
    """Hit a run and go on with it until it ends; the hits that took. A third of them come as it
    begins, as long as it has not."""
    hits, in_beginning, begun, found_empty = 0, 0, False, folder.exists()
    while True:
        words = ("--resume", str(folder)) if begun else ("--out", str(folder))
        child = start(*words, "--checkpoint-every", every)
        expected = 0
        if hits < 6:
            if begun or rng.random() < 2 / 3:
                time.sleep(rng.uniform(0, seconds))
            else:
                await_beginning(folder, seconds)
                time.sleep(rng.uniform(0, BEGINNING))
            expected = HITS[hit](child, rng)
        status = wait(child)
        if status == 0:
            return Hits(hits, in_beginning)
        assert status == expected, f"the run ended with {status}"
        hits += 1
        begun = has_begun(folder, found_empty)
        if begun:
            verify_loadable(folder)
        else:
            in_beginning += bool(half_begun(folder))


def run(count: int, seed: int, hit: str) -> None:
    """At least so many hits, each of them gone on from."""
    write_model()
    assert wait(start("--out", "whole")) == 0
    expected = left_by(Path("whole"))
    assert expected[2] == 0
    rng, hits, trial = random.Random(seed), [Hits()], 0
    seconds: dict[str, float] = {}
    while sum(one.all for one in hits) < count or trial < len(EVERY):
        every = EVERY[trial % len(EVERY)]
        if every not in seconds:
            began = time.perf_counter()
            assert wait(start("--out", f"timed-{trial}", "--checkpoint-every", every)) == 0
            seconds[every] = time.perf_counter() - began
            assert left_by(Path(f"timed-{trial}")) == expected
        if trial % 3 == 2:
            Path(f"run-{trial}").mkdir()
        hits.append(try_once(Path(f"run-{trial}"), every, seconds[every], rng, hit))
        assert left_by(Path(f"run-{trial}")) == expected, f"trial {trial} differs"
        trial += 1
    said = f"{sum(one.all for one in hits)} hits in {trial} runs"
    begun = sum(one.in_beginning for one in hits)
    print(f"{said}, {begun} of them half way into a beginning, every one the same in the end")


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
