"""`fit(checkpoints=…)` goes on with the engine that the run began with, or says why it does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError, UsageError
from graphdsl.graph.kernel import Array
from graphdsl.training import tensor_file
from graphdsl.training.keeper import find_checkpoints
from graphdsl.training.weights import DIGEST, seal

MODEL = """dim N
input x: [N, 12]
input y: [N]
h = Dense(x, 32, act = tanh)
z = Dense(h, 1)
loss J = mean((reshape(z, [-1]) - y)^2)
train {
  optimizer = adam(lr = 1e-2)
  batch = 16
}
"""
RNG = np.random.default_rng(3)
DATA = {"x": RNG.standard_normal((128, 12)), "y": RNG.standard_normal(128)}


def loaded(engine: str) -> graphdsl.Model:
    return graphdsl.loads(MODEL, seed=2, engine=engine)


def train(engine: str, epochs: int, folder: Path | None = None, look: bool = False) -> bytes:
    """The weights that training comes to; the model has the engine it was loaded for after it."""
    model = loaded(engine)
    model.evaluate("h", DATA)  # a program of the engine it was loaded for
    model.fit(DATA, epochs=epochs, checkpoints=folder, debug_nan=look)
    assert model.session.engine == engine
    return b"".join(array.tobytes() for array in model.params.values())


def recorded(folder: Path) -> str | None:
    """The engine that the newest checkpoint says."""
    return tensor_file.read(find_checkpoints(folder)[-1]).metadata.get("engine")


def test_a_model_for_no_engine_goes_on_with_that_of_the_run(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    whole = {engine: train(engine, 6) for engine in ("numpy", "numba")}
    assert whole["numpy"] != whole["numba"], "last digits differ"
    for engine, expected in whole.items():
        train(engine, 3, tmp_path / engine)
        assert train("auto", 6, tmp_path / engine) == expected
        assert recorded(tmp_path / engine) == engine


def test_the_scores_on_the_way_are_those_of_the_engine(tmp_path: Path) -> None:
    """A model that has evaluated by its own engine evaluates by the run's while that goes on."""
    pytest.importorskip("numba")
    histories = []
    for engine, folder in (("numba", None), ("auto", tmp_path)):
        if folder is not None:
            loaded("numba").fit(DATA, epochs=3, split=[0.75, 0.25], checkpoints=folder)
        model = loaded(engine)
        model.measure({name: rows[:32] for name, rows in DATA.items()})  # as many as will be valid
        histories.append(model.fit(DATA, epochs=6, split=[0.75, 0.25], checkpoints=folder))
    assert histories[0].column("valid.J") == histories[1].column("valid.J")


@pytest.mark.parametrize("began", ["auto", "numba"])
def test_another_engine_is_refused(tmp_path: Path, began: str) -> None:
    if began == "numba":
        pytest.importorskip("numba")
    train(began, 1, tmp_path)
    model = loaded("numpy")
    before = {name: array.copy() for name, array in model.params.items()}
    with pytest.raises(UsageError, match=rf"E0835.*has the engine {began}, .* go on with numpy"):
        model.fit(DATA, epochs=2, checkpoints=tmp_path)
    for name, array in before.items():
        np.testing.assert_array_equal(model.params[name], array)
    assert model.session.engine == "numpy"


@pytest.mark.parametrize("again", ["auto", "numpy", "numba"])
def test_a_run_that_was_looked_into_is_one_of_numpy(tmp_path: Path, again: str) -> None:
    whole = train("numpy", 6, look=True)
    train("auto", 3, tmp_path, look=True)
    assert recorded(tmp_path) == "numpy"
    if again == "numba":
        pytest.importorskip("numba")
        with pytest.raises(UsageError, match="E0835"):
            train(again, 6, tmp_path)
        assert train(again, 6, tmp_path, look=True) == whole
    else:
        assert train(again, 6, tmp_path) == whole


def rewrite(path: Path, engine: str | None) -> None:
    """Have a checkpoint say another engine, or none."""
    file = tensor_file.read(path)
    said = {key: text for key, text in file.metadata.items() if key not in ("engine", DIGEST)}
    if engine is not None:
        said["engine"] = engine
    tensors: dict[str, Array] = file.tensors()
    tensor_file.write(path, tensors, {**said, DIGEST: seal(tensors, said)})


def test_a_checkpoint_that_says_no_engine_goes_on_with_any(tmp_path: Path) -> None:
    """Earlier versions wrote none."""
    train("auto", 1, tmp_path)
    rewrite(find_checkpoints(tmp_path)[-1], None)
    train("numpy", 2, tmp_path)
    assert recorded(tmp_path) == "numpy"


def test_an_engine_that_there_never_was_is_no_engine(tmp_path: Path) -> None:
    train("auto", 1, tmp_path)
    rewrite(find_checkpoints(tmp_path)[-1], "steam")
    with pytest.raises(DataError, match=r"E0626.*its 'engine' makes no sense"):
        train("auto", 2, tmp_path)
