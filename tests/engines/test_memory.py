"""What the machine cannot hold is refused with the numbers, before anything is allocated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.engines import feeds, machine, memory
from graphdsl.language.diagnostics import DataError

TEXT = """
dim N
input x: [N, 256]
param W: [256, 256] ~ normal(0, 0.1)
a = tanh(x @ W)
loss J = mean((a - x)^2)
train {
  optimizer = adam(lr = 0.1)
}
"""
PARAM = 4 * 256 * 256


def limit(monkeypatch: pytest.MonkeyPatch, nbytes: int) -> None:
    monkeypatch.setattr(memory, "machine_memory", lambda: nbytes)


def refused(call) -> str:
    with pytest.raises(DataError) as found:
        call()
    assert found.value.diagnostics[0].code == "E0802"
    return found.value.diagnostics[0].message


def test_the_sum_of_arrays_counts_not_only_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(TEXT, engine="numpy")
    limit(monkeypatch, 3 * PARAM)
    x = np.zeros((700, 256), np.float32)
    assert x.nbytes < 3 * PARAM
    message = refused(lambda: model.value_and_grad(x=x))
    assert f"beside {PARAM:,} that the model has" in message
    assert message.endswith(f"this machine has {3 * PARAM:,}")
    assert model.session.memory.arena.nbytes < x.nbytes
    assert model.value_and_grad(x=x[:8])[0] == 0  # fewer rows have room


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_fed_array_whose_copy_has_no_room_is_refused(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view may be larger than what it shows; before it is copied, somebody has to count."""
    pytest.importorskip("numba")
    model = graphdsl.loads(TEXT, engine=engine)
    one = np.zeros((1, 1), np.float32)
    x = np.broadcast_to(one, (10**11, 256))
    trainer = model.trainer()
    for call in (model.run, model.value_and_grad, trainer.step):
        message = refused(lambda call=call: call(x=x))
        assert message.startswith(f"input 'x' takes {x.size * 4:,} bytes as f32; this machine has ")
    assert model.run(x=np.broadcast_to(one, (3, 256)))["J"] == 0
    monkeypatch.setattr(feeds, "machine_memory", lambda: 10**7)
    flat = np.zeros((5000, 256))
    assert "as f32" in refused(lambda: trainer.step(x=np.vstack([flat, flat])))
    trainer.step(x=flat)


def test_gradients_count(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(TEXT, engine="numpy")
    limit(monkeypatch, 2 * PARAM)
    found = refused(lambda: model.value_and_grad(x=np.zeros((1, 256), np.float32)))
    assert f"the gradients take {PARAM:,} bytes beside " in found


def test_optimizer_states_count(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(TEXT, engine="numpy")
    limit(monkeypatch, 3 * PARAM - 1)
    message = refused(lambda: model.trainer().step(x=np.zeros((1, 256), np.float32)))
    assert f"the optimizer's state v.f32 takes {PARAM:,} bytes beside {2 * PARAM:,}" in message


def test_a_refusal_leaves_other_programs_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(TEXT, engine="numpy")
    x = np.ones((4, 256), np.float32)
    before = model.run(x=x)["J"]
    limit(monkeypatch, 3 * PARAM)
    refused(lambda: model.run(x=np.ones((1024, 256), np.float32)))
    assert model.run(x=x)["J"] == before


def test_a_container_and_the_shell_may_allow_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "CONTAINER_LIMITS", (tmp_path / "none", tmp_path / "max"))
    (tmp_path / "max").write_text("max\n")
    whole = machine.machine_memory()
    (tmp_path / "max").write_text("123456789\n")
    assert machine.machine_memory() == 123_456_789 < whole
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (10**6, 10**6))
    assert machine.machine_memory() == 10**6
