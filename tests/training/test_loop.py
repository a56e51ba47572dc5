"""The loop: determinism, best weights, early ends, what is measured."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError, DivergedError, UsageError
from graphdsl.training import loop, measure
from graphdsl.training.data import load_dataset
from graphdsl.training.history import History, Row
from graphdsl.training.options import fit_settings
from graphdsl.training.progress import Silent

DATA = 'source = "a.csv"\nx = table[:, :2]\ny = c\nsplit = [0.7, 0.3]'


def train(text: str) -> str:
    return f"train {{\n{text}\n}}\n"


def weights(model: graphdsl.Model) -> bytes:
    return b"".join(array.tobytes() for array in model.params.values())


def test_the_same_seed_gives_the_same_bits(write) -> None:
    path = write(DATA)
    ends = []
    for seed in (1, 1, 2):
        model = graphdsl.load(path, seed=seed)
        history = model.fit(epochs=20)
        ends.append((weights(model), [row["train.J"] for row in history.epochs]))
    assert ends[0] == ends[1]
    assert ends[0][0] != ends[2][0]
    assert ends[0][1] != ends[2][1]


def test_the_shuffling_alone_depends_on_the_seed(simple: graphdsl.Model) -> None:
    begin = simple.params["W"].copy()
    ends = []
    for seed, shuffle in ((1, True), (2, True), (1, False), (2, False)):
        simple.params["W"][...] = begin
        simple.fit(seed=seed, shuffle=shuffle, epochs=5, batch=1)
        ends.append(weights(simple))
    assert ends[0] != ends[1]
    assert ends[2] == ends[3]


def test_a_row_of_the_history(simple: graphdsl.Model) -> None:
    history = simple.fit(batch=3, epochs=4)
    assert history.column("epoch") == [1, 2, 3, 4]
    assert history.column("step") == [2, 4, 6, 8]
    assert history.columns == [
        *("epoch", "step", "seconds", "train.J", "valid.J", "valid.accuracy"),
    ]
    assert history.final.keys() == {"valid"}


def test_losses_are_weighted_by_rows(simple: graphdsl.Model) -> None:
    dataset = load_dataset(simple.session, {"split": None})
    whole = measure.evaluate(simple.session, dataset.train, "all")
    parts = measure.evaluate(simple.session, dataset.train, 4)
    assert parts == pytest.approx(whole, rel=1e-6)
    history = simple.fit(dataset, batch="all", epochs=1)
    assert history.epochs[0]["train.J"] == pytest.approx(whole["J"], rel=1e-6)


def test_predictions_of_every_row(simple: graphdsl.Model) -> None:
    part = load_dataset(simple.session, {"split": None}).train
    p = measure.predictions(simple.session, [part], ["p"], 4).collect()["p"]
    np.testing.assert_allclose(p, simple.run(x=part.arrays["x"])["p"], rtol=1e-6)
    assert measure.predictions(simple.session, [part], ["W"], 4).collect()["W"].shape == (2, 3)


class Watch(Silent):
    """Remembers the weights after every epoch."""

    def __init__(self, model: graphdsl.Model) -> None:
        self.model = model
        self.weights: list[bytes] = []

    def on_epoch(self, row: Row) -> None:
        self.weights.append(weights(self.model))


def test_the_best_weights_are_put_back(simple: graphdsl.Model) -> None:
    watch = Watch(simple)
    history = simple.fit(listener=watch, epochs=40)
    losses = history.column("valid.J")
    assert history.best == 1 + losses.index(min(losses))
    assert history.best < 40
    assert history.watch == "valid.J"
    assert weights(simple) == watch.weights[history.best - 1] != watch.weights[-1]
    assert history.final["valid"]["J"] == pytest.approx(min(losses))


def test_stopping_early(write) -> None:
    path = write(DATA, train=train("optimizer = sgd(lr = 0.1)\nepochs = 90\nstop = early(J, 3)"))
    history = graphdsl.load(path).fit()
    assert history.ending == "early"
    assert len(history.epochs) == history.best + 3
    assert graphdsl.load(path).fit(stop=None).ending == "epochs"
    with pytest.raises(UsageError, match="E0811"):
        graphdsl.load(path).fit(split=None)


def test_without_a_valid_part_the_last_weights_stay(simple: graphdsl.Model) -> None:
    watch = Watch(simple)
    history = simple.fit(listener=watch, split=None)
    assert history.best is None
    assert weights(simple) == watch.weights[-1]


def test_ctrl_c_ends_after_the_step_under_way(simple: graphdsl.Model) -> None:
    class Interrupt(Watch):
        def on_epoch(self, row: Row) -> None:
            super().on_epoch(row)
            if row["epoch"] == 3:
                os.kill(os.getpid(), signal.SIGINT)

    watch = Interrupt(simple)
    history = simple.fit(listener=watch, epochs=1000)
    assert history.interrupted
    assert 3 <= len(history.epochs) < 1000
    assert weights(simple) == watch.weights[history.best - 1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_from_elsewhere(simple: graphdsl.Model) -> None:
    class Interrupt(Silent):
        def on_epoch(self, row: Row) -> None:
            raise KeyboardInterrupt

    assert simple.fit(listener=Interrupt()).interrupted


DIVERGING = """dim N
input x: [N]
param w = 1
loss J = mean(exp(w * x))
train {
  optimizer = sgd(lr = 1)
  batch = 1
  shuffle = false
}
"""


def test_a_diverging_loss_leaves_the_weights_it_began_with() -> None:
    model, history = graphdsl.loads(DIVERGING), History()
    dataset = load_dataset(model.session, {}, {"x": [0.0, 1e4, 1.0]})
    settings = fit_settings(model.compilation, {})
    with pytest.raises(DivergedError):
        loop.fit(model.trainer(), dataset, settings, None, history)
    assert model.params["w"] == 1
    assert history.ending == "diverged"


def test_a_loss_that_diverges_later_leaves_the_best(write) -> None:
    path = write(DATA, "a,b,c\n1,2,0\n2,1,1\n3,1,2\n", "train { optimizer = blow() }\n", BLOW)
    model, history = graphdsl.load(path), History()
    dataset = load_dataset(model.session)
    with pytest.raises(DivergedError):
        loop.fit(model.trainer(), dataset, fit_settings(model.compilation, {}), None, history)
    assert history.best is not None
    losses = history.column("valid.J")
    found = measure.evaluate(model.session, dataset.valid)["J"]
    assert found == pytest.approx(losses[history.best - 1])


BLOW = """dim N
input x: [N, 2]
input y: i64[N]
param w = 1
loss J = exp(w * w) + 0 * mean(x) + 0 * mean(y)
optimizer blow() {
  update p = (0.5 if true else 0) * p * (1 if true else 0) + 30 * maximum(t - 4, 0)
}
"""


def test_own_updates_train_without_a_loss() -> None:
    model = graphdsl.loads(
        "dim N\ninput x: [N]\nstate total = 0\nupdate total = total + sum(x)\noutput y = total\n"
        "train {\n epochs = 3\n batch = 2\n}\n"
    )
    history = model.fit({"x": [1.0, 2, 3, 4, 5]})
    assert history.columns == ["epoch", "step", "seconds"]
    assert model.states["total"] == 45


def test_a_model_without_inputs() -> None:
    model = graphdsl.loads(
        "param w = 3\nloss J = (w - 1)^2\ntrain {\n optimizer = sgd(lr = 0.1)\n epochs = 100\n}\n"
    )
    model.fit()
    assert model.params["w"] == pytest.approx(1, abs=1e-6)


def test_batches_from_python(simple: graphdsl.Model) -> None:
    x, y = np.ones((4, 2)), np.array([0, 1, 2, 1])
    history = simple.fit([{"x": x, "y": y}, {"x": x[:1], "y": y[:1]}], epochs=3)
    assert history.column("step") == [2, 4, 6]
    once = simple.fit(({"x": x, "y": y} for _ in range(5)), epochs=1)
    assert once.column("step") == [5]
    with pytest.raises(DataError, match="E0602"):
        simple.fit([{"x": x}])
    with pytest.raises(DataError, match="E0618"):
        simple.fit([x])


def test_a_second_fit_goes_on_from_where_the_first_ended(simple: graphdsl.Model) -> None:
    first = simple.fit(split=None, epochs=50).column("train.J")
    second = simple.fit(split=None, epochs=1)
    assert second.column("train.J")[0] < first[0]
    assert second.column("step") == [3]


def test_labels_out_of_range(write, tmp_path: Path) -> None:
    path = write(DATA, "a,b,c\n1,2,0\n3,4,5\n5,6,1\n")
    with pytest.raises(DataError, match="index 5 is out of range: expected 0 to 2"):
        graphdsl.load(path).fit()


def test_parameters_whose_squares_overflow_are_finite() -> None:
    """Nothing warns of them, either: warnings are errors here."""
    model = graphdsl.loads(
        "dim N\ninput x: [N, 3]\nparam W: [3, 2] = 1\nloss J = mean((x @ W)^2)\n"
        "train {\n  optimizer = sgd(lr = 1e25)\n}\n"
    )
    history = model.fit({"x": np.ones((20, 3))}, epochs=1, batch=20)
    assert history.ending != "diverged"
    assert np.isfinite(model.params["W"]).all()
    assert np.abs(model.params["W"]).min() > 1e20
