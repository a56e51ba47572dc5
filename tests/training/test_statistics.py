"""Statistics of gradients: numbers beside plain NumPy, the lecture's two deep models."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.language.diagnostics import ModelError, UsageError
from graphdsl.training.moments import MovingMoments, Sums, root_mean_square
from graphdsl.training.statistics import LayerStatistics, measure_gradients

LECTURE = Path(__file__).parents[2] / "examples" / "lecture"


def deep(name: str) -> dict[str, LayerStatistics]:
    model = graphdsl.load(LECTURE / f"{name}.gdl", seed=0)
    points = np.load(LECTURE / "points.npy")
    rows = measure_gradients(model.session, [{"x": points, "y": points}], model.trainer())
    return {row.name: row for row in rows}


def test_gradients_of_fifty_sigmoid_layers_vanish() -> None:
    rows = deep("l13")
    assert all(rows[f"o[{layer}].W"].zeros == 1 for layer in range(1, 11))
    assert rows["o[1].W"].rms == rows["o[1].W"].largest == rows["o[1].W"].update_ratio == 0
    sizes = [rows[f"o[{layer}].W"].rms for layer in range(20, 51)]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 1e20 * sizes[0] > 0
    # the updates of f32 weights are lost long before the gradients are
    ratios = [rows[f"o[{layer}].W"].update_ratio for layer in range(1, 51)]
    assert ratios[:40] == [0] * 40
    assert ratios[49] > 1e-3  # type: ignore[operator]


def test_gradients_of_fifty_residual_blocks_keep_one_size() -> None:
    rows = deep("l14")
    for kind in ("W", "V"):
        sizes = [rows[f"o[{layer}].{kind}"].rms for layer in range(1, 51)]
        assert max(sizes) < 20 * min(sizes)
        assert all(rows[f"o[{layer}].{kind}"].zeros == 0 for layer in range(1, 51))


TEXT = """dim N
input x: [N, 3]
param W: [3] = [1, -2, 3]
param c = 0
param unused: [2] = 1
loss J = mean((x @ W + c)^2)
train {
  optimizer = sgd(lr = 0.5)
}
"""


def test_numbers_beside_numpy() -> None:
    model = graphdsl.loads(TEXT, dtype="f64")
    rng = np.random.default_rng(0)
    batches = [rng.normal(size=(4, 3)) for _ in range(5)]
    w = np.array([1.0, -2.0, 3.0])
    grads = np.array([2 * x.T @ (x @ w) / 4 for x in batches])
    rows = measure_gradients(model.session, [{"x": x} for x in batches], model.trainer(), beta=0.8)
    assert [row.name for row in rows] == ["W", "c"]
    row = rows[0]
    weights = 0.8 ** np.arange(4, -1, -1)
    mean = np.average(grads, axis=0, weights=weights)
    variance = np.average((grads - mean) ** 2, axis=0, weights=weights)
    expected = {
        "weight_rms": np.sqrt(np.mean(w**2)),
        "mean": grads.mean(),
        "deviation": grads.std(),
        "smallest": np.abs(grads).min(),
        "largest": np.abs(grads).max(),
        "rms": np.sqrt(np.mean(grads**2)),
        "averaged_mean": np.sqrt(np.mean(mean**2)),
        "averaged_deviation": np.sqrt(variance.mean()),
        "update_ratio": 0.5 * np.linalg.norm(grads[0]) / np.linalg.norm(w),
    }
    assert {name: getattr(row, name) for name in expected} == pytest.approx(expected, rel=1e-9)
    assert rows[1].update_ratio is None  # beside a parameter that is all 0


def test_the_model_is_left_as_it_was() -> None:
    model = graphdsl.loads(TEXT.replace("sgd(lr = 0.5)", "adam"))
    trainer = model.trainer()
    trainer.step(x=np.ones((2, 3)))
    before = {name: array.copy() for name, array in model.session.memory.arrays.items()}
    measure_gradients(model.session, [{"x": np.ones((4, 3))}], trainer)
    assert trainer.t == 1
    for name, array in before.items():
        if not name.startswith("grad_"):
            np.testing.assert_array_equal(model.session.memory.arrays[name], array)


def test_moving_moments_of_a_constant_are_exact() -> None:
    moments = MovingMoments(0.95)
    for _ in range(3):
        moments.add({"g": np.full(2, 7.0, np.float32)})
    assert moments.mean("g").tolist() == [7, 7]
    assert moments.variance("g").tolist() == [0, 0]


@pytest.mark.parametrize("exponent", [0, -900, 600, 1023])
def test_moments_of_every_size(exponent: int) -> None:
    """They are those of the same numbers near 1, to the bit."""
    factor = 2.0**exponent
    first, second = np.random.default_rng(0).uniform(-1, 1, (2, 50))
    for arrays in ((first, second), (first / 2**40, second), (0 * first, second)):
        plain, sized = Sums(), Sums()
        near, far = MovingMoments(), MovingMoments()
        for array in arrays:
            plain.add(array)
            sized.add(factor * array)
            near.add({"g": array})
            far.add({"g": factor * array})
        assert sized.mean == factor * plain.mean
        assert sized.deviation == factor * plain.deviation
        assert sized.rms == factor * plain.rms
        assert far.deviation("g") == factor * near.deviation("g")
        assert far.mean("g").tolist() == (factor * near.mean("g")).tolist()
    assert root_mean_square(factor * first) == factor * root_mean_square(first)


def test_moments_are_those_of_the_formulas() -> None:
    values = np.random.default_rng(0).normal(2, 3, (4, 30))
    sums = Sums()
    for row in values:
        sums.add(row)
    assert sums.mean == pytest.approx(values.mean(), rel=1e-14)
    assert sums.deviation == pytest.approx(values.std(), rel=1e-13)
    assert sums.rms == pytest.approx(np.sqrt(np.mean(values**2)), rel=1e-14)
    assert root_mean_square(values) == np.sqrt(np.mean(values**2))


def test_moving_moments_are_those_of_their_weights() -> None:
    """Arrays that grow are measured in larger units from batch to batch."""
    values = np.random.default_rng(0).normal(1, 2, (4, 6)) * [[1e-3], [1e-3], [1], [50]]
    moments = MovingMoments(0.9)
    for row in values:
        moments.add({"g": row})
    weights = 0.9 ** np.arange(3, -1, -1)
    mean = np.average(values, 0, weights)
    spread = np.average((values - mean) ** 2, 0, weights)
    np.testing.assert_allclose(moments.mean("g"), mean)
    np.testing.assert_allclose(moments.variance("g"), spread)
    assert moments.deviation("g") == pytest.approx(np.sqrt(spread.mean()))


def test_nothing_has_no_size_and_what_is_not_finite_an_infinite_one() -> None:
    empty = Sums()
    empty.add(np.zeros(0))
    assert (empty.mean, empty.deviation, empty.rms) == (0, 0, 0)
    assert root_mean_square(np.zeros(0)) == root_mean_square(np.zeros(3)) == 0
    assert root_mean_square(np.array([1.0, np.inf])) == np.inf


def test_sizes_whose_squares_are_no_float() -> None:
    text = "dim N\ninput x: [N]\nparam w = 1\nloss J = mean(x * w)"
    model = graphdsl.loads(text, dtype="f64")
    (row,) = measure_gradients(model.session, [{"x": [3e200]}, {"x": [4e200]}])
    assert row.rms == pytest.approx(math.sqrt(12.5) * 1e200)
    assert row.deviation == pytest.approx(5e199)
    assert 0 < row.averaged_deviation < 1e200


def test_the_first_bad_node_is_named_and_the_model_works_on() -> None:
    text = "dim N\ninput x: [N]\nparam w = 1\nloss J = mean(ln(w * x))"
    model = graphdsl.loads(text)
    with pytest.raises(ModelError) as caught:
        measure_gradients(model.session, [{"x": [1.0]}, {"x": [2.0, 0.0]}])
    (found,) = caught.value.diagnostics
    assert found.message == "the loss is not finite in batch 2: 'ln' gives -inf"
    assert found.primary is not None
    assert found.primary.span.text == "ln(w * x)"
    assert measure_gradients(model.session, [{"x": [1.0]}])[0].rms == 1


def test_a_gradient_alone_that_is_not_finite() -> None:
    model = graphdsl.loads("dim N\ninput x: [N]\nparam w = 1\nloss J = mean(sqrt(w * x))")
    with pytest.raises(ModelError, match="gradient of 'w' is not finite in batch 1: '/' gives inf"):
        measure_gradients(model.session, [{"x": [0.0]}])


def test_what_has_no_gradients_is_refused() -> None:
    for text in ("input x\noutput y = x", "input x\nloss J = x", TEXT):
        model = graphdsl.loads(text)
        with pytest.raises(UsageError, match="E08"):
            measure_gradients(model.session, [])
