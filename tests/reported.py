"""Runs for the tests of reports: trained in a moment, then lengthened or damaged."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

from cli.runs import TEXT, write_data
from graphdsl.cli import main


def train(folder: Path, name: str, *words: str, text: str = TEXT, code: int = 0) -> Path:
    """The folder of a run of `text`, which is written beside it with its data."""
    file = folder / f"{name}.gdl"
    file.write_text(text, encoding="utf-8")
    write_data(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert code == main(["run", file.name, "--out", name, "-q", *words])
    return folder / name


def lengthen(run: Path, to: Path, epochs: int) -> Path:
    """A copy of a run with so many rows; one of them, in the middle, stands out by far."""
    shutil.copytree(run, to)
    with (to / "history.jsonl").open("w", encoding="utf-8") as file:
        for epoch in range(1, epochs + 1):
            loss = 99.0 if epoch == epochs // 2 else 2 + math.sin(epoch * epoch)
            row = {"epoch": epoch, "step": 7 * epoch, "seconds": epoch / 100}
            file.write(json.dumps({**row, "train.J": loss, "valid.J": 3 / epoch + 1}) + "\n")
    return to
