"""SIGKILL and other signals at random moments, within steps and saves: nothing is lost and nothing
differs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.runs import TREE

SCRIPT = Path(__file__).parent / "crashes.py"


def crash(count: int, seed: int, hit: str, folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(TREE)}
    words = [sys.executable, str(SCRIPT), str(count), str(seed), hit]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("hit", ["kill", "ask"])
def test_a_few_hits(tmp_path: Path, hit: str) -> None:
    assert "every one the same in the end" in crash(6, 1, hit, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("hit", ["kill", "ask"])
def test_a_hundred_hits(tmp_path: Path, hit: str) -> None:
    said = crash(100, 2, hit, tmp_path)
    assert "every one the same in the end" in said
    # who is asked to end makes the folder whole first
    assert hit == "ask" or not re.search(r"\b0 of them half way", said)
