"""Estimators: models and data that do not fit, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

import graphdsl
from graphdsl.sklearn import GraphClassifier

EXAMPLES = Path(__file__).parents[1] / "examples"
HEAD = (
    "dim N\ninput x: [N, 4]\ninput y: i64[N]\nz = Dense(x, 3)\nloss J = mean(cross_entropy(z, y))\n"
)
TRAIN = "train {\n  optimizer = sgd(lr = 0.1)\n}\n"


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (HEAD + TRAIN, {}, "the prediction is to be of shape"),
        (HEAD + "output p = softmax(z)[:, :2]\n" + TRAIN, {}, r"\[N, 3\]: p is f64\[N, 2\]"),
        (HEAD + "output p = softmax(z)\noutput q = p\n" + TRAIN, {}, "name one: output='p'"),
        (HEAD + "output p = z\n" + TRAIN, {"output": "q"}, "output='q' is to be of shape"),
        (
            HEAD + "input w: [N, 2]\noutput p = softmax(z) + 0 * w[:, :1]\n" + TRAIN,
            {},
            "x_input='x'",
        ),
        (HEAD + "input t\noutput p = softmax(t * z)\n" + TRAIN, {}, "neither X nor y feeds: t"),
        ("input x: [4]\noutput y = x\n", {}, "no input of the model has an axis of rows"),
        (HEAD + "output p = softmax(z)\n", {}, "no way to train"),
    ],
)
def test_models_that_do_not_fit_are_said(text: str, options: dict[str, Any], said: str) -> None:
    x, y = load_iris(return_X_y=True)
    with pytest.raises(graphdsl.GraphdslError, match=said):
        GraphClassifier(text, epochs=1, **options).fit(x, y)


def test_names_settle_what_shapes_leave_open() -> None:
    x, y = load_iris(return_X_y=True)
    text = f"{HEAD}output p = softmax(z)\noutput q = softmax(2 * z)\n{TRAIN}"
    given = GraphClassifier(text, output="q", x_input="x", y_input="y", epochs=3).fit(x, y)
    np.testing.assert_allclose(given.predict_proba(x), given.model_.run(x=x)["q"])


def test_logits_are_no_probabilities() -> None:
    x, y = load_iris(return_X_y=True)
    model = GraphClassifier(f"{HEAD}output p = z\n{TRAIN}", epochs=1).fit(x, y)
    with pytest.raises(ValueError, match="'p' is no probabilities"):
        model.predict(x)


def test_data_of_other_sizes_is_said() -> None:
    x, y = load_iris(return_X_y=True)
    model = GraphClassifier(EXAMPLES / "digits.gdl")
    with pytest.raises(graphdsl.GraphdslError, match=r"\[N, 3\]: p is f64\[N, 10\]"):
        model.fit(x, y)
    with pytest.raises(graphdsl.DataError, match="64"):
        model.fit(np.repeat(x, 10, axis=0), np.arange(1500) % 10)


def test_one_class_is_none_to_tell_apart() -> None:
    with pytest.raises(ValueError, match="one class"):
        GraphClassifier().fit([[0.0], [1.0]], [1, 1])
