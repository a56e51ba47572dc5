"""What the machine cannot hold is refused with the numbers, before anything is allocated."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl import derivatives, session
from graphdsl.engines import feeds, machine, memory
from graphdsl.language.diagnostics import DataError
from graphdsl.ops.initial import INITIALIZERS, Initializer
from small_machine import have_memory

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


def refused(call) -> str:
    with pytest.raises(DataError) as found:
        call()
    assert found.value.diagnostics[0].code == "E0802"
    return found.value.diagnostics[0].message


def test_the_sum_of_arrays_counts_not_only_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(TEXT, engine="numpy")
    have_memory(monkeypatch, 3 * PARAM)
    x = np.zeros((700, 256), np.float32)
    assert x.nbytes < 3 * PARAM
    message = refused(lambda: model.value_and_grad(x=x))
    assert f"beside {PARAM:,} that the model has" in message
    assert message.endswith(f"this machine has {3 * PARAM:,}, of which {3 * PARAM:,} are free")
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
        assert f" takes {x.size * 4:,} bytes; this machine has " in message
    assert model.run(x=np.broadcast_to(one, (3, 256)))["J"] == 0
    monkeypatch.setattr(feeds, "find_lack", lambda nbytes: "no" if nbytes > 10**7 else "")
    flat = np.zeros((5000, 256))
    assert "as f32" in refused(lambda: trainer.step(x=np.vstack([flat, flat])))
    trainer.step(x=flat)


def test_gradients_count(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(TEXT, engine="numpy")
    have_memory(monkeypatch, 2 * PARAM)
    found = refused(lambda: model.value_and_grad(x=np.zeros((1, 256), np.float32)))
    assert f"the gradients take {PARAM:,} bytes beside " in found


def test_optimizer_states_count(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(TEXT, engine="numpy")
    have_memory(monkeypatch, 3 * PARAM - 1)
    message = refused(lambda: model.trainer().step(x=np.zeros((1, 256), np.float32)))
    assert f"the optimizer's state v.f32 takes {PARAM:,} bytes beside {2 * PARAM:,}" in message


def test_a_refusal_leaves_other_programs_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(TEXT, engine="numpy")
    x = np.ones((4, 256), np.float32)
    before = model.run(x=x)["J"]
    have_memory(monkeypatch, 3 * PARAM)
    refused(lambda: model.run(x=np.ones((1024, 256), np.float32)))
    assert model.run(x=x)["J"] == before


def test_a_program_that_has_no_room_is_refused_before_what_is_fed_is_copied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = graphdsl.loads("dim N\ninput x: [N]\noutput y = reshape(x, [N, 1]) * x", engine="numpy")
    monkeypatch.setattr(feeds, "convert", lambda *_: pytest.fail("it was copied"))
    x = np.broadcast_to(np.float32(1), (2 * 10**6,))
    message = refused(lambda: model.run(x=x))
    assert f"takes {4 * x.size**2:,} bytes; this machine has " in message


def test_the_callers_copies_of_results_count(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads("dim N\ninput x: [N]\noutput y = x + 1", engine="numpy")
    monkeypatch.setattr(session, "LARGE", 4 * 1000)
    x = np.zeros(1001, np.float32)
    have_memory(monkeypatch, 2 * x.nbytes - 1)
    assert refused(lambda: model.run(x=x)).startswith(
        f"the results take {x.nbytes:,} bytes beside "
    )
    have_memory(monkeypatch, 3 * x.nbytes)
    assert model.run(x=x)["y"].sum() == x.size


def test_the_callers_copies_of_gradients_count(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(TEXT, engine="numpy")
    x = np.ones((4, 256), np.float32)
    model.value_and_grad(x=x)
    monkeypatch.setattr(derivatives, "LARGE", PARAM - 1)
    have_memory(monkeypatch, 2**40, PARAM - 1)
    message = refused(lambda: model.value_and_grad(x=x))
    assert message.startswith(f"the gradients that are handed out take {PARAM:,} bytes beside ")
    have_memory(monkeypatch, 2**40, PARAM)
    assert model.value_and_grad(x=x)[1]["W"].shape == (256, 256)


@pytest.mark.parametrize(
    ("draw", "arrays"),
    [("normal", 1), ("he_uniform", 1), ("truncated_normal", 4), ("orthogonal", 5)],
)
def test_what_drawing_takes_counts(draw: str, arrays: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Initial values are drawn in f64, whatever the parameter is."""
    text = TEXT.replace("normal(0, 0.1)", f"{draw}()")
    monkeypatch.setattr(memory, "LARGE", PARAM)
    have_memory(monkeypatch, 2**40, 2 * arrays * PARAM - 1)
    message = refused(lambda: graphdsl.loads(text))
    assert f"to draw W takes {2 * arrays * PARAM:,} bytes beside {PARAM:,} that " in message
    have_memory(monkeypatch, 2**40, 2 * arrays * PARAM)
    graphdsl.loads(text)


@pytest.mark.parametrize("draw", INITIALIZERS.values(), ids=lambda one: one.name)
def test_drawing_takes_no_more_than_is_said(draw: Initializer) -> None:
    shape = (512, 256)
    args = tuple(draw.arguments.values())
    rng = np.random.default_rng(0)
    draw.draw(rng, (4, 4), *args)
    tracemalloc.start()
    try:
        draw.draw(rng, shape, *args)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= draw.arrays * 8 * 512 * 256 * 1.02


def test_predictions_count_before_they_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads("dim N\ninput x: [N]\noutput y = x * [[2], [3]]\noutput z = y.T")
    x = np.arange(10, dtype=np.float32)
    wanted = model.predict({"x": x}, outputs="z", batch="all")["z"]
    assert wanted.shape == (10, 2)
    assert (model.predict({"x": x}, outputs="z", batch=4)["z"] == wanted).all()
    have_memory(monkeypatch, 2**40, 79)
    message = refused(lambda: model.predict({"x": x}, outputs="z", batch=4))
    assert message.startswith("the results of 10 rows take 80 bytes; this machine has ")
    have_memory(monkeypatch, 2**40, 80)
    assert (model.predict({"x": x}, outputs="z", batch=4)["z"] == wanted).all()


def test_a_program_that_cannot_be_planned_names_its_largest_array(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = graphdsl.loads(TEXT, engine="numpy")

    def lack(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(session.Session, "_emitted", lack)
    message = refused(lambda: model.run(x=np.zeros((700, 256), np.float32)))
    assert (
        f"of which the largest, x at <text>:3:1, takes {700 * 1024:,} bytes; this mach" in message
    )


def test_what_is_not_free_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the model has already was free before; what it has not yet must be free now."""
    model = graphdsl.loads(TEXT, engine="numpy")
    x = np.ones((4, 256), np.float32)
    model.value_and_grad(x=x)
    have_memory(monkeypatch, 2**40, 0)
    model.value_and_grad(x=x)  # needs nothing more
    have_memory(monkeypatch, 2**40, 2 * PARAM)
    message = refused(lambda: model.value_and_grad(x=np.zeros((700, 256), np.float32)))
    assert message.endswith(f"this machine has {2**40:,}, of which {2 * PARAM:,} are free")


def test_parameters_count_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    have_memory(monkeypatch, 2**40, PARAM - 1)
    assert f"parameters take {PARAM:,} bytes; " in refused(lambda: graphdsl.loads(TEXT))
    have_memory(monkeypatch, 2**40, PARAM)
    graphdsl.loads(TEXT)


def test_little_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    have_memory(monkeypatch, 0)
    monkeypatch.setattr(machine, "LITTLE", 100)
    assert machine.find_lack(90, 10) == ""
    assert machine.find_lack(91, 10) == "this machine has 0, of which 0 are free"


# --- where the system says it --------------------------------------------------------------------

GIB = 2**30


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 64 GiB, 8 of them free and 2 more of swap, that limits nothing."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "groups").mkdir()
    (tmp_path / "proc/meminfo").write_text(
        f"MemTotal: {64 * 2**20} kB\nMemFree: 5 kB\nMemAvailable: {8 * 2**20} kB\n"
        f"SwapFree: {2 * 2**20} kB\nHugePages_Total: 0\n"
    )
    (tmp_path / "proc/self/statm").write_text("1000 500 1 1 0 1 0\n")
    monkeypatch.setattr(machine, "PROC", tmp_path / "proc")
    monkeypatch.setattr(machine, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(machine, "_physical", lambda: 64 * GIB)
    monkeypatch.setattr(
        machine.resource, "getrlimit", lambda _: (machine.resource.RLIM_INFINITY, 0)
    )
    return tmp_path


def have_group(folder: Path, **files: object) -> None:
    """Write a control group's files, `__` in their names standing for a point."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def test_what_other_processes_leave(system: Path) -> None:
    assert machine.machine_memory() == 64 * GIB
    assert machine.free_memory() == 10 * GIB
    (system / "proc/meminfo").unlink()
    assert machine.free_memory() == 64 * GIB  # a system that does not say


def test_the_shell_may_allow_less(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (GIB, GIB))
    assert machine.machine_memory() == GIB
    assert machine.free_memory() == GIB - 1000 * machine.os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("place", ["", "a", "a/b"])
def test_a_container_of_version_2_may_allow_less(system: Path, place: str) -> None:
    """Its own group's limit, or that of one around it; files that were read can be let go."""
    (system / "proc/self/cgroup").write_text("0::/a/b\n")
    have_group(system / "groups", memory__max="max", memory__current=GIB)
    stat = f"anon 7\ninactive_file {GIB}\nactive_file {GIB // 2}\nfile 9"
    limits = {"memory__max": 6 * GIB, "memory__current": 4 * GIB, "memory__stat": stat}
    have_group(system / "groups" / place, **limits)
    assert machine.machine_memory() == 6 * GIB
    assert machine.free_memory() == 6 * GIB - (4 * GIB - GIB - GIB // 2)
    have_group(system / "groups" / place, memory__current=9 * GIB, memory__stat="anon 7")
    assert machine.free_memory() == 0


@pytest.mark.parametrize("place", ["", "job", "job/7"])
def test_a_container_of_version_1_may_allow_less(system: Path, place: str) -> None:
    (system / "proc/self/cgroup").write_text("5:cpu,cpuacct:/x\n4:memory:/job/7\n0::/\n")
    unlimited = {"memory__limit_in_bytes": 9223372036854771712, "memory__usage_in_bytes": 50 * GIB}
    have_group(system / "groups/memory", **unlimited)
    stat = f"inactive_file 1\ntotal_inactive_file {GIB}\ntotal_active_file 0"
    files = {"memory__limit_in_bytes": 5 * GIB, "memory__usage_in_bytes": 3 * GIB}
    have_group(system / "groups/memory" / place, **files, memory__stat=stat)
    assert machine.machine_memory() == 5 * GIB
    assert machine.free_memory() == 3 * GIB


def test_a_group_may_have_any_name(system: Path) -> None:
    """Names of files are bytes."""
    (system / "proc/self/cgroup").write_bytes(b"0::/job-\xff\n")
    have_group(system / "groups" / os.fsdecode(b"job-\xff"), memory__max=GIB)
    assert machine.machine_memory() == GIB


def test_a_group_that_says_its_limit_alone(system: Path) -> None:
    have_group(system / "groups", memory__max=GIB)
    assert (machine.machine_memory(), machine.free_memory()) == (GIB, GIB)


def test_this_machine_has_memory() -> None:
    assert 2**26 < machine.free_memory() <= machine.machine_memory()
