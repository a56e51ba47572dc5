"""What `fit` is given by name: settings that say nothing of the data are told, not passed over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl import UsageError

TEXT = """
dim N
input x: [N]
input k: i64[N]
param w = 1
loss J = mean((w - x)^2)
data {
  source = "d.npz"
  x = x
  k = k
}
train {
  optimizer = sgd(lr = 0.1)
  batch = all
  epochs = 1
}
"""
ARRAYS = {"x": np.arange(8.0), "k": np.arange(8) % 2}
GIVEN: dict[str, Callable[[Path], Any]] = {
    "file": lambda path: None,
    "path": lambda path: path,
    "arrays": lambda path: ARRAYS,
    "batches": lambda path: [ARRAYS],
}


@pytest.fixture
def fit(tmp_path: Path) -> Callable[..., graphdsl.History]:
    """`fit("arrays", split=[0.5, 0.5])`: one epoch on data given so."""
    np.savez(tmp_path / "d.npz", **ARRAYS)
    (tmp_path / "m.gdl").write_text(TEXT)

    def train(kind: str, **settings: Any) -> graphdsl.History:
        model = graphdsl.load(tmp_path / "m.gdl")
        return model.fit(GIVEN[kind](tmp_path / "d.npz"), **settings)

    return train


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        ("path", {"source": "other.npz"}),
        ("path", {"train": "other.npz"}),
        ("arrays", {"source": "other.npz"}),
        ("arrays", {"valid": "other.npz"}),
        ("batches", {"split": [0.5, 0.5]}),
        ("batches", {"split_seed": 1}),
        *((kind, {"stratify": "k"}) for kind in GIVEN),
    ],
)
def test_a_setting_without_effect_is_refused(fit, kind: str, setting: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"E0848.*'{next(iter(setting))}'"):
        fit(kind, **setting)


@pytest.mark.parametrize("kind", ["file", "path", "arrays"])
def test_a_setting_that_divides_rows_is_taken(fit, kind: str) -> None:
    split = {"split": [0.5, 0.5], "split_seed": 1, "stratify": "k"}
    assert set(fit(kind, **split).final) == {"valid"}


@pytest.mark.parametrize("kind", GIVEN)
def test_none_leaves_a_setting_out(fit, kind: str) -> None:
    keys = ("valid", "test", "split", "split_by", "stratify")
    assert fit(kind, **dict.fromkeys(keys)).final == {}
