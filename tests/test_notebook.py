"""Notebooks: models and histories show themselves, a cell defines a model or says what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import graphdsl
from graphdsl.training.history import History
from graphdsl.views import notebook, picture

interactiveshell = pytest.importorskip("IPython.core.interactiveshell", reason="no IPython")

LINE = "dim N\ninput x: [N]\nparam w = 2\noutput y = w * x\nloss J = mean((y - 3)^2)\n"
TRAINED = LINE + "train {\n  optimizer = sgd(lr = 0.1)\n  epochs = 3\n}\n"
SVG = "image/svg+xml"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """An IPython shell that keeps nothing on the disk, with the extension."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    made = interactiveshell.InteractiveShell.instance()
    made.history_manager.enabled = False
    made.colors = "nocolor"
    made.run_line_magic("load_ext", "graphdsl")
    yield made
    made.history_manager.end_session()
    interactiveshell.InteractiveShell.clear_instance()


def texts(svg: str) -> set[str]:
    return {"".join(one.itertext()).strip() for one in ElementTree.fromstring(svg).iter()}


def test_a_model_shows_its_graph() -> None:
    model = graphdsl.loads(LINE)
    shown = model._repr_mimebundle_()
    assert shown["text/plain"] == repr(model) == "<Model <text>: inputs x: f32[N]; 1 parameter>"
    assert {"x", "w", "y", "J", "input", "param", "mean"} <= texts(shown[SVG])


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        ({"include": ["text/plain"]}, {"text/plain"}),
        ({"include": {SVG}}, {SVG}),
        ({"exclude": {SVG}}, {"text/plain"}),
        ({"include": ["text/plain", SVG], "exclude": ["text/plain"]}, {SVG}),
        ({"include": ["image/png"]}, set()),
        ({"include": [], "exclude": None}, {"text/plain", SVG}),
    ],
)
def test_what_is_asked_for_is_shown(asked: dict[str, Any], kinds: set[str]) -> None:
    model = graphdsl.loads(TRAINED)
    assert model._repr_mimebundle_(**asked).keys() == kinds
    assert model.fit({"x": np.ones(8)})._repr_mimebundle_(**asked).keys() == kinds


def test_what_nobody_asked_for_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(TRAINED)
    history = model.fit({"x": np.ones(8)})
    monkeypatch.setattr(notebook, "draw_graph", None)
    monkeypatch.setattr(History, "drawing", "none can be called")
    for shown in (model, history):
        assert shown._repr_mimebundle_(exclude=[SVG]) == {"text/plain": repr(shown)}


def test_nothing_that_draws_plots_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    history = graphdsl.loads(TRAINED).fit({"x": np.ones(8)})
    assert SVG in history._repr_mimebundle_()


def test_without_a_layout_program_there_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "_command", lambda _: None)
    shown = graphdsl.loads(LINE)._repr_mimebundle_()
    assert shown.keys() == {"text/plain"}
    assert "this machine has no Graphviz" in shown["text/plain"]


def test_a_history_shows_its_curves() -> None:
    history = graphdsl.loads(TRAINED).fit({"x": np.ones(8)})
    shown = history._repr_mimebundle_()
    assert shown["text/plain"] == repr(history) == "<History: 3 epochs, train.J 0.4096>"
    assert {"J", "train", "1", "3"} <= texts(shown[SVG])


def test_a_history_of_nothing_is_text() -> None:
    assert History()._repr_mimebundle_() == {"text/plain": "<History: 0 epochs>"}
    diverged = History([{"epoch": 1.0, "valid.J": 0.5}], best=1, ending="diverged")
    assert repr(diverged) == "<History: 1 epoch, valid.J 0.5, kept epoch 1, diverged>"


def test_a_cell_defines_a_model_and_shows_it(shell) -> None:
    done = shell.run_cell(f"%%gdl\n{LINE}")
    assert done.success
    assert isinstance(done.result, graphdsl.Model)
    shell.run_cell("z = model.run(x=[1.0, 4.0])['y']")
    np.testing.assert_array_equal(shell.user_ns["z"], [2, 8])
    data, _ = shell.display_formatter.format(done.result)
    assert {"text/plain", SVG} <= data.keys()


def test_a_cell_takes_a_name_and_options(shell) -> None:
    text = "const k = 1\ninput x\noutput y = k * x\n"
    words = "net --set k=7 --dtype f64"
    assert shell.run_cell(f"%%gdl {words}\n{text}").success
    found = shell.user_ns["net"].run(x=1)["y"]
    assert (found, found.dtype) == (7, np.float64)
    assert "model" not in shell.user_ns


def test_a_setting_with_spaces_is_one_word(shell) -> None:
    assert shell.run_cell(f"%%gdl --with 'optimizer=adam(lr = 1e-2)'\n{TRAINED}").success


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%%gdl\ninput x\noutput y = zz + x", "error[E0301]"),
        ("%%gdl --set k=1\ninput x\noutput y = x", "error[E"),
        ("%%gdl 3x\ninput x", "'3x' is no name of a variable"),
        ("%%gdl class\ninput x", "'class' is no name of a variable"),
        ("%%gdl --nonsense\ninput x", "unrecognized arguments: --nonsense"),
        ("%%gdl 'a\ninput x", "No closing quotation"),
        ("%%gdl --with a=1 --with a=2\ninput x", "a is given twice, by --with"),
    ],
)
def test_a_fault_is_told_without_a_traceback(shell, capsys, cell: str, said: str) -> None:
    done = shell.run_cell(cell)
    assert not done.success  # so that a notebook that is run as a whole stops here
    told = "".join(capsys.readouterr())
    assert said in told
    assert "Traceback" not in told
    assert ".py" not in told
    assert "model" not in shell.user_ns


def test_messages_count_lines_as_the_cell_does(shell, capsys) -> None:
    shell.run_cell("%%gdl\ninput x\noutput y = zz + x")
    told = "".join(capsys.readouterr())
    assert ":3:12\n" in told
    assert "3 | output y = zz + x" in told


def test_messages_name_the_cell(shell, capsys) -> None:
    shell.run_cell("1 + 1", store_history=True)
    shell.run_cell("%%gdl\noutput y = zz", store_history=True)
    assert " --> In [2]:2:12\n" in "".join(capsys.readouterr())


@pytest.mark.parametrize("cell", ["%%gdl --help\ninput x", "%gdl --help"])
def test_help_is_printed_and_defines_nothing(shell, capsys, cell: str) -> None:
    assert shell.run_cell(cell).success
    assert "usage: %%gdl" in capsys.readouterr().out
    assert "model" not in shell.user_ns


def test_help_is_what_a_question_mark_shows(shell) -> None:
    told = shell.object_inspect_text("%gdl")
    for word in ("usage: %%gdl", "--set", "--with", "--dtype", "--include", "--seed"):
        assert word in told


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%%gdl --help", "Did you mean the line magic %gdl (single %)?"),
        ("%gdl net", "%gdl has no model: write %%gdl, and the model's text below it"),
    ],
)
def test_a_cell_without_a_model_says_what_to_do(shell, capsys, cell: str, said: str) -> None:
    assert not shell.run_cell(cell).success
    told = "".join(capsys.readouterr())
    assert said in told
    assert "Traceback" not in told
