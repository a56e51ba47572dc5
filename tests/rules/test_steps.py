"""States, modes, randomness, optimizers and schedules: what a step of training does."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.cli import main
from rules.asking import errors, params, run, step
from rules.citations import rule

STATES = "States"
MODES = "Modes and randomness"
OPTIMIZERS = "Optimizers and schedules"
SGD = "train {\n  optimizer = sgd(lr = 0.1)\n}\n"
OWN = "train {\n  epochs = 1\n}\n"


@rule(STATES, "A state is a value that lives between training steps;")
@rule(STATES, "Its one `update` reads the values from before the step and is applied at its end")
def test_updates_read_what_was_before_the_step() -> None:
    text = f"state a = 1\nstate b = 10\nupdate a = b\nupdate b = a + b\noutput y = a + b\n{OWN}"
    model = graphdsl.loads(text)
    trainer = model.trainer()
    trainer.step()
    assert (model.states["a"], model.states["b"]) == (10, 11)
    trainer.step()
    assert (model.states["a"], model.states["b"]) == (11, 21)


@rule(STATES, "it begins as a parameter does, with `=` or `~`.")
def test_first_values_of_states() -> None:
    text = "state a: [2] = 3\nstate b: [400] ~ normal(5, 0.1)\noutput y = sum(a) + sum(b)\n"
    model = graphdsl.loads(text)
    assert model.states["a"].tolist() == [3, 3]
    assert model.states["b"].mean() == pytest.approx(5, abs=0.1)
    assert model.states["b"].std() == pytest.approx(0.1, rel=0.2)
    assert errors("state a\nupdate a = a\noutput y = a\n") == ["E0308"]


@rule(STATES, "Its one `update` reads the values from before the step")
def test_one_update_each() -> None:
    assert errors("state a = 1\nupdate a = 2\nupdate a = 3\noutput y = a\n") == ["E0309"]
    assert errors("input x\nm = x\nupdate m = 2\noutput y = m\n") == ["E0309"]


@rule(STATES, "is applied at its end, in training only.")
def test_evaluation_updates_nothing() -> None:
    model = graphdsl.loads(f"param w = 1\nstate a = 1\nupdate a = a + 1\nloss J = w * a\n{SGD}")
    model.run()
    model.evaluate("J")
    model.value_and_grad()
    assert model.states["a"] == 1
    assert model.trainer().step() == 1  # the loss from before the update
    assert model.states["a"] == 2


@rule(STATES, "Gradients stop at states.")
def test_gradients_stop_at_states() -> None:
    model = step(f"param w = 2\nstate a = 3\nupdate a = w * 5\nloss J = w * a\n{SGD}")
    assert model.params["w"] == pytest.approx(2 - 0.1 * 3)
    assert model.states["a"] == 10  # w as it was


# --- modes --------------------------------------------------------------------------------------

MODAL = "input x\nparam w = 1\nh = w * x * (10 if training else 1)\nloss J = h\noutput y = h\n"


@rule(MODES, "`training` is true in training steps.")
@rule(MODES, "With `if` it chooses between two graphs.")
def test_modes() -> None:
    model = graphdsl.loads(MODAL + SGD)
    assert model.run(x=1)["y"] == 1
    assert model.evaluate("h", x=1) == 1
    assert model.trainer().step(x=1) == 10
    assert model.params["w"] == pytest.approx(0, abs=1e-7)


@rule(MODES, "In `run`, `evaluate`, `predict`, `value_and_grad` and `gradcheck` it is false;")
@rule(MODES, "`training=True` in Python, and `--training` on the command line, make it true.")
@pytest.mark.parametrize(("training", "value"), [(False, 3), (True, 30)])
def test_modes_of_rows(
    training: bool, value: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"dim N\n{MODAL.replace('input x', 'input x: [N]').replace('J = h', 'J = mean(h)')}"
    data = 'data {\n  source = "d.csv"\n  x = a\n}\n'
    (tmp_path / "d.csv").write_text("a\n3\n3\n")
    (tmp_path / "m.gdl").write_text(text + data)
    for words in (["x=[3]"], [], ["x=[3]", "--output", "h"], ["--output", "h"]):
        path, option = str(tmp_path / "m.gdl"), ["--training"] * training
        assert main(["predict", path, *words, *option]) == 0
        assert f"[{value}" in capsys.readouterr().out
    assert main(["evaluate", path, *option]) == 0
    assert capsys.readouterr().out == f"train J {value}\n"
    model = graphdsl.load(tmp_path / "m.gdl")
    assert model.predict(training=training)["y"].tolist() == [value, value]
    assert model.measure(training=training) == {"J": value}


@rule(MODES, "`training=True` in Python, and `--training` on the command line, make it true")
@pytest.mark.parametrize(("training", "value"), [(False, 1), (True, 10)])
def test_modes_of_all_ways_in(
    training: bool, value: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = graphdsl.loads(MODAL, dtype="f64")
    assert model.run(x=1, training=training)["y"] == value
    assert model.evaluate("h", x=1, training=training) == value
    (tmp_path / "m.gdl").write_text(MODAL.replace("loss", "metric"))
    assert main(["run", str(tmp_path / "m.gdl"), "x=1", *["--training"] * training]) == 0
    assert f"y = {value:g}\n" in capsys.readouterr().out
    assert model.value_and_grad(x=1, training=training)[1]["w"] == value
    rows = model.gradcheck(x=1, wrt=["w"], training=training)
    assert rows[0].gradient == pytest.approx(value)


@rule(MODES, "What is random is then drawn as at step 0, which no training step has:")
@rule(MODES, "the same call draws the same again.")
@rule(MODES, "No state or parameter is updated.")
def test_a_training_mode_without_a_step() -> None:
    text = "state n = 0\nupdate n = n + 1\nparam w = 1\nr = uniform([])\nloss J = w * r + n\n"
    model = graphdsl.loads(text + SGD)
    first = model.run(training=True)["J"]
    assert model.run(training=True)["J"] == first
    assert model.evaluate("r", training=True) == first
    assert (model.states["n"], model.params["w"]) == (0, 1)
    assert model.trainer().step() != first


@rule(MODES, "`value_and_grad` and `gradcheck` it is false;")
def test_the_default_mode_is_evaluation() -> None:
    model = graphdsl.loads(MODAL, dtype="f64")
    assert model.value_and_grad(x=1)[0] == 1
    assert model.gradcheck(x=1, wrt=["w"])[0].gradient == pytest.approx(1)


@rule(MODES, "Both branches own their parameters in both modes:")
def test_both_branches_own_parameters() -> None:
    text = "input x: [4, 3]\nz = Dense(x, 2) if training else 2 * Dense(x, 2)\noutput y = z\n"
    assert sorted(params(text)) == ["z.Dense.W", "z.Dense.b", "z.Dense_2.W", "z.Dense_2.b"]
    shown = "input x: [4, 3]\nh = Dense(x, 4)\nz = Dropout(h) if training else Dense(h, 4)\n"
    assert params(f"{shown}output y = z\n") == ["h.W", "h.b", "z.Dense.W", "z.Dense.b"]
    model = graphdsl.loads(f"{shown}loss J = mean(z)\n{SGD}")
    model.trainer().step(x=np.ones((4, 3)))
    assert list(model.params) == ["h.W", "h.b", "z.Dense.W", "z.Dense.b"]


@rule(MODES, "`run` gives every result that depends on nothing but what is fed;")
@rule(MODES, "it is an error if that is none.")
def test_run() -> None:
    model = graphdsl.loads("input a\ninput b\noutput x = a\noutput y = b\noutput z = a + b\n")
    assert model.run(a=1).keys() == {"x"}
    assert model.run(a=1, b=2).keys() == {"x", "y", "z"}
    with pytest.raises(graphdsl.UsageError, match="E0806"):
        model.run()


DRAWN = "param {}W: [50] ~ normal()\noutput y = W\n"


@rule(MODES, "the same file, seed and data give the same bits")
def test_draws_are_repeated() -> None:
    first, again = (graphdsl.loads(DRAWN.format("")).params["W"] for _ in range(2))
    other = graphdsl.loads(DRAWN.format(""), seed=1).params["W"]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@rule(MODES, "Adding a parameter changes no other one's draw.")
def test_draws_do_not_depend_on_one_another() -> None:
    alone = graphdsl.loads(DRAWN.format("")).params["W"]
    beside = graphdsl.loads(DRAWN.format("V: [7] ~ normal()\nparam ")).params
    assert np.array_equal(alone, beside["W"])
    assert not np.array_equal(beside["V"], beside["W"][:7])


NOISE = "input x\nparam w = 1\na = normal([8])\nb = normal([8])\n"


@rule(MODES, "Initial values, and ops that draw, use a stream of their own")
@rule(MODES, "two calls never share a draw")
def test_each_draw_is_its_own() -> None:
    found = run(
        f"{NOISE}output y = a * x\noutput z = b * x\noutput u = normal([8]) - normal([8])\n", x=1
    )
    assert found["y"] != found["z"]
    assert 0 not in found["u"]


@rule(MODES, "Ops that draw are counted by the step of training, so that each step draws anew")
def test_each_step_draws_anew() -> None:
    text = f"{NOISE}loss J = sum(a) * w * x + 0 * sum(b)\ntrain {{\n  optimizer = sgd(lr = 0)\n}}\n"
    losses = [
        [trainer.step(x=1) for _ in range(3)]
        for trainer in (graphdsl.loads(text).trainer() for _ in range(2))
    ]
    assert losses[0] == losses[1]
    assert len(set(losses[0])) == 3


# --- optimizers ---------------------------------------------------------------------------------


def optimizer(body: str, arguments: str = "", call: str = "mine()", w: str = "2") -> str:
    """A file with one parameter w, the loss w^2, and an optimizer of its own."""
    return (
        f"optimizer mine({arguments}) {{\n{body}\n}}\nparam w = {w}\nloss J = sum(w^2)\n"
        f"train {{\n  optimizer = {call}\n}}\n"
    )


@rule(OPTIMIZERS, "A rule is written in the language.")
@rule(OPTIMIZERS, "`p` is the parameter, `g` its gradient, `t` the step, counted from 1;")
def test_rules() -> None:
    model = graphdsl.loads(optimizer("  update p = p - lr * g + 100 * t", "lr = 0.5"), dtype="f64")
    trainer = model.trainer()
    trainer.step()
    assert model.params["w"] == 2 - 0.5 * 4 + 100
    trainer.step()
    assert model.params["w"] == 100 - 0.5 * 200 + 200


@rule(OPTIMIZERS, "a state has p's shape and type, unless it is typed.")
def test_states_of_rules() -> None:
    body = "  state m = 0\n  state c: i64 = 0\n  update m = m + g\n  update c = c + 1\n"
    model = graphdsl.loads(optimizer(f"{body}  update p = p - m * c", w="[1, 2]"), dtype="f64")
    trainer = model.trainer()
    for _ in range(2):
        trainer.step()
    assert model.params["w"].tolist() == [-1 - 2 * (2 - 2), -2 - 2 * (4 - 4)]


@rule(OPTIMIZERS, "Each `update` is seen by the lines below it, and one of them updates p.")
def test_updates_are_seen_below() -> None:
    body = "  state m = 1\n  update m = m + 1\n  update p = p - m\n  update m = 5 * m"
    model = graphdsl.loads(optimizer(body))
    trainer = model.trainer()
    trainer.step()
    assert model.params["w"] == 2 - 2
    trainer.step()
    assert model.params["w"] == -11
    assert errors(optimizer("  state m = 0\n  update m = g")) == ["E0411"]


@rule(OPTIMIZERS, "A step returns the loss from before it.")
def test_the_loss_is_from_before_the_step() -> None:
    trainer = graphdsl.loads(optimizer("  update p = p - g / 2")).trainer()
    assert [trainer.step(), trainer.step()] == [4, 0]


@rule(OPTIMIZERS, "Arguments may depend on `t`, `epoch` (from 0) and `total_steps`")
@rule(OPTIMIZERS, "Schedules are blocks over these:")
def test_schedules() -> None:
    text = (
        "block plan(rate) {\n  return rate * t + 10 * epoch + 100 * total_steps\n}\n"
        "optimizer mine(lr = 1) {\n  update p = p - lr * g\n}\n"
        "dim N\ninput x: [N]\nparam w = 0\nloss J = w + 0 * mean(x)\n"
        "train {\n  optimizer = mine(lr = plan(1))\n  batch = 1\n"
        "  epochs = 2\n  shuffle = false\n}\n"
    )
    model = graphdsl.loads(text, dtype="f64")
    model.fit({"x": [0, 0]})
    steps = [(1, 0), (2, 0), (3, 1), (4, 1)]
    assert model.params["w"] == -sum(t + 10 * epoch + 100 * 4 for t, epoch in steps)


@pytest.mark.parametrize("name", ["t", "epoch", "total_steps", "p", "g"])
@rule(OPTIMIZERS, "which exist here alone")
def test_the_clock_exists_in_rules_alone(name: str) -> None:
    assert errors(f"input x\noutput y = x * {name}\n") == ["E0301"]


@rule(OPTIMIZERS, "The [prelude](prelude.md) has the usual ones of both;")
@rule(OPTIMIZERS, "each can be read there, copied and changed.")
def test_copies_of_the_prelude_do_the_same() -> None:
    prelude = (files("graphdsl") / "prelude" / "optimizers.gdl").read_text("utf-8")
    copied = prelude[prelude.index("optimizer adam(") :].partition("\n}\n")[0] + "\n}\n"
    use = "param w: [3] = 2\nloss J = sum(w^2)\ntrain {{\n  optimizer = {}(lr = 0.3)\n}}\n"
    mine = graphdsl.loads(copied.replace("adam", "mine", 1) + use.format("mine"))
    theirs = graphdsl.loads(use.format("adam"))
    for trainer in (mine.trainer(), theirs.trainer()):
        for _ in range(3):
            trainer.step()
    assert np.array_equal(mine.params["w"], theirs.params["w"])
    assert (mine.params["w"] != 2).all()
