"""A step that runs very often: memory does not grow, and steps don't become slower."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MICRO = Path(__file__).parents[2] / "benchmarks" / "models" / "micro.gdl"
STEPS, PARTS = 100_000, 10
MOST_GROWTH = 1_000_000
"""Bytes: less than ten for each step."""

RUN = f"""
import sys
from time import perf_counter

import numpy as np

import graphdsl


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


rng = np.random.default_rng(0)
x, y = (rng.normal(size=(32, n)).astype(np.float32) for n in (2, 1))
trainer = graphdsl.load(sys.argv[1]).trainer()
for part in range({PARTS} + 1):  # the first warms up
    start = perf_counter()
    for _ in range({STEPS // PARTS}):
        trainer.step(x=x, y=y)
    print(resident(), perf_counter() - start)
"""


@pytest.mark.nightly
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc to read sizes from")
def test_a_hundred_thousand_steps() -> None:
    command = [sys.executable, "-c", RUN, str(MICRO)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr
    parts = [line.split() for line in done.stdout.splitlines()[1:]]
    assert len(parts) == PARTS
    sizes, seconds = [int(size) for size, _ in parts], [float(time) for _, time in parts]
    assert sizes[-1] - sizes[0] < MOST_GROWTH, sizes
    # the best of a few parts: other programs on the machine slow some of them
    assert min(seconds[-4:]) < 1.25 * min(seconds[:4]), seconds
