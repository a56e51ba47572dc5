"""Compiled models beside NumPy's: the same gradients, training and errors, whatever the threads."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import graphdsl
from engines.both import ENGINES, NET, WIDE, Array, batch, wide_batch
from graphdsl.graph.types import DType
from random_graphs import generate

pytest.importorskip("numba")


# --- whole models --------------------------------------------------------------------------------


def test_gradients() -> None:
    models = [graphdsl.loads(NET, dtype="f64", engine=engine, seed=1) for engine in ENGINES]
    (loss, expected), (other, found) = (model.value_and_grad(batch(19)) for model in models)
    assert other == pytest.approx(loss, rel=1e-13)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-10, atol=1e-14, err_msg=name)


def test_gradients_by_finite_differences() -> None:
    model = graphdsl.loads(NET, dtype="f64", engine="numba", seed=1)
    loss, slopes = model.value_and_grad(batch(5))
    for name, slope in slopes.items():
        place = np.unravel_index(np.abs(slope).argmax(), slope.shape)
        kept, ends = model.params[name][place], []
        for step in (1e-6, -1e-6):
            model.params[name][place] = kept + step
            ends.append(float(model.run(batch(5))["J"]))
        model.params[name][place] = kept
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(slope[place], rel=1e-6, abs=1e-9)
    assert float(model.run(batch(5))["J"]) == loss


OPTIMIZERS = ("sgd(lr = 0.1)", "momentum(lr = 0.1)", "rmsprop(lr = 1e-2)")


@pytest.mark.parametrize(
    "optimizer",
    ["adam(lr = 1e-2)", *(pytest.param(each, marks=pytest.mark.nightly) for each in OPTIMIZERS)],
)
def test_training(optimizer: str) -> None:
    losses = []
    for engine in ENGINES:
        model = graphdsl.loads(
            NET, dtype="f64", engine=engine, seed=1, settings={"optimizer": optimizer}
        )
        trainer = model.trainer()
        losses.append([trainer.step(batch(rows)) for rows in (16, 16, 9, 16)])
        losses[-1] += [float(np.abs(value).sum()) for value in model.params.values()]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-9)


STATES = """
input x: [3]
state a: [3] = 1
state b: [3] = 2
update a = b + 0 * a
update b = a + x
output s = a
output d = b - a
train { epochs = 1 }
"""


def test_updates_read_the_values_before_the_step() -> None:
    for engine in ENGINES:
        model = graphdsl.loads(STATES, engine=engine)
        trainer = model.trainer()
        for _ in range(3):
            trainer.step(x=np.ones(3))
        np.testing.assert_array_equal(model.states["a"], [3, 3, 3])
        np.testing.assert_array_equal(model.states["b"], [3, 3, 3])


@pytest.mark.parametrize("seed", range(6))
def test_random_programs(seed: int) -> None:
    made = generate(seed)
    found = []
    for engine in ENGINES:
        model = graphdsl.loads(made.text, dtype="f64", engine=engine)
        for name, value in made.leaves.items():
            if name in model.params:
                model.params[name][...] = value
        found.append(model.value_and_grad({name: made.leaves[name] for name in made.inputs}))
    (loss, slopes), (other, others) = found
    np.testing.assert_allclose(other, loss, rtol=1e-9)
    for name, slope in slopes.items():
        size = np.abs(slope).max(initial=0)
        np.testing.assert_allclose(others[name], slope, rtol=1e-8, atol=1e-9 * size, err_msg=name)


# --- feeds, threads, and the same bits -----------------------------------------------------------


def test_feeds_of_any_layout() -> None:
    text = "dim N\ninput x: [N, 4]\noutput y = x * 2 + 1"
    model = graphdsl.loads(text, engine="numba")
    x = np.arange(24, dtype=np.float32).reshape(6, 4)
    expected = x * 2 + 1
    frozen = x.copy()
    frozen.flags.writeable = False
    for fed in (x, frozen, np.asfortranarray(x), x.astype(">f4"), x.astype(np.float64), x.tolist()):
        np.testing.assert_array_equal(model.run(x=fed)["y"], expected)
    np.testing.assert_array_equal(frozen, x)


def test_results_are_the_callers() -> None:
    model = graphdsl.loads("input x: [3]\noutput y = x + 1", engine="numba")
    first = model.run(x=np.zeros(3))["y"]
    model.run(x=np.ones(3))
    np.testing.assert_array_equal(first, [1, 1, 1])


def train_wide(steps: int = 4) -> tuple[list[float], Array]:
    model = graphdsl.loads(WIDE, engine="numba", seed=3)
    trainer, fed = model.trainer(), wide_batch()
    losses = [trainer.step(fed) for _ in range(steps)]
    return losses, model.session.memory.arrays["param_f32"].copy()


def test_the_same_bits_whatever_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphdsl.engines.numba import crew, engine

    found = []
    for cores in (1, 2, 3):
        monkeypatch.setattr(crew, "count_cores", lambda cores=cores: cores)
        monkeypatch.setattr(engine, "count_cores", lambda cores=cores: cores)
        monkeypatch.setattr(crew, "_crews", [])
        found.append(train_wide())
    for losses, params in found[1:]:
        assert losses == found[0][0]
        np.testing.assert_array_equal(params, found[0][1])


def test_threads_train_at_the_same_time() -> None:
    expected, found = train_wide(), []
    threads = [threading.Thread(target=lambda: found.append(train_wide())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert len(found) == 3
    for losses, params in found:
        assert losses == expected[0]
        np.testing.assert_array_equal(params, expected[1])


def test_every_dtype_has_arrays() -> None:
    from graphdsl.engines.numba import intrinsics

    for dtype in DType:
        assert hasattr(intrinsics, f"{dtype}_at")
