"""What the machine cannot hold is refused with the numbers, before anything is allocated."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import graphdsl
from graphdsl import derivatives, session
from graphdsl.engines import feeds, machine, memory, room
from graphdsl.language.diagnostics import DataError
from graphdsl.ops.initial import INITIALIZERS, Initializer
from small_machine import ADAM, have_memory

PARAM = 4 * 256 * 256


def refused(call) -> str:
    with pytest.raises(DataError) as found:
        call()
    assert found.value.diagnostics[0].code == "E0802"
    return found.value.diagnostics[0].message


def test_the_sum_of_arrays_counts_not_only_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(ADAM, engine="numpy")
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
    model = graphdsl.loads(ADAM, engine=engine)
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
    """With what is computed: each alone would have room."""
    model = graphdsl.loads(ADAM, engine="numpy")
    have_memory(monkeypatch, 2 * PARAM)
    with pytest.raises(DataError) as found:
        model.value_and_grad(x=np.zeros((1, 256), np.float32))
    (told,) = found.value.diagnostics
    needs, remedy = told.help
    gradients, computed = needs.split("; ")
    assert gradients == f"the gradients: {PARAM:,}"
    what, _, nbytes = computed.partition(": ")
    assert what == "what is computed at once"
    total = PARAM + int(nbytes.replace(",", ""))
    assert f"what a program needs takes {total:,} bytes beside {PARAM:,} that " in told.message
    assert remedy == memory.FEWER_ROWS
    assert model.session.memory.arrays.keys() == {"param_f32"}
    have_memory(monkeypatch, PARAM + total)
    model.value_and_grad(x=np.zeros((1, 256), np.float32))


def test_optimizer_states_count(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(ADAM, engine="numpy")
    have_memory(monkeypatch, 3 * PARAM - 1)
    message = refused(lambda: model.trainer().step(x=np.zeros((1, 256), np.float32)))
    assert f"the optimizer's states take {2 * PARAM:,} bytes beside {PARAM:,}" in message


def test_a_refusal_leaves_other_programs_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(ADAM, engine="numpy")
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
    monkeypatch.setattr(room, "LARGE", 4 * 1000)
    x = np.zeros(1001, np.float32)
    arena = -(-x.nbytes // 64) * 64
    have_memory(monkeypatch, arena + x.nbytes - 1)
    message = refused(lambda: model.run(x=x))
    assert message.startswith(f"what a program needs takes {arena + x.nbytes:,} bytes; ")
    have_memory(monkeypatch, arena + x.nbytes)
    assert model.run(x=x)["y"].sum() == x.size
    have_memory(monkeypatch, 2**40, x.nbytes - 1)  # the program is there, and its arena
    message = refused(lambda: model.run(x=x))
    assert message.startswith(f"the results take {x.nbytes:,} bytes beside {arena:,} ")


def test_the_callers_copies_of_gradients_count(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(ADAM, engine="numpy")
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
    text = ADAM.replace("normal(0, 0.1)", f"{draw}()")
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
    model = graphdsl.loads(ADAM, engine="numpy")

    def lack(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(session.Session, "_emitted", lack)
    message = refused(lambda: model.run(x=np.zeros((700, 256), np.float32)))
    assert (
        f"of which the largest, x at <text>:3:1, takes {700 * 1024:,} bytes; this mach" in message
    )


def test_what_is_not_free_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the model has already was free before; what it has not yet must be free now."""
    model = graphdsl.loads(ADAM, engine="numpy")
    x = np.ones((4, 256), np.float32)
    model.value_and_grad(x=x)
    have_memory(monkeypatch, 2**40, 0)
    model.value_and_grad(x=x)  # needs nothing more
    have_memory(monkeypatch, 2**40, 2 * PARAM)
    message = refused(lambda: model.value_and_grad(x=np.zeros((700, 256), np.float32)))
    assert message.endswith(f"this machine has {2**40:,}, of which {2 * PARAM:,} are free")


def test_parameters_count_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    have_memory(monkeypatch, 2**40, PARAM - 1)
    assert f"parameters take {PARAM:,} bytes; " in refused(lambda: graphdsl.loads(ADAM))
    have_memory(monkeypatch, 2**40, PARAM)
    graphdsl.loads(ADAM)


def test_little_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    have_memory(monkeypatch, 0)
    monkeypatch.setattr(machine, "LITTLE", 100)
    assert machine.find_lack(90, 10) == ""
    assert machine.find_lack(91, 10) == "this machine has 0, of which 0 are free"


def test_what_a_model_has_made_and_not_run_with_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = graphdsl.loads(ADAM, engine="numpy")
    held = model.session.memory
    held.reserve(1000)
    held.reserve(2000)  # in the place of the first
    held.array("grad_f32")
    have_memory(monkeypatch, 2**40, 2**30)
    asked: list[int] = []
    monkeypatch.setattr(memory, "find_lack", lambda *given: asked.append(given[2]) or "")
    held.check_room("a test takes", 1)
    model.value_and_grad(x=np.ones((1, 256), np.float32))
    held.check_room("a test takes", 1)
    assert (asked[0], asked[-1]) == (2000 + PARAM, 0)
