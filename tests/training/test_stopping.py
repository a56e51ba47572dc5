"""`stop`: which epoch is best, when a criterion holds, what a checkpoint keeps of it."""

from __future__ import annotations

import json
import math

import pytest

import graphdsl
from graphdsl.compiler.lower.criteria import Both, Criterion, EarlyStop, Either, Plateau
from graphdsl.language.diagnostics import ModelError, UsageError
from graphdsl.training.stopping import Moment, Stopping, after, early, plateau


def last_epoch(
    stop: Criterion, values: list[float], column: str = "valid.m"
) -> tuple[int | None, int]:
    """The best epoch, and the last one before it stops; ten steps and a second an epoch."""
    stopping, best = Stopping(stop, None), None
    for epoch, value in enumerate(values, 1):
        if stopping.update({column: value}):
            best = epoch
        if stopping.reason(Moment(epoch, 10 * epoch, float(epoch))):
            break
    return best, epoch


@pytest.mark.parametrize(
    ("maximise", "patience", "min_delta", "values", "expected"),
    [
        (False, 2, 0, [3, 2, 2.5, 2.1, 1], (2, 4)),
        (True, 2, 0, [0.1, 0.5, 0.5, 0.4, 0.9], (2, 4)),
        (False, 9, 0, [3, 2, 1], (3, 3)),
        (False, 2, 0.5, [3, 2.9, 2.8, 0.1], (3, 3)),
        (False, 0, 0, [3, 2, 2, 1], (2, 3)),
        (False, 2, 0, [math.nan, 3, math.nan, math.nan], (2, 4)),
        (False, 1, 0, [math.nan], (None, 1)),
        (True, 1, 0, [-math.inf, 1, 1], (2, 3)),
    ],
)
def test_early(
    maximise: bool, patience: int, min_delta: float, values: list[float], expected: tuple[int, int]
) -> None:
    assert last_epoch(early("m", patience, min_delta, maximise=maximise), values) == expected


@pytest.mark.parametrize(
    ("window", "min_delta", "values", "last"),
    [
        (2, 0.5, [5, 4, 3.9, 3.8, 1], 4),  # 3.8 is 0.2 better than 4, two epochs before
        (2, 0.1, [5, 4, 3.9, 3.8, 3.0, 3.0, 3.0], 7),
        (1, 0, [5, 5], 2),
        (3, 0, [5, 4, 4, 3, 3, 3, 3], 7),
        (2, 0, [math.nan, math.nan, math.nan], 3),
    ],
)
def test_plateau(window: int, min_delta: float, values: list[float], last: int) -> None:
    stop = plateau("m", window, min_delta, maximise=False)
    assert last_epoch(stop, values) == (None, last)
    turned = plateau("m", window, min_delta, "train", maximise=True)
    assert last_epoch(turned, [-value for value in values], "train.m") == (None, last)


def test_and_holds_where_both_do_and_or_where_one_does() -> None:
    falling_then_flat = [3.0, 2, 2, 2, 2, 2, 2]
    patient = early("m", 2, maximise=False)
    assert last_epoch(patient, falling_then_flat)[1] == 4
    assert last_epoch(patient & after(epochs=6), falling_then_flat)[1] == 6
    assert last_epoch(patient | after(steps=25), falling_then_flat)[1] == 3
    assert last_epoch(patient & (after(epochs=9) | after(seconds=5)), falling_then_flat)[1] == 5
    # patience that has run out before enough epochs counts anew once there is an improvement
    assert last_epoch(patient & after(epochs=6), [3, 3, 3, 3, 3, 1, 1, 1])[1] == 8


def test_joined_criteria_are_flat_and_say_what_a_file_says() -> None:
    joined = early("m", 3) | after(epochs=5) | after(seconds=2.5)
    assert joined == Either((early("m", 3), after(epochs=5), after(seconds=2.5)))
    assert str(joined & plateau("J", part="train")) == (
        "(early(m, patience = 3) or after(epochs = 5) or after(seconds = 2.5)) and "
        'plateau(J, window = 5, part = "train")'
    )
    assert Stopping(joined, None).within_epochs
    assert not Stopping(early("m") | after(epochs=5), None).within_epochs


def test_the_reason_is_the_criterion_that_holds() -> None:
    stopping = Stopping(early("m", maximise=False) | after(steps=30), None)
    assert stopping.reason(Moment(2, 29, 0.0)) is None
    assert stopping.reason(Moment(2, 30, 0.0)) == "after(steps = 30)"


def test_a_run_goes_on_from_the_state_as_if_it_had_never_stopped() -> None:
    stop = early("m", 3, maximise=False) & plateau("m", 4, 0.1, maximise=False) | after(epochs=40)
    values = [5, 4, math.nan, 4.2, 3.9, 3.95, 3.92, 3.91, 3.9, 3.9]
    for cut in range(len(values)):
        whole, resumed = Stopping(stop, "J"), Stopping(stop, "J")
        for epoch, value in enumerate(values):
            if epoch == cut:
                state = json.loads(json.dumps(whole.state()))
                resumed.restore(state)
                assert resumed.state() == whole.state()
            found = whole.update({"valid.m": value})
            moment = Moment(epoch + 1, 0, 0.0)
            if epoch >= cut:
                assert resumed.update({"valid.m": value}) == found
                assert resumed.reason(moment) == whole.reason(moment)


HEAD = """dim N
input x: [N]
param w = 1
loss J = mean((w - x)^2)
metric off = mean(abs(w - x))
train {
  optimizer = sgd(lr = 0.1)
"""


def read(text: str) -> Criterion | None:
    model = graphdsl.loads(f"{HEAD}  stop = {text}\n}}")
    train = model.compilation.lowered(training=True).train
    assert train is not None
    return train.stop


def test_what_a_file_says() -> None:
    assert read("early(J, 3) or after(epochs = 5) and after(seconds = 0.5)") == Either(
        (EarlyStop("J", False, 3), Both((after(epochs=5), after(seconds=0.5))))
    )
    assert read('(early(off) or early(-off))\n and plateau(J, 4, 1e-3, "train")') == Both(
        (
            Either((EarlyStop("off", True), EarlyStop("off", False))),
            Plateau("J", False, 4, 1e-3, "train"),
        )
    )


@pytest.mark.parametrize(
    "text", ["early(J, 3) or after(epochs = 2)", "plateau(off)", "off", "-off"]
)
def test_the_same_text_from_python(text: str) -> None:
    model = graphdsl.loads(f"{HEAD}}}")
    x = {"x": [float(i) for i in range(8)]}
    history = model.fit(x, stop=text, split=[0.5, 0.5], epochs=3)
    assert history.ending in ("early", "epochs")


@pytest.mark.parametrize(
    "stop", ["erly(J)", "early(K)", "J\n epochs = 3", "early(J) +", "after(epochs = 0)", ""]
)
def test_a_text_that_says_nothing_is_refused_with_its_place(stop: str) -> None:
    model = graphdsl.loads(f"{HEAD}}}")
    with pytest.raises(UsageError):
        model.fit({"x": [1.0, 2.0]}, stop=stop)


def test_arguments_from_python_are_checked() -> None:
    for wrong in (
        lambda: early("J", patience=-1),
        lambda: early("J", patience=2.5),  # type: ignore[arg-type]
        lambda: plateau("J", window=0),
        lambda: plateau("J", part="test"),  # type: ignore[arg-type]
        lambda: after(),
        lambda: after(epochs=1, steps=2),
        lambda: after(seconds=0),
    ):
        with pytest.raises(UsageError, match="E0809"):
            wrong()


def test_it_stops_within_an_epoch(simple: graphdsl.Model) -> None:
    history = simple.fit(stop=after(steps=5), epochs=50, batch=1)
    assert (history.ending, history.stopped_by) == ("early", "after(steps = 5)")
    assert history.column("step") == [4, 5]


def test_after_needs_no_valid_part_and_early_says_where_it_stands(simple: graphdsl.Model) -> None:
    assert len(simple.fit(stop=after(epochs=2), split=None).epochs) == 2
    stop = plateau("J", 1, 1e9, "train")
    assert len(simple.fit(stop=stop, split=None, epochs=9).epochs) == 2
    with pytest.raises(UsageError, match="E0811"):
        simple.fit(stop=early("accuracy") | after(epochs=2), split=None)
    model = graphdsl.loads(f"{HEAD}  stop = early(J) and after(epochs = 3)\n}}")
    with pytest.raises(UsageError, match=r"<text>:8:3"):
        model.fit({"x": [1.0, 2.0]})


def test_faults_of_both_sides_are_told() -> None:
    with pytest.raises(ModelError) as caught:
        read("early(K) or (after(epochs = 1.5) and pleateau(J))")
    assert [one.code for one in caught.value.diagnostics] == ["E0506", "E0502", "E0506"]
