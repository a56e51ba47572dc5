"""Exported files of models whose steps are shared among workers: the same bits, readable."""

from __future__ import annotations

from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

import graphdsl
from engines.exported import alone, assert_same_bits, sizes_of, together
from engines.test_divided import HEAD
from engines.test_export_text import load_file
from graphdsl.engines import divided

MODEL = HEAD + "output p = softmax(h)\nloss J = mean(cross_entropy(h, k))\n"
WIDE = Path(__file__).parents[2] / "benchmarks/models/wide.gdl"
STEPS = 8


@pytest.fixture
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divided, "_count_workers", lambda graph, sizes, cores: cores)


def load(workers: int, more: str = "") -> graphdsl.Model:
    settings = f"optimizer = adam(lr = 0.01)\n{more}\n"
    model = graphdsl.loads(f"{MODEL}train {{\n{settings}}}\n", engine="numpy")
    model.session.workers = workers
    return model


def batch(rows: int) -> dict[str, Any]:
    generator = np.random.default_rng(rows)
    return {"x": generator.normal(size=(rows, 4)).astype("f4"), "k": generator.integers(0, 5, rows)}


@pytest.mark.usefixtures("_always")
@pytest.mark.parametrize(
    ("workers", "rows", "more"),
    [
        (2, [8], ""),
        (2, [8], "clip_norm = 0.1"),
        (2, [7, 8], "accumulate = 3\naverage = 0.9"),
        (3, [7, 16, 2], ""),
    ],
)
def test_the_bits_of_shared_steps(workers: int, rows: list[int], more: str, tmp_path: Path) -> None:
    """Also where workers have other numbers of rows, and of a batch too small to be shared."""
    model, batches = load(workers, more), [batch(n) for n in rows]
    path, *_ = model.export(tmp_path / "exported.py", sizes={"N": rows})
    lines = path.read_text(encoding="utf-8").splitlines()
    shared = [n for n in rows if n >= workers]
    assert sum(line.strip() == "side_by_side((" for line in lines) == len(shared)
    assert max(map(len, lines)) <= 100
    assert_same_bits(alone(tmp_path, batches, STEPS), together(model, batches, STEPS))


@pytest.mark.usefixtures("_always")
def test_long_programs_of_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphdsl.engines.numpy.LINES_PER_FUNCTION", 5)
    model = load(2)
    path, *_ = model.export(tmp_path / "exported.py", sizes={"N": 6})
    worker = path.read_text(encoding="utf-8").partition("def load_step_0_rows_0(")[2]
    assert "def part_2(" in worker.partition("def load_step_0(")[0]
    assert_same_bits(alone(tmp_path, [batch(6)], STEPS), together(model, [batch(6)], STEPS))


def test_a_step_with_large_kernels_is_shared_as_the_model_shares_it(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(128, 784)).astype("f4")
    batches = [{"x": x, "y": generator.integers(0, 10, 128)}]
    texts, params = [], []
    for workers in (1, 2):
        model = graphdsl.load(WIDE, engine="numpy")
        model.session.workers = workers
        path, *_ = model.export(tmp_path / "exported.py", sizes=sizes_of(model, batches[0]))
        texts.append(path.read_text(encoding="utf-8"))
        wanted = together(model, batches, 3)
        assert_same_bits(alone(tmp_path, batches, 3), wanted)
        params.append(wanted["param W1"])
    assert ["shared among 2 workers" in text for text in texts] == [False, True]
    assert ["worker" in text for text in texts] == [False, True]
    assert not np.array_equal(*params)  # so that the other program would have been seen


@pytest.mark.usefixtures("_always")
def test_workers_with_as_many_rows_share_a_text_and_no_memory(tmp_path: Path) -> None:
    path, *_ = load(3).export(tmp_path / "exported.py", sizes={"N": 7})
    space = load_file(path)
    loaders = [name for name in space if name.startswith("load_step_0_rows_")]
    assert len(loaders) == 2  # for 2, 2 and 3 rows
    called = inside(space["load_step_0"]())
    workers = [inside(called[f"worker_{number}"]) for number in range(3)]
    for number, own in enumerate(workers):
        written = [v for v in own.values() if np.may_share_memory(v, space["ARENA"])]
        written += [v for v in own.values() if np.may_share_memory(v, flat(space, number))]
        assert len(written) > 3
        others = [v for one in workers if one is not own for v in one.values()]
        assert not any(np.may_share_memory(v, other) for v in written for other in others)


def inside(function: FunctionType) -> dict[str, Any]:
    """What the names stand for that a function has of the one around it."""
    cells = function.__closure__ or ()
    names = function.__code__.co_freevars
    return {name: cell.cell_contents for name, cell in zip(names, cells, strict=True)}


def flat(space: dict[str, Any], worker: int) -> np.ndarray:
    """The flat array of what a worker's rows add to sums."""
    array: np.ndarray = space["FLAT"][f"part{worker}_f32"]
    return array


@pytest.mark.usefixtures("_always")
@pytest.mark.parametrize("bad", [0, 7])
def test_a_fault_in_a_worker_changes_nothing(bad: int, tmp_path: Path) -> None:
    path, *_ = load(2).export(tmp_path / "exported.py", sizes={"N": 8})
    space, fed = load_file(path), batch(8)
    space["train_step"](fed)
    before = {name: array.copy() for name, array in space["FLAT"].items() if "part" not in name}
    fed["k"][bad] = 9
    with pytest.raises(space["RunFault"], match="index 9 is out of range"):
        space["train_step"](fed)
    assert space["clock"]["t"] == 1
    assert all(np.array_equal(space["FLAT"][name], array) for name, array in before.items())
