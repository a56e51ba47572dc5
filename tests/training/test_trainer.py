"""`trainer.step` with the settings of the step: gathered, clipped and scaled updates."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphdsl

HEAD = """
dim N
input x: [N, 3]
input y: [N]
param W: [3, 4] ~ normal(0, 1)
param b: [4] = 0.1 with lr = 0.5
param v: [4] ~ normal(0, 1)
param s = 1
param e: [3] = 1 with frozen = true
loss J = mean((s * (tanh((x * e) @ W + b) @ v) - y)^2) + 1e-2 * sum(W^2)
optimizer unit(lr = 0.1) {
  state turns: i64 = 0
  state m = 0
  update turns = turns + 1
  update m = 0.5 * m + g / (1 + sqrt(sum(g^2)))
  update p = p - lr * m / turns
}
"""
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((41, 3)), RNG.standard_normal(41)
CUTS = (0, 10, 13, 30, 41)
PARTS = [slice(a, b) for a, b in pairwise(CUTS)]
OPTIMIZERS = ["sgd(lr = 0.1, momentum = 0.9)", "adam(lr = 0.01)", "nadam(lr = 0.01)", "unit()"]


def model(optimizer: str, *lines: str, head: str = HEAD, dtype: str = "f64") -> graphdsl.Model:
    said = "".join(f"  {line}\n" for line in (f"optimizer = {optimizer}", *lines))
    return graphdsl.loads(f"{head}train {{\n{said}}}\n", dtype=dtype, seed=1)


def params(made: graphdsl.Model) -> dict[str, Any]:
    return {name: array.copy() for name, array in made.params.items()}


def assert_close(found: dict[str, Any], wanted: dict[str, Any], rtol: float = 1e-12) -> None:
    for name, array in wanted.items():
        np.testing.assert_allclose(found[name], array, rtol=rtol, atol=1e-14, err_msg=name)


# --- factors -------------------------------------------------------------------------------------


def test_a_factor_that_turns_a_rate_round_is_warned_of_as_in_a_file() -> None:
    made = model("adamw(lr = 0.1, decay = 1e-3)")
    said = r"W0112\]: a factor of -1 turns 'lr' round: .*\n.*scale_lr = {\"b\": 1}"
    for ask in (lambda **given: made.fit({"x": X, "y": Y}, epochs=1, **given), made.trainer):
        with pytest.warns(RuntimeWarning, match=said) as caught:
            ask(scale_lr={"W": 0, "b": -1}, scale_beta1={"b": -1})
        assert [Path(one.filename).name for one in caught] == [Path(__file__).name]
        with pytest.warns(RuntimeWarning, match="'decay' round: every step makes the weights"):
            ask(scale_decay={"*": -2})


# --- gathering -----------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("more", [(), ("clip_norm = 0.2", "average = 0.9", 'scale_lr = {"?": 2}')])
def test_gathered_batches_train_as_one(optimizer: str, more: tuple[str, ...]) -> None:
    """Four batches of 10, 3, 17 and 11 rows, and one of all 41."""
    gathered, whole = model(optimizer, "accumulate = 4", *more), model(optimizer, *more)
    one, other = gathered.trainer(), whole.trainer()
    for step in range(1, 6):
        before = params(gathered)
        losses = []
        for part in PARTS:
            assert_close(params(gathered), before, rtol=0)
            losses.append(one.step(x=X[part], y=Y[part]))
        loss = other.step(x=X, y=Y)
        shares = np.diff(CUTS) / 41
        np.testing.assert_allclose(shares @ losses, loss, rtol=1e-12)
        assert (one.t, one.pending) == (step, 0)
        assert_close(params(gathered), params(whole))
        with one.averaged(), other.averaged():
            assert_close(params(gathered), params(whole))


def test_what_is_left_is_flushed() -> None:
    gathered, whole = (model("adam(lr = 0.1)") for _ in range(2))
    one, other = gathered.trainer(accumulate=8), whole.trainer()
    for part in PARTS:
        one.step(x=X[part], y=Y[part])
    assert (one.t, one.pending) == (0, 4)
    one.flush()
    one.flush()
    other.step(x=X, y=Y)
    assert (one.t, one.pending) == (1, 0)
    assert_close(params(gathered), params(whole))


def test_nothing_is_left_of_the_step_before() -> None:
    made = model("sgd(lr = 0)", "accumulate = 2", "average = 0.5")
    trainer = made.trainer()
    trainer.step(x=X, y=Y)
    trainer.restart()
    assert trainer.pending == 0
    for _ in range(2):
        trainer.step(x=X, y=Y)
    gathered = dict(made.session.memory.slots())["train.gathered.f64"]
    assert not gathered.any()


def test_one_batch_a_step_is_the_program_without_the_setting() -> None:
    made = model("adam()", "accumulate = 1")
    plain = model("adam()")
    assert made.trainer().purpose == plain.trainer().purpose
    assert {slot for slot, _ in made.session.memory.slots()} == {"m.f64", "v.f64"}


def test_masks_differ_between_the_batches_of_a_step() -> None:
    head = HEAD + "state mask: [8] = 0\nupdate mask = bernoulli([8]) * ones([8])\n"
    made = model("sgd()", "accumulate = 3", head=head)
    trainer, masks = made.trainer(), set()
    for _ in range(6):
        trainer.step(x=X, y=Y)
        masks.add(made.states["mask"].tobytes())
    assert len(masks) == 6


def test_a_fault_in_a_batch_gathers_nothing() -> None:
    head = "input i: i64[2]\nparam w: [3] = 1\nloss J = sum(w[i])\n"
    made = model("sgd(lr = 1)", "accumulate = 2", head=head)
    trainer = made.trainer()
    trainer.step(i=[0, 1])
    with pytest.raises(graphdsl.DataError, match="index 5"):
        trainer.step(i=[0, 5])
    assert trainer.pending == 1
    trainer.step(i=[0, 2])
    np.testing.assert_allclose(made.params["w"], [0, 0.5, 0.5])


def test_a_step_that_diverges_is_numbered() -> None:
    head = "input x\nparam w = 1\nloss J = w * x\n"
    trainer = model("sgd(lr = 0)", "accumulate = 2", head=head).trainer()
    for x in (1, 1, 1):
        trainer.step(x=x)
    with pytest.raises(graphdsl.DivergedError, match="at step 2"):
        trainer.step(x=np.inf)
    with pytest.raises(graphdsl.DivergedError, match="at step 3"):
        trainer.step(x=np.inf)


def test_a_trainer_that_was_replaced_updates_nothing() -> None:
    made = model("sgd()", "accumulate = 2", "average = 0.5")
    first = made.trainer()
    for _ in range(3):
        first.step(x=X, y=Y)
    made.trainer()
    for act in (first.flush, first.take_average, lambda: first.step(x=X, y=Y)):
        with pytest.raises(graphdsl.UsageError, match="E0816"):
            act()


def test_states_of_an_earlier_trainer_are_dropped() -> None:
    made = model("adam()")
    made.trainer(average=0.9, accumulate=2).step(x=X, y=Y)
    made.trainer()
    assert {slot for slot, _ in made.session.memory.slots()} == {"m.f64", "v.f64"}


# --- clipping ------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd(lr = 1)", "plain()"])
@pytest.mark.parametrize("limit", [1e-3, 0.3, 1e3])
def test_the_norm_is_that_of_all_parameters(optimizer: str, limit: float) -> None:
    """Of two groups, f32 beside f64, by a rule for flat arrays and by one for each parameter."""
    head = HEAD.replace("param s = 1\n", "param s = 1\nparam f: f32[5] = 2\n")
    head = head.replace("sum(W^2)", "sum(W^2) + cast(sum(f^2), f64)")
    head = head.replace("with lr = 0.5", "with lr = 1")
    head += "optimizer plain(lr = 1) {\n  update p = p - lr * (g + 0 * sum(g))\n}\n"
    made = model(optimizer, f"clip_norm = {limit}", head=head)
    _, gradients = made.value_and_grad(x=X, y=Y)
    before = params(made)
    norm = np.sqrt(sum((g.astype(float) ** 2).sum() for g in gradients.values()))
    made.trainer().step(x=X, y=Y)
    for name, g in gradients.items():
        wanted = before[name] - min(1, limit / norm) * g
        np.testing.assert_allclose(made.params[name], wanted, rtol=1e-6 if name == "f" else 1e-12)


def test_a_gradient_of_zeros_is_not_divided_by() -> None:
    made = model("sgd(lr = 1)", "clip_norm = 1", head="param w: [2] = 1\nloss J = sum(0 * w)\n")
    made.trainer().step()
    assert made.params["w"].tolist() == [1, 1]


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_what_is_not_finite_stays_visible(bad: float) -> None:
    head = "input x: [2]\nparam w: [2] = 0\nloss J = sum(w * x)\n"
    made = model("sgd(lr = 1)", "clip_norm = 1", head=head)
    trainer = made.trainer()
    with pytest.raises(graphdsl.DivergedError):
        trainer.step(x=[1, bad])
    assert np.isnan(made.params["w"]).all()


# --- factors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer", ["sgd(lr = 0.1, decay = 0.2)", "adamw(lr = 0.1, decay = 0.2)"]
)
def test_factors_are_those_of_with_clauses(optimizer: str) -> None:
    """Said by clauses, by patterns in the file, and by patterns that are given later."""
    clauses = HEAD.replace("param v: [4] ~ normal(0, 1)", "param v: [4] ~ normal(0, 1) with lr = 3")
    clauses = clauses.replace("with lr = 0.5", "with lr = 1.5, decay = 0")
    clauses = clauses.replace("param s = 1", "param s = 1 with decay = 0")
    lines = ('scale_lr = {"?": 3, "W": 1, "s": 1}', 'scale_decay = {"b": 0, "s": 0}')
    given = {"scale_lr": {"?": 3, "W": 1, "s": 1}, "scale_decay": {"b": 0, "s": 0.0}}
    found = []
    for made, more in (
        (model(optimizer, head=clauses), {}),
        (model(optimizer, *lines), {}),
        (model(optimizer), given),
        (model(optimizer, 'scale_lr = {"W": 7}'), given),
    ):
        trainer = made.trainer(**more)
        for _ in range(5):
            trainer.step(x=X, y=Y)
        found.append(params(made))
    for other in found[1:]:
        assert_close(other, found[0])


def test_a_run_of_equal_factors_is_one_group() -> None:
    head = "".join(f"param p{i}: [3] = 1\n" for i in range(6))
    head += "loss J = sum(" + " + ".join(f"p{i}^2" for i in range(6)) + ")\n"
    made = model("sgd(lr = 1)", head=head)
    trainer = made.trainer(scale_lr={"p2": 0.5, "p3": 0.5})
    graph = made.compilation.compiled(trainer.purpose).graph
    sizes = [n.type.shape for n in graph.nodes if n.op.name == "group"]
    assert sizes == [(16,), (16,), (16,)]  # each three numbers begin a cache line
    filed = model("sgd(lr = 1)", 'scale_lr = {"p1": 0.5, "p3": 0.5}', head=head)
    graph = filed.compilation.compiled(filed.trainer().purpose).graph
    assert [n.type.shape for n in graph.nodes if n.op.name == "group"] == [(32,), (16,)]


def test_factors_are_given_or_left_out_when_a_model_is_loaded() -> None:
    text = HEAD + 'train {\n  optimizer = sgd(lr = 0.1)\n  scale_lr = {"?": 2}\n}\n'
    for given, wanted in (
        ({}, (("lr", (("?", 2),)),)),
        ({"scale_lr": None}, ()),
        ({"scale_lr": {"W": 0.5}, "clip_norm": 1}, (("lr", (("W", 0.5),)),)),
    ):
        made = graphdsl.loads(text, settings=given)
        recipe = made.trainer().recipe
        assert (recipe.scales, recipe.clip_norm) == (wanted, given.get("clip_norm"))
