"""Run folders: one each, never overwritten, complete."""

from __future__ import annotations

import errno
import json
import math
import os
from itertools import islice
from pathlib import Path

import pytest

import graphdsl
from graphdsl import DataError
from graphdsl.training import run_folder
from graphdsl.training.data import load_dataset
from graphdsl.training.history import History
from graphdsl.training.options import fit_settings
from graphdsl.training.recorded import Given, read_recorded
from graphdsl.training.weights import digest, live


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def new(name: str) -> Path:
    Path(name).mkdir()
    return Path(name)


def next_names(model_name: str, count: int) -> list[str]:
    return [place.name for place in islice(run_folder.numbered(model_name), count)]


def test_numbers_go_on() -> None:
    assert next_names("models/my digits.gdl", 2) == ["my_digits-1", "my_digits-2"]
    for name in ("my_digits-3", "my_digits-x", ".my_digits-7.0a1b2c3d.tmp"):
        (Path("runs") / name).mkdir(parents=True)
    assert next_names("my digits", 2) == ["my_digits-4", "my_digits-5"]
    assert next_names("..", 1) == ["model-1"]


def test_what_a_run_leaves(simple: graphdsl.Model, tmp_path: Path) -> None:
    folder = new("o")
    dataset = load_dataset(simple.session)
    settings = fit_settings(simple.compilation, {"epochs": 2}, simple.seed)
    given = Given(train={"epochs": 2})
    recorded = run_folder.write_start(folder, simple.session, dataset, settings, given)
    history = simple.fit(dataset, epochs=2)
    weights = run_folder.write_end(folder, simple.session, history)
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoints",
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
    folder = new("o")
    history = simple.fit()

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DataError, match="No space left"):
        run_folder.write_end(folder, simple.session, history)
    assert not list(folder.iterdir())


def test_json_holds_no_nan(simple: graphdsl.Model) -> None:
    def refuse(text: str) -> None:
        raise AssertionError(text)

    history = History([{"epoch": 1.0, "valid.J": math.nan}], final={"test": {"J": math.inf}})
    folder = new("o")
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
    folder = new("o")
    run_folder.write_start(folder, model.session, dataset, fit_settings(model.compilation, {}))
    assert (folder / "model.gdl").read_text() == "const k = 3\n"
    assert graphdsl.load(folder / "model_2.gdl").params["w"] == 3


def test_the_settings_come_last(
    simple: graphdsl.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They say that the rest is there, where a folder was there before its run."""
    real, written = os.replace, []

    def note(source: str, target: Path) -> None:
        real(source, target)
        written.append(str(Path(target).relative_to("o")))

    dataset = load_dataset(simple.session)
    settings = fit_settings(simple.compilation, {}, simple.seed)
    given = Given(start=digest(live(simple.session)))
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", note)
        run_folder.write_start(new("o"), simple.session, dataset, settings, given)
    assert written == run_folder.first_files(simple.compilation)
    assert written[-1] == "settings.json"
