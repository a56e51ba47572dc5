"""Imports: what comes from other files of the language, and from where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import graphdsl
from graphdsl.cli import main
from rules.citations import rule

IMPORTS = "Imports"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write(text, **files)` writes `model.gdl` and `name.gdl` files; the path of the model."""

    def write(text: str, **files: str) -> Path:
        for name, content in {"model": text, **files}.items():
            (tmp_path / f"{name}.gdl").write_text(content, "utf-8")
        return tmp_path / "model.gdl"

    return write


LAYERS = (
    "const k = 3\nblock inner(x) {\n  return k * x\n}\n"
    "block Gated(x) {\n  return inner(x) * sigmoid(0)\n}\n"
    "optimizer mine() {\n  update p = p - k * g\n}\ninput z\n"
)
USE = 'from "layers.gdl" import {}\n'


@rule(IMPORTS, "brings a declaration from a file beside this one: blocks, optimizers and constants")
def test_declarations_are_imported(write: Write) -> None:
    text = USE.format("Gated, mine, k") + (
        "input x\nparam w = 1\nloss J = w + 0 * Gated(x) * k\ntrain {\n  optimizer = mine()\n}\n"
    )
    model = graphdsl.load(write(text, layers=LAYERS))
    model.trainer().step(x=1)
    assert model.params["w"] == -2


@rule(IMPORTS, "blocks, optimizers and constants, never text.")
@pytest.mark.parametrize("name", ["z", "inner2"])
def test_nothing_else_is_imported(write: Write, name: str) -> None:
    text = f"{USE.format(name)}input x\noutput y = x\n"
    with pytest.raises(graphdsl.ModelError, match="E0331"):
        graphdsl.load(write(text, layers=LAYERS))


@rule(IMPORTS, "never text.")
def test_what_is_not_named_is_not_there(write: Write) -> None:
    text = f"{USE.format('Gated')}input x\noutput y = Gated(x) + inner(x)\n"
    with pytest.raises(graphdsl.ModelError, match="E0301"):
        graphdsl.load(write(text, layers=LAYERS))


@rule(IMPORTS, "What is brought sees the constants and blocks of its own file.")
def test_what_is_brought_sees_its_own_file(write: Write) -> None:
    text = f"{USE.format('Gated')}const k = 100\ninput x\noutput y = Gated(x) * k\n"
    assert graphdsl.load(write(text, layers=LAYERS)).run(x=2)["y"] == 300


@rule(IMPORTS, "Paths do not leave the folder;")
@rule(IMPORTS, "`--include DIR` names another that imports may come from.")
def test_folders_of_imports(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "layers.gdl").write_text(LAYERS)
    path = write(USE.format("Gated") + "input x\noutput y = Gated(x)\n")
    with pytest.raises(graphdsl.ModelError, match="E0335"):
        graphdsl.load(path)
    assert graphdsl.load(path, include=[other]).run(x=2)["y"] == 3
    assert main(["run", str(path), "x=2", "--include", str(other)]) == 0
    assert capsys.readouterr().out == "y = 3\n"
    leaving = write('from "../layers.gdl" import Gated\ninput x\noutput y = Gated(x)\n')
    with pytest.raises(graphdsl.ModelError, match="E0334"):
        graphdsl.load(leaving)
