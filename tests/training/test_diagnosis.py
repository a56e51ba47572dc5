"""What is said of a run whose numbers go wrong: the node, its place, its operands, the mend."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import graphdsl
from graphdsl.language.diagnostics import Diagnostic, DivergedError
from graphdsl.training.diagnosis import Diagnosis, Range, Recorder

HEAD = "dim N\ninput x: [N]\nparam w = 1\n"
TRAIN = "train {\n optimizer = sgd(lr = 0.1)\n epochs = 3\n batch = 2\n shuffle = false\n}"
POINTS = {"x": np.linspace(-1, 1, 9)}


def diagnose(
    body: str, data: object = POINTS, train: str = TRAIN, **settings: object
) -> Diagnostic:
    """What training this ends in; the parameters are finite afterwards."""
    model = graphdsl.loads(f"{HEAD}{body}\n{train}")
    with pytest.raises(DivergedError) as caught:
        model.fit(data, **settings)  # type: ignore[arg-type]
    assert all(np.isfinite(array).all() for array in model.params.values())
    (found,) = caught.value.diagnostics
    return found


def place(found: Diagnostic) -> str:
    assert found.primary is not None
    return found.primary.span.text


def test_the_first_node_of_the_forward_sweep() -> None:
    found = diagnose("p = relu(w * x)\nq = -ln(p)\nloss J = mean(q * 0)")
    assert found.message == "the loss J is nan at step 1: 'ln' gives -inf"
    assert place(found) == "ln(p)"
    assert found.labels[0].text == "forward: all are -inf"
    assert found.notes[0] == "'p' is f32[N]: 0 everywhere"
    assert "epoch 1" in found.notes[-1]
    assert "ln(x + 1e-8)" in found.help[0]


def test_a_gradient_that_is_not_finite_where_the_loss_is() -> None:
    found = diagnose("p = sqrt(w * abs(x))\nloss J = mean(p)")
    assert "it began at step 3: '/' gives inf in the reverse sweep" in found.message
    assert place(found) == "sqrt(w * abs(x))"
    assert found.labels[0].text == "reverse sweep, the derivative of this: 1 of 2 are inf"
    assert "sqrt(x + 1e-12)" in found.help[0]


@pytest.mark.parametrize("debug_nan", [False, True])
def test_the_last_step_of_an_epoch_whose_loss_nobody_sees(debug_nan: bool) -> None:
    found = diagnose("loss J = mean(sqrt(w * abs(x)))", {"x": [1.0, 0.0]}, debug_nan=debug_nan)
    assert place(found) == "sqrt(w * abs(x))"
    assert "step 1" in found.message


def test_a_nan_that_the_loss_does_not_see_is_found_within_an_epoch() -> None:
    # only the rows that are gathered are updated: the loss of other rows stays finite
    body = "param E: [3] = 0\nk = cast(x, i64)\nloss J = mean((E[k] + sqrt(w * abs(x)) - 1)^2)"
    found = diagnose(f"{body}", {"x": [1.0, 1.0, 0.0, 1.0]})
    assert place(found) == "sqrt(w * abs(x))"


def test_growing_beyond_what_floats_hold_has_general_advice() -> None:
    found = diagnose("loss J = mean((w - x)^2)", train=TRAIN.replace("0.1", "1e6"), epochs=30)
    assert "learning rate" in found.help[0]
    assert place(found) == "mean((w - x)^2)"


@pytest.mark.parametrize(
    ("power", "x", "mend"),
    [
        ("(w * x)^1.5", -1.0, "only whole powers of a negative base"),
        ("(w * x)^w", -1.0, "only whole powers of a negative base"),
        ("(w * x)^30.5", 1e5, "a smaller exponent"),
        ("(w * x)^30.5", [0.0, 1e5], "a smaller exponent"),
        ("(w * x)^(40 * w)", 10.0, "a smaller exponent"),
        ("(2 * w)^x", 1e5, "a smaller exponent"),
        ("(w * x)^-1.5", 0.0, "keep the base above 0"),
        ("abs(w * x)^(w / 3)", 0.0, "keep the base above 0"),  # in the reverse sweep
    ],
)
def test_the_mend_of_a_power_is_by_what_happened(
    power: str, x: float | list[float], mend: str
) -> None:
    found = diagnose(f"loss J = mean({power})", {"x": np.broadcast_to(x, 2)})
    assert place(found) == power
    assert mend in found.help[0]


def test_inside_a_block_the_call_is_named() -> None:
    found = diagnose("block f(a) {\n  return a / a\n}\nloss J = mean(f(x - x) * w)")
    assert place(found) == "a / a"
    assert found.trail[0].text == "in the call of 'f'"


def test_infinity_that_the_file_asks_for_is_not_blamed() -> None:
    # a mask of -inf is meant; the row that is masked whole is what gives nan
    body = "s = [-inf, -inf] + w * 0\np = softmax(s)\nloss J = mean(p) + mean(w * x)"
    found = diagnose(body)
    assert "nan" in found.message
    assert "softmax" in place(found)


def test_after_many_steps_the_failing_one_is_found() -> None:
    x = np.ones(300)
    x[290:] = 0.0
    found = diagnose("loss J = mean(sqrt(x * (1 + 0 * w)) * w)", {"x": x})
    assert "step 146" in found.message
    assert place(found).startswith("sqrt")


def test_random_ops_draw_the_same_when_it_is_done_again() -> None:
    body = "keep = Dropout(x * w + 1, 0.5)\nloss J = mean(ln(mean(keep)))"
    found = diagnose(body, {"x": np.zeros(40)}, epochs=200, batch=2)
    assert place(found) == "ln(mean(keep))"
    assert "step" in found.message
    again = diagnose(body, {"x": np.zeros(40)}, epochs=200, batch=2)
    assert again.message == found.message


def test_gradients_that_are_gathered_are_done_again() -> None:
    found = diagnose("loss J = mean(sqrt(w * abs(x)))", accumulate=2)
    assert place(found) == "sqrt(w * abs(x))"


class Stream:
    """Batches of a program's own, which can be gone through again."""

    def __iter__(self) -> Iterator[dict[str, list[float]]]:
        yield {"x": [1.0, 2.0]}
        yield {"x": [1.0, 0.0]}
        yield {"x": [1.0, 2.0]}


def test_a_stream_is_done_again_if_it_can_be() -> None:
    body = "loss J = mean(sqrt(w * abs(x)))"
    train = TRAIN.replace(" batch = 2\n shuffle = false\n", "")
    assert place(diagnose(body, Stream(), train)) == "sqrt(w * abs(x))"
    once = diagnose(body, iter(Stream()), train, epochs=1)
    assert not once.labels
    assert "debug_nan=True" in once.help[-1]
    looked = diagnose(body, iter(Stream()), train, epochs=1, debug_nan=True)
    assert looked.message == "'/' gives inf in the reverse sweep at step 2"
    assert place(looked) == "sqrt(w * abs(x))"


def test_looking_changes_no_bit() -> None:
    ends = []
    for debug in (False, True):
        model = graphdsl.loads(f"{HEAD}loss J = mean((w * x - 1)^2)\n{TRAIN}")
        model.fit(POINTS, debug_nan=debug, epochs=9)
        ends.append(model.params["w"].tobytes())
    assert ends[0] == ends[1]


def test_a_program_can_be_run_again_after_it_was_watched() -> None:
    model = graphdsl.loads(f"{HEAD}p = ln(w * x)\nloss J = mean(p)\n{TRAIN}")
    trainer = model.trainer()
    with pytest.raises(DivergedError):
        trainer.step(x=[0.0])
    model.params["w"][...] = 1
    assert np.isfinite(trainer.step(x=[1.0]))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1.0, 2.0], "from 1 to 2"),
        ([0.0, 2.0, np.nan, 0.0], "from 0 to 2, 2 of 4 are 0, 1 of 4 are nan"),
        ([3.0, 3.0], "3 everywhere"),
        ([3.0], "3"),
        ([np.inf, np.inf], "all are inf"),
        ([-np.inf], "-inf"),
        (
            [1.0, np.inf, -np.inf, np.nan],
            "from 1 to 1, 1 of 4 are nan, 1 of 4 are inf, 1 of 4 are -inf",
        ),
    ],
)
def test_a_range_in_words(values: list[float], text: str) -> None:
    assert str(Range.of(np.array(values))) == text


def test_a_spoilt_parameter_that_no_loss_shows_ends_the_run_within_the_epoch() -> None:
    # row 0 of E is read at step 10 alone, and is nan from then on
    x = np.ones(300)
    x[9] = 0.0
    body = "param E: [2] = 0\nk = cast(x, i64)\nloss J = mean(E[k] * sqrt(abs(E[k]) * 0 + x))"
    found = diagnose(body, {"x": x}, train=TRAIN.replace("batch = 2", "batch = 1"))
    assert found.message.startswith("the parameter 'E' is not finite after step 64; ")
    assert "it began at step 10" in found.message


def test_what_follows_from_a_bad_node_is_not_first() -> None:
    model = graphdsl.loads("input x\ny = ln(x)\nz = y * 0\noutput w = z + 1\noutput v = sin(z)")
    recorder = Recorder()
    with model.session.watched(recorder):
        model.run(x=0)
    ((graph, ranges),) = recorder.runs
    bad = [Diagnosis(graph, ranges, id) for id in ranges if not ranges[id].finite]
    first = [one.node.op.name for one in bad if one.is_first()]
    assert len(bad) > len(first)
    assert first == ["ln", "mul"]  # -inf, and the nan that 0 makes of it
    found = recorder.find()
    assert found is not None
    assert found.node.op.name == "ln"


@pytest.mark.parametrize("debug_nan", [False, True])
def test_what_was_fed_is_mended_in_the_data(debug_nan: bool) -> None:
    found = diagnose("loss J = mean((w * x)^2)", {"x": [1.0, np.inf]}, debug_nan=debug_nan)
    assert "'x' holds inf" in found.message
    assert "mend these values in the data" in found.help[0]
