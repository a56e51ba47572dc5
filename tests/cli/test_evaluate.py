"""`evaluate` and `predict` on the data of a run, and on other rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cli.runs import SMALL


def test_evaluate_says_what_the_run_said(call, small: Path, trained: Path) -> None:
    done = call("evaluate", small, "--weights", trained / "weights.safetensors", "--json")
    told = json.loads(done.out)
    assert told["test"] == pytest.approx(json.loads((trained / "metrics.json").read_text())["test"])
    assert "test close 100.0 %\n" in call("evaluate", small, "--weights", trained).out


def test_evaluate_takes_a_part_or_all(call, small: Path) -> None:
    assert call("evaluate", small, "--part", "valid").out.startswith("valid J ")
    parts = [line.split()[0] for line in call("evaluate", small, "--part", "all").out.splitlines()]
    assert parts == ["train", "train", "valid", "valid", "test", "test"]


def test_a_part_that_is_not_there_is_said(call, model, small: Path) -> None:
    path = model(SMALL.replace("[0.5, 0.25, 0.25]", "[0.5, 0.5]"))
    done = call("evaluate", path, "--part", "test")
    assert done.code == 1
    assert "no part 'test'" in done.err


@pytest.mark.parametrize("name", ["none.safetensors", "m.gdl"])
def test_weights_that_are_none_are_said(call, small: Path, name: str) -> None:
    done = call("evaluate", small, "--weights", name)
    assert done.code == 1
    assert name in done.err


@pytest.mark.parametrize("name", ["o.npy", "o.npz", "o.csv"])
def test_predictions_are_written(call, small: Path, trained: Path, name: str) -> None:
    done = call("predict", small, "--weights", trained, "--part", "all", "-o", name)
    assert (done.code, done.out) == (0, "")
    if name.endswith(".csv"):
        rows = Path(name).read_text().splitlines()
        assert rows[0] == "line"
        found = np.array(rows[1:], float)
    else:
        loaded = np.load(name)
        found = loaded["line"] if name.endswith(".npz") else loaded
    assert found.shape == (80,)


def test_predictions_for_values(call, small: Path, trained: Path) -> None:
    done = call("predict", small, "x=[[1, 1], [0, 0]]", "--weights", trained, "--json")
    assert json.loads(done.out)["line"] == pytest.approx([4, 2], abs=0.05)


def test_predictions_for_other_rows_need_no_answers(call, small: Path, trained: Path) -> None:
    np.savez("new.npz", x=np.zeros((3, 2)))
    done = call("predict", small, "--weights", trained, "--data", "new.npz", "--json")
    assert json.loads(done.out)["line"] == pytest.approx([2, 2, 2], abs=0.05)


def test_other_data_takes_the_source_s_place(call, small: Path, trained: Path) -> None:
    x = np.ones((40, 2))
    np.savez("new.npz", x=x, y=x @ [3, -1] + 2)
    done = call("evaluate", small, "--weights", trained, "--data", "new.npz")
    assert done.out.splitlines()[-1] == "data close 100.0 %"
    assert call("run", small, "-q", "--data", "new.npz").code == 0
    assert call("evaluate", small, "--data", "new.npz", "--part", "test").code == 2
    assert call("evaluate", small, "--data", "none.npz").code == 1


def test_two_sources_of_rows_are_one_too_many(call, small: Path) -> None:
    assert call("predict", small, "x=[[1, 1]]", "--part", "test").code == 2


@pytest.mark.parametrize(
    ("out", "code"), [("o.txt", "E0828"), ("none/o.npy", "E0823"), ("dir.npz", "E0823")]
)
def test_a_place_that_cannot_be_written_is_said(call, small: Path, out: str, code: str) -> None:
    Path("dir.npz").mkdir()
    done = call("predict", small, "-o", out)
    assert done.code == 1
    assert code in done.err


def test_a_model_without_outputs_predicts_nothing(call, model, small: Path) -> None:
    done = call("predict", model(SMALL.replace("output line", "line")))
    assert done.code == 1
    assert "E0829" in done.err
