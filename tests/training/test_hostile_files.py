"""Spoilt files of each format are read, or refused with file and remedy: nothing else happens."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import pytest

from training import hostile_files
from training.hostile_files import FORMATS, spoil

TREE = Path(__file__).parents[2]


def complaints(names: Iterable[str], seed: int, count: int, folder: Path) -> str:
    """What `hostile_files` has to say; it forks, and so runs alone and without threads."""
    words = [",".join(names), str(seed), str(count), str(folder)]
    command = [sys.executable, hostile_files.__file__, *words]
    environment = {**os.environ, "PYTHONPATH": str(TREE), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_some_spoilt_files(tmp_path: Path) -> None:
    readable = [name for name in FORMATS if name != "parquet" or find_spec("pyarrow")]
    assert complaints(readable, 0, 8, tmp_path) == ""


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(1, 3))
@pytest.mark.parametrize("name", FORMATS)
def test_many_spoilt_files(name: str, seed: int, tmp_path: Path) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow")
    assert complaints([name], seed, 500, tmp_path) == ""


def test_files_are_spoilt() -> None:
    data = bytes(range(200))
    spoilt = [spoil(data, random.Random(seed)) for seed in range(100)]
    assert sum(one != data for one in spoilt) > 95
    assert len({len(one) for one in spoilt}) > 20
