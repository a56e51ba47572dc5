"""Every example is checked without a warning, rendered, run, and trained a little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.driver import check
from graphdsl.language.source import read_source

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted(FOLDER.rglob("*.gdl"))
WITH_DATA = [path for path in EXAMPLES if "\ndata" in path.read_text("utf-8")]


def name(path: Path) -> str:
    return path.relative_to(FOLDER).as_posix()


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_checks_without_warnings(path: Path) -> None:
    assert not check(read_source(path))


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_is_documented(path: Path) -> None:
    assert path.read_text("utf-8").startswith("## ")


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_renders(path: Path, tmp_path: Path) -> None:
    graphdsl.load(path).render(tmp_path / "graph.svg")
    assert "</svg>" in (tmp_path / "graph.svg").read_text("utf-8")


@pytest.mark.parametrize("path", WITH_DATA, ids=name)
def test_training_lowers_the_loss(path: Path) -> None:
    history = graphdsl.load(path).fit(epochs=3)
    first, *_, last = (epoch["train.J"] for epoch in history.epochs)
    assert np.isfinite([first, last]).all()
    assert last < 0.95 * first


def columns(size: int = 8, rows: int = 16) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, size)).astype("f4")
    return {"x": x, "y": np.roll(x, 1, axis=1)}


LONGEST = {"lecture/l14.gdl": 15, "transformer.gdl": 40, "lstm.gdl": 30}


@pytest.mark.parametrize("file", LONGEST)
def test_is_short(file: str) -> None:
    assert len((FOLDER / file).read_text("utf-8").splitlines()) <= LONGEST[file]


def test_gradients_vanish_in_deep_sigmoid_layers_and_not_in_residual_blocks() -> None:
    """L13 and L14: the size of the gradient of each layer's W, first to last."""
    fed = columns()
    sizes = {}
    for lecture in ("l13", "l14"):
        m = graphdsl.load(FOLDER / "lecture" / f"{lecture}.gdl", seed=0)
        _, found = m.value_and_grad(fed)
        sizes[lecture] = np.array([np.linalg.norm(found[f"o[{i}].W"]) for i in range(1, 51)])
    plain, residual = sizes["l13"], sizes["l14"]
    assert plain[49] > 1e-4
    assert (plain[:40] < 1e-8 * plain[49]).all()
    assert plain[0] == 0  # not even an f32 holds it
    assert residual.max() < 20 * residual.min()


def test_the_output_of_deep_sigmoid_layers_hardly_depends_on_the_input() -> None:
    m = graphdsl.load(FOLDER / "lecture" / "l13.gdl", seed=0)
    o = m.evaluate("o", x=columns()["x"])
    np.testing.assert_allclose(o, np.broadcast_to(o[0], o.shape), atol=1e-6)
    assert (abs(o - 0.5) < 0.2).all()


def test_residual_blocks_learn_and_sigmoid_layers_do_not() -> None:
    """Beyond the mean of the answers, that is: what the last layer's b alone gives."""
    fed, losses = columns(), {}
    for lecture in ("l13", "l14"):
        trainer = graphdsl.load(FOLDER / "lecture" / f"{lecture}.gdl", seed=0).trainer()
        losses[lecture] = [trainer.step(fed) for _ in range(60)]
    assert losses["l14"][-1] < 0.5 * losses["l14"][0]
    assert losses["l13"][-1] > 0.6 * np.mean(fed["y"] ** 2)


def test_runge_kutta_finds_the_dynamics() -> None:
    m = graphdsl.load(FOLDER / "runge_kutta.gdl")
    m.fit()
    np.testing.assert_allclose(m.params["A"], [[-0.3, -2], [2, -0.3]], atol=0.03)
    start = np.array([[1.0, 0.0]])
    way = m.run(start=start)["way"][0]
    time = 0.1 * np.arange(1, 21)
    spiral = np.exp(-0.3 * time)[:, None] * np.stack([np.cos(2 * time), np.sin(2 * time)], 1)
    np.testing.assert_allclose(way, spiral, atol=0.05)


def test_gradient_penalty_is_the_gradient_by_differences() -> None:
    m = graphdsl.load(FOLDER / "gradient_penalty.gdl", dtype="f64")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((4, 30)), np.array([0.0, 1, 1, 0])
    slope, step = m.evaluate("slope", x=x, y=y), np.zeros_like(x)
    step[2, 5] = 1e-6
    ends = [m.evaluate("E", x=x + s * step, y=y) for s in (1, -1)]
    np.testing.assert_allclose(slope[2, 5], (ends[0] - ends[1]) / 2e-6, rtol=1e-6)
    _, found = m.value_and_grad(x=x, y=y)
    w = m.params["h.W"]
    losses = []
    for s in (1e-5, -2e-5):
        w[3, 4] += s
        losses.append(m.run(x=x, y=y)["J"])
    np.testing.assert_allclose(found["h.W"][3, 4], (losses[0] - losses[1]) / 2e-5, rtol=1e-5)


def test_the_transformer_sees_only_what_was_before() -> None:
    m = graphdsl.load(FOLDER / "transformer.gdl")
    x = np.zeros((1, 32), np.int64)
    before = m.evaluate("z", x=x)
    x[0, 20] = 3
    after = m.evaluate("z", x=x)
    np.testing.assert_array_equal(before[0, :20], after[0, :20])
    assert (before[0, 20:] != after[0, 20:]).all(axis=1).any()
