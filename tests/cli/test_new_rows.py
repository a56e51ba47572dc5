"""`predict` and `evaluate` on new rows, by what the run learned and without its data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

MODEL = """dim N
input x: [N, 2]
input y: i64[N]
z = Dense(x, 2)
loss J = mean(cross_entropy(z, y))
metric accuracy = mean(argmax(z) == y)
output p = softmax(z)
data {
  source = "a.csv"
  x = standardize(table[:, :2])
  y = category(kind)
  split = [0.5, 0.5]
  stratify = "kind"
}
train {
  optimizer = adam(lr = 0.1)
  batch = 10
}
"""


@pytest.fixture
def trained(call, tmp_path: Path) -> Path:
    """A model that is trained in the folder `done`, its data gone."""
    rng = np.random.default_rng(0)
    rows = [f"{a},{b},{'up' if a > 50 else 'down'}\n" for a, b in rng.integers(0, 100, (80, 2))]
    (tmp_path / "a.csv").write_text("a,b,kind\n" + "".join(rows))
    path = tmp_path / "m.gdl"
    path.write_text(MODEL)
    assert call("run", path, "-q", "--out", "done").code == 0
    (tmp_path / "a.csv").unlink()
    return path


def test_new_rows_need_no_old_ones(call, trained: Path) -> None:
    Path("new.csv").write_text("b,a\n50,99\n50,1\n")
    done = call("predict", trained, "--weights", "done", "--data", "new.csv", "--json")
    assert done.code == 0
    assert np.argmax(json.loads(done.out)["p"], axis=1).tolist() == [1, 0]
    weights = "done/weights.safetensors"
    done = call("predict", trained, "--weights", weights, "--data", "new.csv")
    assert done.code == 1
    assert "E0609" in done.err


def test_an_unseen_category_is_said(call, trained: Path) -> None:
    Path("new.csv").write_text("a,b,kind\n99,50,up\n1,50,sideways\n")
    done = call("evaluate", trained, "--weights", "done", "--data", "new.csv")
    assert done.code == 1
    assert "category(kind) meets 'sideways' in row 1 (line 3) of 'new.csv'" in done.err


@pytest.mark.parametrize(
    "settings", ["{", "[]", '{"learned": 3}', '{"learned": {"scales": {"a": 1}}}']
)
def test_spoilt_settings_are_said(call, trained: Path, settings: str) -> None:
    Path("new.csv").write_text("a,b\n99,50\n")
    Path("done/settings.json").write_text(settings)
    done = call("predict", trained, "--weights", "done", "--data", "new.csv")
    assert done.code == 1
    assert "E0610" in done.err or (settings == "[]" and "E0609" in done.err)
