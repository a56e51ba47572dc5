"""Run folders: one each, never overwritten, complete."""

from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path

import pytest

import graphdsl
from graphdsl import DataError, UsageError
from graphdsl.training import run_folder
from graphdsl.training.data import load_dataset
from graphdsl.training.history import History
from graphdsl.training.options import fit_settings
from graphdsl.training.recorded import Given, read_recorded
from graphdsl.training.weights import digest, live


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_numbers_go_on() -> None:
    names = [run_folder.create(None, "models/my digits.gdl").name for _ in range(3)]
    assert names == ["my_digits-1", "my_digits-2", "my_digits-3"]
    (Path("runs") / "my_digits-1").rmdir()
    (Path("runs") / "my_digits-x").mkdir()
    assert run_folder.create(None, "my digits").name == "my_digits-4"
    assert run_folder.create(None, "..").name == "model-1"


def test_two_runs_at_once_get_two_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    first = run_folder.create(None, "m")
    monkeypatch.setattr(run_folder, "_numbers", lambda *_: [])
    assert first != run_folder.create(None, "m")


def test_a_folder_of_ones_own_must_be_empty(tmp_path: Path) -> None:
    assert run_folder.create("new/one", "m").is_dir()
    assert run_folder.create("new/one", "m").is_dir()
    Path("new/one/file").touch()
    with pytest.raises(UsageError, match="E0813"):
        run_folder.create("new/one", "m")
    with pytest.raises(DataError, match="E0812"):
        run_folder.create("new/one/file", "m")


def test_what_a_run_leaves(simple: graphdsl.Model, tmp_path: Path) -> None:
    folder = run_folder.create(None, "m.gdl")
    dataset = load_dataset(simple.session)
    settings = fit_settings(simple.compilation, {"epochs": 2}, simple.seed)
    given = Given(train={"epochs": 2})
    recorded = run_folder.write_start(folder, simple.session, dataset, settings, given)
    history = simple.fit(dataset, epochs=2)
    weights = run_folder.write_end(folder, simple.session, history)
    assert sorted(path.name for path in folder.iterdir()) == [
        "history.csv",
        "history.jsonl",
        "metrics.json",
        "model.gdl",
        "settings.json",
        "weights.safetensors",
    ]
    said = json.loads((folder / "settings.json").read_text())
    assert said["train"]["epochs"] == 2
    assert said["data_hash"] == dataset.digest()
    assert read_recorded(folder).run == recorded.run
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["valid"] == history.final["valid"]
    assert metrics["weights"] == digest(live(simple.session))
    again = graphdsl.load(folder / "model.gdl")
    again.restore(weights)
    assert (again.params["W"] == simple.params["W"]).all()


def test_a_full_disk_leaves_nothing_half_written(
    simple: graphdsl.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_folder.create(None, "m")
    history = simple.fit()

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DataError, match="No space left"):
        run_folder.write_end(folder, simple.session, history)
    assert not list(folder.iterdir())


def test_a_place_that_is_no_folder() -> None:
    Path("runs").write_text("in the way")
    with pytest.raises(DataError, match="E0812"):
        run_folder.create(None, "m")


def test_json_holds_no_nan(simple: graphdsl.Model) -> None:
    def refuse(text: str) -> None:
        raise AssertionError(text)

    history = History([{"epoch": 1.0, "valid.J": math.nan}], final={"test": {"J": math.inf}})
    folder = run_folder.create(None, "m")
    run_folder.write_end(folder, simple.session, history)
    metrics = json.loads((folder / "metrics.json").read_text(), parse_constant=refuse)
    assert metrics["test"] == {"J": None}
    (line,) = (folder / "history.jsonl").read_text().splitlines()
    assert json.loads(line, parse_constant=refuse) == {"epoch": 1.0, "valid.J": None}


def test_an_imported_file_may_be_called_model(tmp_path: Path) -> None:
    (tmp_path / "model.gdl").write_text("const k = 3\n")
    path = tmp_path / "m.gdl"
    path.write_text(
        'from "model.gdl" import k\nparam w = k\nloss J = w^2\ntrain { optimizer = sgd() }\n'
    )
    model = graphdsl.load(path)
    dataset = load_dataset(model.session)
    folder = run_folder.create("o", "m")
    run_folder.write_start(folder, model.session, dataset, fit_settings(model.compilation, {}))
    assert (folder / "model.gdl").read_text() == "const k = 3\n"
    assert graphdsl.load(folder / "model_2.gdl").params["w"] == 3
