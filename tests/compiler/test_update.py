"""The update sweep: one run of the rule for each group, states where they are needed."""

from __future__ import annotations

import re

import numpy as np
import pytest

import graphdsl
from graphdsl.driver import Compiled, compile_source
from graphdsl.graph.types import DType
from graphdsl.language.source import Source

PARAMS = """
param A: [2, 3] ~ normal(0, 1)
param b: [3] = 0.5
param C: [2, 3] ~ normal(0, 1) with lr = 0.5
param d: [3] = 1 with lr = 0.5
param e: [3] = 1 with frozen = true
param f: f32[2] = 1
loss J = sum((A + b + C + d + e)^2) + cast(sum(f^2), float)
"""


def step_of(optimizer: str, rule: str = "") -> Compiled:
    text = f"{PARAMS}{rule}\ntrain {{\n  optimizer = {optimizer}\n}}\n"
    compilation = compile_source(Source(text), float=DType.f64)
    return compilation.compiled(compilation.step_purpose())


def targets(compiled: Compiled) -> list[str]:
    nodes = compiled.graph.nodes
    return [nodes[w.target].name or nodes[w.target].op.name for w in compiled.graph.writes]


def test_a_rule_of_elementwise_ops_runs_once_a_group() -> None:
    assert sorted(targets(step_of("adam()"))) == ["group"] * 3 + ["slot"] * 6


def test_any_other_rule_runs_once_a_parameter() -> None:
    rule = "optimizer norm(lr = 0.1) {\n  update p = p - lr * g / sqrt(sum(g^2))\n}\n"
    assert sorted(targets(step_of("norm()", rule))) == ["A", "C", "b", "d", "f"]


def test_states_that_nothing_needs_are_dropped() -> None:
    assert not step_of("sgd(lr = 0.1)").slots
    assert {slot.name for slot in step_of("sgd(momentum = 0.9)").slots} == {"m.f64", "m.f32"}
    rule = """
    optimizer mine(lr = 0.1) {
      state used = 0
      state through = 0
      state unused = 0
      update used = used + through
      update through = through + g
      update unused = unused + 1
      update p = p - lr * used
    }
    """
    names = {slot.name.partition(".")[0] for slot in step_of("mine()", rule).slots}
    assert names == {"used", "through"}


def test_states_with_a_type_of_their_own() -> None:
    rule = """
    optimizer counting(lr = 0.1) {
      state n: i64 = 5
      update n = n + 1
      update p = p - lr * g / n
    }
    """
    text = f"param w: [2] = 1\nloss J = sum(w^2)\n{rule}train {{\n  optimizer = counting()\n}}\n"
    model = graphdsl.loads(text, dtype="f64")
    trainer, w = model.trainer(), np.ones(2)
    for step in range(3):
        trainer.step()
        w = w - 0.1 * 2 * w / (6 + step)
        np.testing.assert_allclose(model.params["w"], w, rtol=1e-12)


def test_a_state_without_an_update_stays_as_it_began() -> None:
    rule = "optimizer mine(lr = 0.1) {\n  state k = 3\n  update p = p - lr * k * g\n}\n"
    text = f"param w: [2] = 1\nloss J = sum(w)\n{rule}train {{\n  optimizer = mine()\n}}\n"
    model = graphdsl.loads(text, dtype="f64")
    trainer = model.trainer()
    for _ in range(2):
        trainer.step()
    np.testing.assert_allclose(model.params["w"], 0.4)


@pytest.mark.parametrize(
    ("settings", "slots"),
    [
        ("", set()),
        ("clip_norm = 1", set()),
        ("clip_value = 1", set()),
        ("average = 0.9", {"train.average.f64", "train.average.f32"}),
    ],
)
def test_what_the_settings_of_the_step_store(settings: str, slots: set[str]) -> None:
    compiled = step_of(f"sgd(lr = 0.1)\n  {settings}")
    assert {slot.name for slot in compiled.slots} == slots


def test_factors_make_groups_of_their_own() -> None:
    compiled = step_of('sgd(lr = 0.1)\n  scale_lr = {"b": 2, "C": 3}')
    assert targets(compiled) == ["group"] * 5  # each but e
    compiled = step_of('sgd(lr = 0.1)\n  scale_lr = {"?": 2}')
    assert targets(compiled) == ["group"] * 3
    compiled = step_of('sgd(lr = 0.1)\n  scale_lr = {"C": 2, "d": 2}')
    assert targets(compiled) == ["group"] * 2  # twice a half is one: all but f are alike


def test_an_update_is_seen_by_the_lines_after_it() -> None:
    rule = """
    optimizer mine(lr = 1) {
      state m = 1
      old = m
      update m = m + 1
      update p = p - old - 10 * m
    }
    """
    text = f"param w = 0\nloss J = w\n{rule}train {{\n  optimizer = mine()\n}}\n"
    model = graphdsl.loads(text)
    model.trainer().step()
    assert model.params["w"] == -21


@pytest.mark.parametrize("optimizer", ["sgd(lr = 0.1, momentum = 0.9)", "adam(lr = 0.1)"])
def test_flat_and_one_by_one_are_the_same(optimizer: str) -> None:
    """A rule that names a sum of its gradient runs once a parameter, with the same result."""
    prelude = graphdsl.__path__[0] + "/prelude/optimizers.gdl"
    with open(prelude, encoding="utf-8") as file:
        name = optimizer.partition("(")[0]
        found = re.search(rf"^optimizer {name}\(.*?^}}\n", file.read(), re.MULTILINE | re.DOTALL)
    assert found is not None
    single = found[0].replace(f"optimizer {name}(", "optimizer single(")
    single = single.replace("update p = p", "update p = p + 0 * sum(g)")
    results = []
    for call, rule in ((optimizer, ""), (optimizer.replace(name, "single"), single)):
        text = f"{PARAMS}{rule}\ntrain {{\n  optimizer = {call}\n}}\n"
        model = graphdsl.loads(text, dtype="f64", seed=1)
        trainer = model.trainer()
        for _ in range(5):
            trainer.step()
        results.append({name: array.copy() for name, array in model.params.items()})
    for name, array in results[0].items():
        np.testing.assert_allclose(array, results[1][name], rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("value", ["g", "1 * g", "m"])
def test_the_gradient_itself_may_be_what_is_written(value: str) -> None:
    """Nothing computes the gradients of a group: they lie side by side, and have to be copied."""
    rule = f"optimizer mine() {{\n  state m = 0\n  update m = g\n  update p = {value}\n}}\n"
    text = f"param w: [2] = 1\nloss J = sum(3 * w^2)\n{rule}train {{\n  optimizer = mine()\n}}\n"
    model = graphdsl.loads(text)
    trainer = model.trainer()
    for wanted in (6, 36):
        trainer.step()
        assert model.params["w"].tolist() == [wanted, wanted]
