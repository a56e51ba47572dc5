"""Memory that runs out in spite of all that is counted before, and what compiling takes."""

from __future__ import annotations

import errno
import inspect
from dataclasses import replace

import numpy as np
import pytest

import graphdsl
from graphdsl import session
from graphdsl.engines import machine
from graphdsl.language.diagnostics import DataError
from small_machine import ADAM, have_memory


@pytest.mark.parametrize("fault", [MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory")])
def test_memory_that_runs_out_within_a_call_is_told_with_a_remedy(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = graphdsl.loads(ADAM, engine="numpy")

    def fail(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(session.Session, "call", fail)
    with pytest.raises(DataError) as found:
        model.run(x=np.ones((2, 256), np.float32))
    (told,) = found.value.diagnostics
    assert told.code == "E0802"
    whole = f"{machine.machine_memory():,}"
    assert told.message.startswith(
        f"this machine's memory does not suffice for 'run': it has {whole} bytes, of which "
    )
    assert told.help
    monkeypatch.undo()
    model.run(x=np.ones((2, 256), np.float32))


def test_other_faults_of_the_system_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(ADAM, engine="numpy")

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(session.Session, "call", fail)
    with pytest.raises(OSError, match="Input/output"):
        model.run(x=np.ones((2, 256), np.float32))


def test_every_call_of_a_program_is_within_memory() -> None:
    methods = {name: m for name, m in vars(graphdsl.Model).items() if inspect.isfunction(m)}
    public = {name for name in methods if not name.startswith("_")}
    assert {"run", "fit", "export", "trace", "save"} <= public
    assert {name for name, m in methods.items() if hasattr(m, "__wrapped__")} == public
    assert all(hasattr(f, "__wrapped__") for f in (graphdsl.load, graphdsl.loads))


def test_a_step_whose_memory_runs_out_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = graphdsl.loads(ADAM, engine="numpy").trainer()
    x = np.ones((4, 256), np.float32)
    trainer.step(x=x)

    def fail(*_: object) -> None:
        raise MemoryError

    assert trainer._ready is not None
    monkeypatch.setattr(trainer, "_ready", replace(trainer._ready, run_fed=fail))
    with pytest.raises(DataError, match=r"E0802.*does not suffice for a training step"):
        trainer.step(x=x)
    assert trainer.t == 1
    monkeypatch.undo()
    trainer.step(x=x)
    assert trainer.t == 2


def test_compiling_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """LLVM ends the process, or never comes back, where it has no room."""
    engine = pytest.importorskip("graphdsl.engines.numba.engine")
    x = np.ones((4, 256), np.float32)
    trainer = graphdsl.loads(ADAM, engine="numba").trainer()
    have_memory(monkeypatch, 2**40, engine.COMPILING - 1)
    monkeypatch.setattr(engine.library, "load", lambda _: pytest.fail("it began to compile"))
    with pytest.raises(DataError, match=r"E0802.*to compile may take 268,435,456 bytes"):
        trainer.step(x=x)
    assert trainer.t == 0
    monkeypatch.undo()
    trainer.step(x=x)
