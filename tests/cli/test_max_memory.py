"""`run --max-memory`: a step within the bytes that are given, or a refusal with the numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

TEXT = """
dim N
input x: [N, 32]
o = x
repeat l in 1..20 {
  param W: [32, 32] ~ normal(0, 0.1)
  o = o + sigmoid(o @ W)
}
loss J = mean(o^2)
data {
  source = "m.npz"
  x = x
}
train {
  optimizer = adam(lr = 0.01)
  batch = 256
  epochs = 2
}
"""


@pytest.fixture
def run(call, model, tmp_path):
    path = model(TEXT)
    rows = np.random.default_rng(0).normal(size=(512, 32)).astype(np.float32)
    np.savez(path.parent / "m.npz", x=rows)
    numbers = iter(range(9))

    def run(*more):
        out = tmp_path / f"run-{next(numbers)}"
        return call("run", path, "--json", "-q", "--out", out, *more)

    return run


def test_less_memory_is_the_same_run(run) -> None:
    plain, small = run(), run("--max-memory", "400 kB")
    assert plain.code == small.code == 0
    folders = [Path(json.loads(done.out)["folder"]) for done in (plain, small)]
    weights = [
        {name: array for path in folder.rglob("*.safetensors") for name, array in _params(path)}
        for folder in folders
    ]
    assert len(weights[0]) >= 20
    assert weights[0].keys() == weights[1].keys()
    for name, array in weights[0].items():
        np.testing.assert_array_equal(array, weights[1][name])


def _params(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """The parameters in a file of weights or of a whole state."""
    for name, array in load_file(path).items():
        if "o[" in name:
            yield f"{path.name}: {name}", array


@pytest.mark.parametrize(
    ("amount", "code", "says"),
    [
        ("1 kB", "E0818", "1,000 are allowed"),
        ("1000", "E0818", "1,000 are allowed"),
        ("lots", "E0502", "an amount of memory"),
        ("0", "E0502", "an amount of memory"),
    ],
)
def test_what_is_refused(run, amount, code, says) -> None:
    done = run("--max-memory", amount)
    assert done.code == 1
    assert code in done.err + done.out
    assert says in done.err + done.out
