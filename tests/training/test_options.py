"""Settings of a run: the file's, the model's seed, the caller's; all of them checked."""

from __future__ import annotations

from typing import Any

import pytest

import graphdsl
from graphdsl import UsageError
from graphdsl.training.options import FitSettings, data_settings, fit_settings, split_overrides
from graphdsl.training.stopping import early


def test_the_file_then_the_seed_then_the_caller(simple: graphdsl.Model) -> None:
    compilation = simple.compilation
    assert fit_settings(compilation, {}) == FitSettings(batch=2, epochs=3)
    assert fit_settings(compilation, {}, 7).seed == 7
    found = fit_settings(compilation, {"seed": 9, "batch": "all", "stop": "accuracy"}, 7)
    assert found == FitSettings("all", 3, 9, stop=early("accuracy", maximise=True))
    assert fit_settings(compilation, {"stop": "-J"}).stop == early("J", maximise=True)


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({"epoch": 3}, "E0808", "did you mean 'epochs'"),
        ({"optimizer": "sgd"}, "E0808", "name it when loading"),
        ({"epochs": -1}, "E0809", "a whole number, 0 or more"),
        ({"epochs": 2.5}, "E0809", "2.5"),
        ({"batch": 0}, "E0809", "'all'"),
        ({"batch": True}, "E0809", "True"),
        ({"seed": 2**64}, "E0809", "64 bits"),
        ({"shuffle": 1}, "E0809", "true or false"),
        ({"stop": "loss"}, "E0831", "neither"),
        ({"stop": 3}, "E0809", "3"),
        ({"clip_norm": [[1.5] * 9] * 9}, "E0809", "not a list"),
    ],
)
def test_what_does_not_fit(
    simple: graphdsl.Model, settings: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        simple.fit(**settings)
    assert code in str(caught.value)
    assert said in str(caught.value)
    with pytest.raises(UsageError):
        simple.trainer(**settings)


def test_settings_of_both_blocks(simple: graphdsl.Model) -> None:
    train, data = split_overrides({"epochs": 1, "split_seed": 3, "nonsense": 1})
    assert train == {"epochs": 1, "nonsense": 1}
    assert data == {"split_seed": 3}
    assert data_settings(simple.compilation, data)["split"] == (0.7, 0.3)
    with pytest.raises(UsageError, match="E0809"):
        simple.fit(split=[0.5, 0.6])


def test_the_train_blocks_seed_draws_the_initial_values(write) -> None:
    data = 'source = "a.csv"\nx = table[:, :2]\ny = c'
    path = write(data, train="train {\n optimizer = sgd()\n seed = 5\n}\n")
    seeded, same, other = (
        graphdsl.load(path),
        graphdsl.load(path, seed=5),
        graphdsl.load(path, seed=6),
    )
    assert seeded.seed == 5
    assert (seeded.params["W"] == same.params["W"]).all()
    assert (seeded.params["W"] != other.params["W"]).any()
    with pytest.raises(UsageError, match="E0809"):
        graphdsl.load(path, seed=-1)
