"""L11: the penalty, decay, dropout and early stopping."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from lecture.files import LECTURE, copied, load, read_crescents

X, Y = read_crescents()
MATRICES = ("W1", "W2")


def with_mask(**constants: float) -> graphdsl.Model:
    """The file with one line more: a state that keeps the mask of the step."""
    text = (LECTURE / "l11.gdl").read_text("utf-8")
    line = "mask = dropout_mask(b1, rate = rate)\n"
    assert line in text
    more = "state seen: [hidden] = 0\nupdate seen = mask\n"
    return graphdsl.loads(text.replace(line, line + more), dtype="f64", **constants)


def test_the_penalty_is_on_the_matrices_alone() -> None:
    model, plain = load("l11", penalty=0.3), load("l11", penalty=0)
    with_it, without = (m.value_and_grad(x=X, y=Y) for m in (model, plain))
    squares = sum((model.params[name] ** 2).sum() for name in MATRICES)
    assert with_it[0] - without[0] == pytest.approx(0.3 * squares)
    for name, param in model.params.items():
        pull = 2 * 0.3 * param if name in MATRICES else np.zeros_like(param)
        np.testing.assert_allclose(with_it[1][name] - without[1][name], pull, atol=1e-13)


def test_decay_takes_a_part_of_the_matrices_and_nothing_of_biases() -> None:
    ends = []
    for decay in (0.5, 0):
        model = load("l11", decay=decay, penalty=0, rate=0)
        before = copied(model)
        model.trainer().step(x=X, y=Y)
        ends.append(copied(model))
    for name, kept in before.items():
        lost = 0.2 * 0.5 * kept if name in MATRICES else np.zeros_like(kept)
        np.testing.assert_allclose(ends[1][name] - ends[0][name], lost, atol=1e-13)


def test_weights_into_and_out_of_a_dropped_unit_stay_in_that_step() -> None:
    model = with_mask(penalty=0, decay=0)
    trainer = model.trainer()
    masks = set()
    for _ in range(10):
        before = copied(model)
        trainer.step(x=X, y=Y)
        mask = model.states["seen"]
        dropped = mask == 0
        masks.add(tuple(dropped))
        np.testing.assert_allclose(mask[~dropped], 4 / 3)
        assert 0 < dropped.sum() < 32
        same = {name: model.params[name] == before[name] for name in before}
        assert same["W1"][:, dropped].all()
        assert same["b1"][dropped].all()
        assert same["W2"][dropped].all()
        moved = ~(same["W1"].all(axis=0) & same["W2"].all(axis=1))
        # a unit that is kept moves, unless no example reaches it
        assert moved[~dropped].mean() > 0.8
    assert len(masks) > 1


def test_nothing_is_dropped_in_evaluation() -> None:
    model = load("l11")
    values = [float(model.run(x=X, y=Y)["J"]) for _ in range(2)]
    assert values[0] == values[1]
    w = model.params
    z = np.maximum(X @ w["W1"] + w["b1"], 0) @ w["W2"] + w["b2"]
    np.testing.assert_allclose(model.evaluate("z", x=X), z, rtol=1e-12)


def test_training_stops_early_with_the_best_weights() -> None:
    model = graphdsl.load(LECTURE / "l11.gdl")
    history = model.fit(epochs=2000)
    errors = history.column("valid.J")
    assert history.ending == "early"
    assert history.best == int(np.argmin(errors)) + 1
    assert len(errors) == history.best + 20
    assert history.final["valid"]["J"] == pytest.approx(min(errors))
    assert history.final["test"]["accuracy"] > 0.95
