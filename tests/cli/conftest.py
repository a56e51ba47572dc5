"""What the tests of the commands share: calling them in this process."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cli.runs import SMALL, TEXT, at_step, write_data
from graphdsl.cli import main

TREE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str


Call = Callable[..., Done]


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Call:
    """`call("check", path)` runs a command in an empty folder; nothing may show a traceback."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Done:
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Done(code, said.out, said.err)

    return run


@pytest.fixture
def examples() -> Path:
    """The folder of the examples."""
    return TREE / "examples"


@pytest.fixture
def model(tmp_path: Path) -> Callable[[str], Path]:
    """`model(text)` is a file with this text."""

    def write(text: str, name: str = "m.gdl") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def path(model, tmp_path: Path) -> Path:
    """A model with dropout, batch normalisation and a schedule: 7 steps an epoch, 4 epochs."""
    write_data(tmp_path)
    found: Path = model(TEXT)
    return found


@pytest.fixture
def stopped(call: Call, path: Path) -> Path:
    """A run that was interrupted in its second epoch."""
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, 9, lambda: signal.raise_signal(signal.SIGTERM))
        assert call("run", path, "-q", "--out", "o").code == 130
    return Path("o")


@pytest.fixture
def small(model, tmp_path: Path) -> Path:
    """A model that trains in a moment, its data beside it."""
    x = np.random.default_rng(0).standard_normal((80, 2))
    np.savez(tmp_path / "d.npz", x=x, y=x @ [3, -1] + 2)
    path: Path = model(SMALL)
    return path


@pytest.fixture
def trained(call, small: Path) -> Path:
    """A folder of a run."""
    assert call("run", small, "-q", "--out", "done").code == 0
    return Path("done")
