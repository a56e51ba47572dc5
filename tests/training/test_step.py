"""`trainer.step`: what a step that fails leaves, live views as feeds, two trainers of a model."""

import numpy as np
import pytest

import graphdsl
from graphdsl.session import Session

GATHER = """
input i: i64[2]
input x: [3]
state m = 0
param w: [3] = 1
update m = m + sum(x)
loss J = sum(w[i])
train {
  optimizer = sgd()
}
"""
LIVE = """
input x: [2]
state m: [2] = 1
param w: [2] = 1
update m = m + 1
loss J = sum(w * x)
train {
  optimizer = sgd(lr = 0)
}
"""


def test_an_index_out_of_range_changes_nothing() -> None:
    model = graphdsl.loads(GATHER)
    trainer = model.trainer()
    with pytest.raises(graphdsl.DataError, match="index 5"):
        trainer.step(x=[1, 1, 1], i=[0, 5])
    assert (trainer.t, model.states["m"], model.params["w"].tolist()) == (0, 0, [1, 1, 1])


def test_a_live_view_is_read_as_it_was() -> None:
    model = graphdsl.loads(LIVE)
    trainer = model.trainer()
    assert [trainer.step(x=model.states["m"]) for _ in range(3)] == [2, 4, 6]
    plain = np.ones(2, np.float32)
    assert [trainer.step(x=plain), trainer.step(x=model.states["m"])] == [2, 10]


def test_a_newer_trainer_takes_over() -> None:
    model = graphdsl.loads(LIVE)
    first = model.trainer()
    first.step(x=[1, 1])
    second = model.trainer()
    with pytest.raises(graphdsl.UsageError, match="another trainer"):
        first.step(x=[1, 1])
    assert second.step(x=[1, 1]) == 2


def test_a_ctrl_c_while_it_is_compiled_counts_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    trainer = graphdsl.loads(LIVE).trainer()
    for steps in range(3):  # the first one, and others that feed what has to be converted
        assert trainer.t == steps
        with monkeypatch.context() as patch:
            patch.setattr(Session, "executable", interrupted)
            with pytest.raises(KeyboardInterrupt):
                trainer.step(x=[1, 1])
        assert trainer.t == steps
        trainer.step(x=[1, 1])
