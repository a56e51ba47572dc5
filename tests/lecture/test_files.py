"""L17, L18 and every file of the lecture from end to end: checked, run, its gradients compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from doc_programs import moons
from graphdsl.cli import main
from lecture.files import LECTURE, load, read_crescents

FILES = sorted(LECTURE.glob("*.gdl"))
TRAINED = [path for path in FILES if "\ndata {" in path.read_text("utf-8")]
PAGE = (LECTURE.parents[1] / "docs" / "lecture.md").read_text("utf-8")
FED = {
    "l1": ["x=2", "z=3", "--of=y"],
    "l6": ["x=[[0.5],[3]]", "t=[[1],[2]]"],
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_checks_strictly(path: Path) -> None:
    assert main(["check", "--strict", str(path)]) == 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_stands_in_the_table(path: Path) -> None:
    assert f"[{path.name}](../examples/lecture/{path.name})" in PAGE


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_it_learns_the_crescents(path: Path) -> None:
    losses = graphdsl.load(path).fit(epochs=40).column("train.J")
    assert losses[-1] < 0.6 * losses[0]


def test_the_data_is_what_the_script_writes() -> None:
    assert (LECTURE / "crescents.csv").read_text("utf-8") == moons()


# --- L17: finite differences ---------------------------------------------------------------------


def test_a_gradient_beside_its_difference() -> None:
    x = np.array([1.0, -2, 0.5])
    found = load("l17").run(x=x)
    np.testing.assert_allclose(found["difference"], found["slope"], rtol=1e-8, atol=1e-9)
    top, low = (np.sin(x) * x**2).sum(), 1 + np.exp(-x).sum()
    slope = (np.cos(x) * x**2 + 2 * x * np.sin(x)) / low + top / low**2 * np.exp(-x)
    np.testing.assert_allclose(found["slope"], slope, rtol=1e-13)


@pytest.mark.parametrize("file", ["l1", "l6", "l9", "l15", "l18"])
def test_the_command_compares_every_gradient(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gradcheck", str(LECTURE / f"{file}.gdl"), *FED.get(file, ())]) == 0
    out = capsys.readouterr().out
    assert "all agree" in out
    for name in graphdsl.load(LECTURE / f"{file}.gdl").params:
        assert f"\n{name} " in out


# --- L18: empirical risk -------------------------------------------------------------------------


def test_the_risk_is_the_mean_loss_of_the_rows() -> None:
    x, y = read_crescents()
    model = load("l18")
    risk = model.run(x=x, y=y)["J"]
    each = [model.run(x=x[i : i + 1], y=y[i : i + 1])["J"] for i in range(len(x))]
    assert risk == pytest.approx(np.mean(each), rel=1e-12)
    z = x
    for layer in (1, 2, 3):
        z = z @ model.params[f"W{layer}"] + model.params[f"b{layer}"]
        z = np.maximum(z, 0) if layer < 3 else z
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    assert risk == pytest.approx(-log_p[np.arange(len(y)), y].mean(), rel=1e-12)


def test_training_measures_the_parts_apart() -> None:
    model = graphdsl.load(LECTURE / "l18.gdl")
    history = model.fit(epochs=30)
    assert {"train.J", "valid.J", "valid.error"} <= set(history.columns)
    assert set(history.final) == {"valid", "test"}
    assert history.final["test"]["error"] < 0.1
    assert history.epochs[0]["step"] == 6  # 120 rows in minibatches of 20
