"""What `train` says of the step besides the optimizer: factors, clipping, batches, averages."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from rules.citations import rule

STEP = "Training › The step"
TABLE = "Training"
HEAD = """
input x: [2]
param a: [2] = 1
param b: [2] = 1 with lr = 0.5
loss J = sum(x * (a + b))
"""
ROWS = "dim N\ninput x: [N]\nparam w = 0\nloss J = mean((w - x)^2)\n"


def model(*settings: str, head: str = HEAD, optimizer: str = "sgd(lr = 1)") -> graphdsl.Model:
    """A model whose train block has these lines."""
    lines = "".join(f"  {line}\n" for line in (f"optimizer = {optimizer}", *settings))
    return graphdsl.loads(f"{head}train {{\n{lines}}}\n", dtype="f64")


def moved(*settings: str, x: tuple[float, float] = (1, 1)) -> list[list[float]]:
    """How far one step of gradient descent on a gradient of `x` takes a and b."""
    made = model(*settings)
    made.trainer().step(x=x)
    return [(1 - made.params[name]).tolist() for name in "ab"]


@rule(STEP, "is settings of `train`, each of which needs an optimizer:")
@pytest.mark.parametrize(
    "line",
    ["clip_value = 1", "clip_norm = 1", "accumulate = 2", "average = 0.9", 'scale_lr = {"w": 2}'],
)
def test_an_optimizer_is_needed(line: str) -> None:
    with pytest.raises(graphdsl.ModelError, match="E0513"):
        graphdsl.loads(f"{ROWS}state s = 0\nupdate s = s + 1\ntrain {{\n  {line}\n}}\n")
    assert model(line, head=ROWS).trainer()


@rule(STEP, '`scale_lr = {"h.*": 0.1}` multiplies the optimizer\'s `lr` for the parameters whose')
@rule(TABLE, "Factors of the optimizer's argument ARG, for parameters by name.")
def test_a_factor_by_pattern() -> None:
    assert moved('scale_lr = {"a": 0.25}') == [[0.25, 0.25], [0.5, 0.5]]


@rule(STEP, "and so does `scale_` with any other of its arguments.")
def test_a_factor_of_another_argument() -> None:
    made = model('scale_decay = {"a": 0}', optimizer="sgd(lr = 0.1, decay = 1)")
    made.trainer().step(x=(0, 0))
    assert made.params["a"].tolist() == [1, 1]
    assert made.params["b"].tolist() == [0.95, 0.95]


@rule(STEP, "Patterns are those of `l2`: `*` is any text, `?` any letter.")
@pytest.mark.parametrize("pattern", ["*", "?", "a*"])
def test_patterns(pattern: str) -> None:
    assert moved(f'scale_lr = {{"{pattern}": 0.25}}')[0] == [0.25, 0.25]


@rule(STEP, "Of several that match a name the last one counts;")
def test_the_last_pattern_counts() -> None:
    assert moved('scale_lr = {"*": 0.25, "a": 2}') == [[2, 2], [0.125, 0.125]]
    assert moved('scale_lr = {"a": 2, "*": 0.25}') == [[0.25, 0.25], [0.125, 0.125]]


@rule(STEP, "its factor is multiplied with that of a `with` clause.")
def test_patterns_multiply_with_clauses() -> None:
    assert moved('scale_lr = {"b": 0.5}')[1] == [0.25, 0.25]


@rule(STEP, "A pattern that matches no trained parameter is an error:")
def test_a_pattern_without_a_parameter() -> None:
    with pytest.raises(graphdsl.ModelError, match="E0514"):
        model('scale_lr = {"*.W": 0.5}')
    frozen = HEAD.replace("param a: [2] = 1", "param a: [2] = 1 with frozen = true")
    with pytest.raises(graphdsl.ModelError, match="E0514"):
        model('scale_lr = {"a": 0.5}', head=frozen)


@rule(STEP, "`clip_value = c` takes every element of the gradient to within ±c.")
@rule(TABLE, "What no element of the gradient goes beyond, up or down.")
def test_elements_are_clipped() -> None:
    assert moved("clip_value = 2", x=(3, -4))[0] == [2, -2]
    assert moved("clip_value = 2", x=(1, -4))[0] == [1, -2]


@rule(
    STEP, "`clip_norm = c` multiplies all gradients by min(1, c / n), where n is the norm of all of"
)
@rule(STEP, "After that,")
@rule(TABLE, "What the norm of all gradients together does not go beyond.")
def test_the_norm_is_clipped() -> None:
    norm = np.sqrt(2 * 25)
    assert moved("clip_norm = 2", x=(3, 4))[0] == pytest.approx([6 / norm, 8 / norm])
    assert moved("clip_norm = 100", x=(3, 4))[0] == [3, 4]
    both = moved("clip_norm = 2", "clip_value = 3", x=(3, 4))[0]
    assert both == pytest.approx([2 / 2, 2 / 2])


@rule(STEP, "Where n is not finite the parameters become nan, so that training ends as diverged")
def test_a_norm_beyond_the_finite_numbers() -> None:
    assert np.isnan(moved("clip_norm = 1", x=(1e200, 1e200))).all()
    made = model("clip_norm = 1", "epochs = 1", "batch = 4", head=ROWS)
    with pytest.raises(graphdsl.DivergedError):
        made.fit({"x": np.full(4, 1e160)})


@rule(
    STEP, "`accumulate = k` makes one step of k batches: its gradient is the mean of theirs, each"
)
@rule(TABLE, "How many batches a step's gradient is the mean over, by rows.")
def test_batches_make_one_step() -> None:
    made = model("accumulate = 3", head=ROWS)
    trainer = made.trainer()
    for rows in ([1], [2, 3], [4]):
        assert made.params["w"] == 0
        trainer.step(x=rows)
    assert made.params["w"] == pytest.approx(2 * np.mean([1, 2, 3, 4]))


@rule(STEP, "The last step of an epoch takes what batches are left.")
@rule(STEP, "Clipping, the optimizer, `t` and `total_steps` see steps;")
def test_the_last_step_of_an_epoch() -> None:
    made = model(
        *("accumulate = 3", "epochs = 2", "batch = 1", "clip_value = 0.5"),
        head=ROWS,
        optimizer="sgd(lr = t / total_steps)",
    )
    history = made.fit({"x": np.full(7, 100.0)})
    assert history.column("step") == [3, 6]
    assert made.params["w"] == pytest.approx(0.5 * sum(range(1, 7)) / 6)


@rule(STEP, "the file's own `update`s are made with each batch, and random ops count the batches.")
def test_what_counts_batches() -> None:
    head = (
        "param w = 0\nstate seen = 0\nstate drawn: [2] = 0\nupdate seen = seen + 1\n"
        "update drawn = normal([2])\nloss J = w\n"
    )
    made = model("accumulate = 2", head=head)
    plain = model("accumulate = 1", head=head)
    trainer, other = made.trainer(), plain.trainer()
    for batch in range(1, 5):
        trainer.step()
        other.step()
        assert (made.states["seen"], trainer.t) == (batch, batch // 2)
        np.testing.assert_array_equal(made.states["drawn"], plain.states["drawn"])


@rule(
    STEP, "`average = d` keeps an average of the weights after each step, those of j steps before"
)
@rule(TABLE, "The decay of a running average of the weights, which is kept.")
def test_the_average() -> None:
    made = model("average = 0.5")
    trainer, weights = made.trainer(), []
    for _ in range(4):
        trainer.step(x=(1, 2))
        weights.append(made.params["a"].copy())
    shares = 0.5 ** np.arange(3, -1, -1)
    with trainer.averaged():
        np.testing.assert_allclose(made.params["a"], shares @ weights / shares.sum(), rtol=1e-14)
    np.testing.assert_array_equal(made.params["a"], weights[-1])


@rule(
    STEP, "The averages are what is validated, kept as the best and left in the model in the end;"
)
@rule(STEP, "training goes on from the weights themselves.")
@rule(STEP, "States are not averaged.")
@pytest.mark.parametrize("split", [None, [0.5, 0.5]])
def test_what_is_done_with_averages(split: list[float] | None) -> None:
    """Four rows of ones: w goes from 0 to 1.6 and back by 0.6 of its error, and its average, after
    a while, is nearer to 1 than it is."""
    head = f"{ROWS}state seen = 0\nupdate seen = w\n"
    made = model("batch = all", "average = 0.5", head=head, optimizer="sgd(lr = 0.8)")
    more = {"split": split} if split else {}
    history = made.fit({"x": np.ones(4)}, epochs=3, **more)
    weights = [1 - (-0.6) ** t for t in range(1, 4)]
    averages = [
        np.average(weights[:t], weights=0.5 ** np.arange(t - 1, -1, -1)) for t in range(1, 4)
    ]
    best = 2
    if split:
        losses = [(w - 1) ** 2 for w in averages]
        best = int(np.argmin(losses))
        assert history.column("valid.J") == pytest.approx(losses)
    assert made.params["w"] == pytest.approx(averages[best])
    assert made.states["seen"] == pytest.approx([0, *weights][best])  # what that step began with
