"""`load` and `loads`: what they override is compiled with the model, and recorded with its runs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import graphdsl

TEXT = """
dim N
input x: [N, 2]
input y: [N]
param w: [2] = 0
loss J = mean((x @ w - y)^2)
data {
  source = "d.npz"
  x = a
  y = b
}
train {
  optimizer = sgd(lr = 0.1)
  batch = 8
  epochs = 2
}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A model that trains in a moment, its data beside it."""
    a = np.random.default_rng(0).standard_normal((32, 2))
    np.savez(tmp_path / "d.npz", a=a, b=a @ [3, -1])
    path = tmp_path / "m.gdl"
    path.write_text(TEXT)
    return path


def test_settings_train_as_if_the_file_had_them(file: Path) -> None:
    given = graphdsl.load(
        file,
        settings={"optimizer": "adam(lr = 1e-2)", "x": "a / 2", "batch": 4, "split": [0.5, 0.5]},
    )
    text = TEXT.replace("sgd(lr = 0.1)", "adam(lr = 1e-2)").replace("= a\n", "= a / 2\n")
    text = text.replace("batch = 8", "batch = 4").replace(
        "y = b\n", "y = b\n  split = [0.5, 0.5]\n"
    )
    other = file.with_name("other.gdl")
    other.write_text(text)
    written, plain = graphdsl.load(other), graphdsl.load(file)
    for model in (given, written, plain):
        model.fit()
    assert given.params["w"].tobytes() == written.params["w"].tobytes()
    assert given.params["w"].tobytes() != plain.params["w"].tobytes()


def test_a_model_alone_is_trained_by_settings_alone(file: Path) -> None:
    bare = TEXT[: TEXT.index("data {")]
    settings = {"source": "d.npz", "x": "a", "y": "b", "optimizer": "sgd(lr = 0.1)"}
    file.write_text(bare)
    history = graphdsl.load(file, settings={**settings, "epochs": 1}).fit()
    assert len(history.epochs) == 1
    with pytest.raises(graphdsl.ModelError, match="'data' binds nothing to the input 'y'"):
        graphdsl.loads(bare, settings={"source": "d.npz", "x": "a"})


def test_errors_point_into_the_settings() -> None:
    with pytest.raises(graphdsl.ModelError) as caught:
        graphdsl.loads(TEXT, settings={"epochs": 2.5, "stop": "early(K)"})
    places = [str(one.primary.span) for one in caught.value.diagnostics if one.primary]
    assert sorted(places) == ["settings:1:10", "settings:2:14"]


def test_a_gradcheck_is_that_of_the_model_with_its_settings(file: Path) -> None:
    model = graphdsl.load(file, settings={"optimizer": "adam()"})
    rows = model.gradcheck(x=np.ones((3, 2)), y=np.ones(3))
    assert max(row.relative for row in rows) < 1e-6


@pytest.mark.parametrize("settings", [[1], "batch = 2", {1: 2}])
def test_settings_are_a_mapping_from_names(settings: object) -> None:
    with pytest.raises(graphdsl.UsageError, match="'settings' is no mapping"):
        graphdsl.loads(TEXT, settings=settings)  # type: ignore[arg-type]


def test_a_run_folder_has_the_model_with_its_settings(file: Path, tmp_path: Path) -> None:
    from graphdsl.training import run_folder
    from graphdsl.training.data import load_dataset
    from graphdsl.training.options import fit_settings
    from graphdsl.training.recorded import compile_recorded, read_recorded

    model = graphdsl.load(file, settings={"optimizer": "adam(lr = 1e-2)", "batch": None})
    folder = tmp_path / "run"
    folder.mkdir()
    settings = fit_settings(model.compilation, {})
    run_folder.write_start(folder, model.session, load_dataset(model.session), settings)
    text = (folder / "model.gdl").read_text()
    assert "optimizer = adam(lr = 1e-2)" in text
    assert "batch" not in text
    said = json.loads((folder / "settings.json").read_text())["settings"]
    assert said == {"train.optimizer": "adam(lr = 1e-2)", "train.batch": ""}
    replayed = compile_recorded(folder, read_recorded(folder))
    assert replayed.program == model.compilation.program


def test_what_load_refuses() -> None:
    for arguments in ({"dtype": "f16"}, {"engine": "cuda"}, {"seed": -1}, {"seed": 0.5}):
        with pytest.raises(graphdsl.UsageError):
            graphdsl.loads(TEXT, **arguments)  # type: ignore[arg-type]
    with pytest.raises(graphdsl.GraphdslError, match="no constant 'hidden'"):
        graphdsl.loads(TEXT, hidden=3)


def test_constants_by_keyword() -> None:
    text = "const k = 2\nconst wide = k * 2\ninput x: [wide]\noutput y = k * sum(x)\n"
    assert graphdsl.loads(text).inputs["x"].shape == (4,)
    model = graphdsl.loads(text, k=3)
    assert model.inputs["x"].shape == (6,)
    assert model.run(x=np.ones(6))["y"] == 18


@pytest.mark.parametrize("wrong", ["three", None, [[1], "a"], object(), 2**70, math.nan, -1, 1.3])
def test_constants_that_do_not_fit(wrong: object) -> None:
    with pytest.raises(graphdsl.GraphdslError):
        graphdsl.loads("const k = 2\ninput x: [k * 2]\noutput y = k * sum(x)\n", k=wrong)
