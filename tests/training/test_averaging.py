"""The average of the weights: its formula, and that training does not notice."""

from __future__ import annotations

import numpy as np
import pytest

from training.test_trainer import OPTIMIZERS, X, Y, assert_close, model, params


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("decay", [0, 0.5, 0.999])
def test_the_average_is_its_formula(optimizer: str, decay: float) -> None:
    made = model(optimizer, f"average = {decay}")
    trainer, path = made.trainer(), []
    with trainer.averaged():
        first = params(made)
    assert_close(first, params(made), rtol=0)
    for _ in range(10):
        trainer.step(x=X, y=Y)
        path.append(params(made))
        shares = float(decay) ** np.arange(len(path) - 1, -1, -1)
        with trainer.averaged():
            for name, array in made.params.items():
                wanted = np.average([p[name] for p in path], axis=0, weights=shares)
                np.testing.assert_allclose(array, wanted, rtol=1e-12, err_msg=name)
    assert_close(params(made), path[-1], rtol=0)


def test_the_weights_come_back_after_a_fault() -> None:
    made = model("sgd(lr = 0.1)", "average = 0.9")
    trainer = made.trainer()
    for _ in range(3):
        trainer.step(x=X, y=Y)
    before = params(made)

    def fail() -> None:
        with trainer.averaged():
            assert not np.array_equal(made.params["W"], before["W"])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert_close(params(made), before, rtol=0)
    trainer.take_average()
    assert not np.array_equal(made.params["W"], before["W"])


def test_averaging_leaves_training_as_it_is() -> None:
    one, other = model("adam(lr = 0.1)", "average = 0.9"), model("adam(lr = 0.1)")
    for made in (one, other):
        trainer = made.trainer()
        for _ in range(3):
            trainer.step(x=X, y=Y)
    assert_close(params(one), params(other), rtol=0)
