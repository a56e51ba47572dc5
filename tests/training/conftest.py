"""Small models and their data, written to a folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import graphdsl

HEAD = """dim N
input x: [N, 2]
input y: i64[N]
param W: [2, 3] ~ normal(0, 0.1)
loss J = mean(cross_entropy(x @ W, y))
metric accuracy = mean(argmax(x @ W) == y)
output p = softmax(x @ W)
"""
TRAIN = "train {\n optimizer = sgd(lr = 0.1)\n epochs = 3\n batch = 2\n}\n"
CSV = "a,b,c,kind\n1,2,0,cat\n3,4.5,1,dog\n5,6,2,cat\n7,8,1,emu\n2,1,0,dog\n4,4,2,cat\n"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a model with a data block, and its CSV file `a.csv`; the model's path."""

    def write_files(
        data: str, table: str | bytes | None = CSV, train: str = TRAIN, head: str = HEAD
    ) -> Path:
        if table is not None:
            content = table.encode() if isinstance(table, str) else table
            (tmp_path / "a.csv").write_bytes(content)
        path = tmp_path / "m.gdl"
        path.write_text(f"{head}data {{\n{data}\n}}\n{train}")
        return path

    return write_files


@pytest.fixture
def simple(write: Write) -> graphdsl.Model:
    """A model over `a.csv`, two thirds to train on and one to validate."""
    path = write('source = "a.csv"\nx = table[:, :2]\ny = c\nsplit = [0.7, 0.3]')
    return graphdsl.load(path)
