"""SIGKILL at random moments, within steps and saves: nothing is lost and nothing differs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "crashes.py"


def crash(count: int, seed: int, folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(TREE)}
    words = [sys.executable, str(SCRIPT), str(count), str(seed)]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.splitlines()[-1]


def test_a_dozen_kills(tmp_path: Path) -> None:
    assert "every one the same in the end" in crash(12, 1, tmp_path)


@pytest.mark.nightly
def test_a_hundred_kills(tmp_path: Path) -> None:
    assert "every one the same in the end" in crash(100, 2, tmp_path)
