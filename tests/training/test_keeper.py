"""When a run is saved, what is kept of it, and what a killed process left behind."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

import graphdsl
from graphdsl import DataError
from graphdsl.training import keeper as keepers
from graphdsl.training.history import History
from graphdsl.training.keeper import (
    CHECKPOINTS,
    FIRST,
    SHARE,
    Every,
    Keeper,
    find_checkpoints,
    newest,
)
from graphdsl.training.position import Position, Progress
from graphdsl.training.snapshot import Snapshot


def progress(t: int, best: int | None = None) -> Progress:
    row = {"epoch": 1, "step": t}
    return Progress(t, 0, Position(1), 0.5, best, {"best": None}, (row,))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / CHECKPOINTS).iterdir())


def test_by_steps(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, "r", Every(steps=3))
    assert [t for t in range(1, 10) if keeper.due_at_step(t)] == [3, 6, 9]
    assert not any(keeper.due_at_epoch(epoch) for epoch in range(9))


def test_a_step_that_takes_several_batches_is_saved_once(
    simple: graphdsl.Model, tmp_path: Path
) -> None:
    keeper = Keeper(tmp_path, "r", Every(steps=3))
    assert keeper.due_at_step(3)
    keeper.save(simple.session, Snapshot(simple.session), progress(3))
    assert not keeper.due_at_step(3)
    assert keeper.due_at_step(6)


def test_by_epochs(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, "r", Every(epochs=2))
    assert [epoch for epoch in range(1, 7) if keeper.due_at_epoch(epoch)] == [2, 4, 6]
    assert not any(keeper.due_at_step(t) for t in range(1, 9))


def test_by_seconds_and_never_more_than_its_share(
    simple: graphdsl.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(keepers.time, "perf_counter", lambda: now[0])
    keeper = Keeper(tmp_path, "r", Every(seconds=10))
    now[0] = 100.0 + FIRST - 1
    assert not keeper.due_at_step(1)
    now[0] = 110.0
    assert keeper.due_at_step(2)
    real = keepers.checkpoint.write

    def slow(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        now[0] += 3.0

    monkeypatch.setattr(keepers.checkpoint, "write", slow)
    keeper.save(simple.session, Snapshot(simple.session), progress(2))
    now[0] = 113.0 + 3.0 * SHARE - 1
    assert not keeper.due_at_step(3)
    now[0] += 1
    assert keeper.due_at_step(4)


def test_a_young_run_is_saved_sooner(
    simple: graphdsl.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By seconds, at most as far apart as the run is old: no more than half of it is ever lost."""
    now = [0.0]
    monkeypatch.setattr(keepers.time, "perf_counter", lambda: now[0])
    keeper, snapshot, saved = Keeper(tmp_path, "r", Every(seconds=60)), Snapshot(simple.session), []
    for second in range(400):
        now[0] = float(second)
        if keeper.due_at_step(second):
            keeper.save(simple.session, snapshot, progress(second))
            saved.append(second)
    assert saved == [5, 10, 20, 40, 80, 140, 200, 260, 320, 380]


def test_the_last_few_are_kept_and_the_best(simple: graphdsl.Model, tmp_path: Path) -> None:
    keeper, snapshot = Keeper(tmp_path, "r", keep=2), Snapshot(simple.session)
    for t in (5, 999_999, 1_000_000):
        keeper.save(simple.session, snapshot, progress(t))
    assert names(tmp_path) == ["step-1000000.safetensors", "step-999999.safetensors"]
    assert [path.name for path in find_checkpoints(tmp_path)] == names(tmp_path)[::-1]
    simple.params["W"][...] = 1
    snapshot.take()
    keeper.save(simple.session, snapshot, progress(1_000_001, best=1))
    simple.params["W"][...] = 2
    keeper.save(simple.session, snapshot, progress(1_000_002, best=1))
    assert len(names(tmp_path)) == 3
    simple.restore(tmp_path / CHECKPOINTS / "best.safetensors")
    assert (simple.params["W"] == 1).all()


def test_the_newest_is_that_of_the_highest_step(simple: graphdsl.Model, tmp_path: Path) -> None:
    assert newest(tmp_path, simple.session, "r") is None
    keeper = Keeper(tmp_path, "r")
    for t in (999_999, 1_000_000):
        keeper.save(simple.session, Snapshot(simple.session), progress(t))
    folder = tmp_path / CHECKPOINTS
    for name in ("step-9.safetensors", "step-9999999.safetensors.old", "notes.txt"):
        (folder / name).write_text("no checkpoint")
    found = newest(tmp_path, simple.session, "r")
    assert found is not None
    assert found.progress == progress(1_000_000)


def test_a_file_where_the_folder_should_be(simple: graphdsl.Model, tmp_path: Path) -> None:
    (tmp_path / CHECKPOINTS).write_text("in the way")
    assert find_checkpoints(tmp_path) == []
    with pytest.raises(DataError, match="E0812"):
        Keeper(tmp_path, "r").save(simple.session, Snapshot(simple.session), progress(1))


def test_what_a_killed_process_left_is_cleared_away(simple: graphdsl.Model, tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, "r")
    keeper.save(simple.session, Snapshot(simple.session), progress(1))
    left = [tmp_path / ".settings.json.abc.tmp", tmp_path / CHECKPOINTS / ".step-1.x.tmp"]
    for path in (*left, tmp_path / ".hidden"):
        path.write_text("half")
    history = History([{"epoch": 1, "step": 2}])
    (tmp_path / "history.jsonl").write_text('{"epoch": 1}\n{"epoch": 2, "st')
    keeper.begin(history)
    assert not any(path.exists() for path in left)
    assert (tmp_path / ".hidden").exists()
    history.epochs.append({"epoch": 2, "step": 4})
    keeper.log.add(history)
    keeper.end()
    lines = (tmp_path / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == history.epochs
    assert (tmp_path / "history.csv").read_text() == "epoch,step\n1,2\n2,4\n"


def test_the_history_is_there_while_training_goes_on(
    simple: graphdsl.Model, tmp_path: Path
) -> None:
    history, log = History(), Keeper(tmp_path, "r").log
    log.begin(history)
    for epoch in range(1, 4):
        history.epochs.append({"epoch": epoch, "step": epoch, "valid.J": 1 / epoch})
        log.add(history)
        assert len((tmp_path / "history.jsonl").read_text().splitlines()) == epoch
    history.epochs.append({"epoch": 4, "step": 4, "more": 1.0})
    log.add(history)
    log.close()
    before = [(tmp_path / name).read_text() for name in ("history.csv", "history.jsonl")]
    history.write(tmp_path)
    assert before == [(tmp_path / name).read_text() for name in ("history.csv", "history.jsonl")]


def test_looking_at_the_clock_is_cheap(tmp_path: Path) -> None:
    """A step of the smallest network takes some 12 µs: asking whether to save, a hundredth."""
    keeper = Keeper(tmp_path, "r")
    times = []
    for _ in range(20):
        began = time.perf_counter()
        for t in range(1000):
            keeper.due_at_step(t)
        times.append((time.perf_counter() - began) / 1000)
    assert min(times) < 0.6e-6
