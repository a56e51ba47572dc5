"""Sessions: programs by size, what is kept of them, initial values."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

import graphdsl
from graphdsl.driver import Purpose, compile_source
from graphdsl.graph.types import DType
from graphdsl.language.diagnostics import GraphdslError
from graphdsl.language.source import Source
from graphdsl.session import PROGRAMS_KEPT, Session
from graphdsl.views.profiling import profiling

Y = Purpose(("y",))


def session(text: str, seed: int = 0, float: DType = DType.f64) -> Session:
    return Session(compile_source(Source(text), float=float), seed)


def test_programs_are_kept_by_size_and_the_oldest_goes() -> None:
    one = session("dim N\ninput x: [N]\noutput y = x * 2\n")
    programs = {n: one.executable(Y, {"N": n}) for n in range(PROGRAMS_KEPT)}
    assert all(one.executable(Y, {"N": n}) is made for n, made in programs.items())
    one.executable(Y, {"N": 0})  # the least recently used is now 1
    one.executable(Y, {"N": 99})
    assert one.executable(Y, {"N": 0}) is programs[0]
    assert one.executable(Y, {"N": 1}) is not programs[1]


def test_a_larger_arena_moves_no_program_out_of_reach() -> None:
    one = session("dim N\ninput x: [N]\na = exp(x)\nb = sin(a)\noutput y = a + b\n")
    wanted = np.exp(0) + np.sin(np.exp(0))
    for n in (1, 10_000, 1, 100_000, 10_000, 1):
        np.testing.assert_allclose(one.results(Y, {"x": np.zeros(n)})["y"], np.full(n, wanted))


def test_several_symbols() -> None:
    one = session("dim N, T\ninput x: [N, 2*T]\ninput y0: [T]\noutput y = x[:, :T] + y0\n")
    found = one.results(Y, {"x": np.ones((2, 6)), "y0": np.arange(3)})["y"]
    np.testing.assert_array_equal(found, [[1, 2, 3], [1, 2, 3]])
    with pytest.raises(GraphdslError, match=r"'x' is declared f64\[N, 2\*T\]"):
        one.results(Y, {"x": np.ones((2, 5)), "y0": np.arange(3)})


def test_a_size_that_nothing_binds() -> None:
    one = session("dim N, T\ninput x: [N, 2*T]\noutput y = sum(x, axis = 0)\n")
    with pytest.raises(GraphdslError, match="size T is bound by nothing"):
        one.results(Y, {"x": np.ones((2, 6))})


def test_an_opaque_size_is_computed_when_bound() -> None:
    one = session("dim N\ninput x: [N]\noutput y = x[::2]\n")
    for n in range(6):
        np.testing.assert_array_equal(one.results(Y, {"x": np.arange(n)})["y"], np.arange(n)[::2])


def test_what_only_some_sizes_allow() -> None:
    one = session("dim N\ninput x: [N]\noutput y = x[3]\n")
    assert one.results(Y, {"x": np.arange(4)})["y"] == 3
    with pytest.raises(GraphdslError, match="index 3"):
        one.results(Y, {"x": np.arange(3)})


def test_an_array_that_no_machine_holds() -> None:
    one = session("dim N\ninput x: [N]\nk = reshape(x, [N, 1]) + x\noutput y = sum(k)\n")
    with pytest.raises(GraphdslError, match="this machine has"):
        one.results(Y, {"x": np.zeros(4_000_000, np.int8)})


@pytest.mark.parametrize(
    "text", ["output y = max(x)", "output y = mean(x)", "output y = sum(argmax(x) + 0)"]
)
def test_reductions_of_nothing_are_no_traceback(text: str) -> None:
    one = session(f"dim N\ninput x: [N]\n{text}\n")
    with contextlib.suppress(GraphdslError):
        assert not np.isfinite(one.results(Y, {"x": np.zeros(0)})["y"])


def test_an_empty_list_is_no_traceback() -> None:
    try:
        found = session("output y = max([])\n").results(Y, {})
    except GraphdslError:
        return
    assert not np.isfinite(found["y"])


def test_initial_values_as_written() -> None:
    one = session(
        """
        const k = 3
        param a: [2] = k / 2
        param b = [[1, 2], [3, 4]]
        param c: [2, 2] = eye(2) * 5
        param d: f32[3] = arange(3)
        param e: [2, 0] = 1
        param f = 1/3
        state s: [2] ~ normal(7, 0)
        param g: i64 = 9 with frozen = true
        output y = a
        """
    )
    params = one.memory.params
    np.testing.assert_array_equal(params["a"], [1.5, 1.5])
    np.testing.assert_array_equal(params["b"], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(params["c"], np.eye(2) * 5)
    np.testing.assert_array_equal(params["d"], [0, 1, 2])
    assert params["d"].dtype == np.float32
    assert params["e"].shape == (2, 0)
    assert params["f"] == 1 / 3
    assert params["g"].dtype == np.int64
    assert params["g"] == 9
    np.testing.assert_array_equal(one.memory.states["s"], [7, 7])


def test_draws_depend_on_seed_and_name_alone() -> None:
    text = "param a: [50] ~ normal(1, 2)\nparam b: [50] ~ normal(1, 2)\noutput y = a + b\n"
    one, same, other = session(text, 1), session(text, 1), session(text, 2)
    np.testing.assert_array_equal(one.memory.params["a"], same.memory.params["a"])
    assert not np.array_equal(one.memory.params["a"], other.memory.params["a"])
    assert not np.array_equal(one.memory.params["a"], one.memory.params["b"])
    single = session(text, 1, DType.f32).memory.params["a"]
    np.testing.assert_allclose(single, one.memory.params["a"], rtol=1e-6)


def test_zero_sizes() -> None:
    one = session("param W: [0, 3] ~ he_normal()\ninput x: [2, 0]\noutput y = x @ W + sum(W)\n")
    np.testing.assert_array_equal(one.results(Y, {"x": np.zeros((2, 0))})["y"], np.zeros((2, 3)))


@pytest.mark.parametrize("steps", [1, 50])
def test_a_new_trainer_of_a_model_that_is_probed_has_states_of_its_own(steps: int) -> None:
    text = "param w: [3] = 1\nloss J = sum(w ^ 2)\ntrain { optimizer = adam(lr = 0.01) }\n"
    models = [graphdsl.loads(text, engine="numpy") for _ in range(2)]
    for model in models:
        model.trainer().step()
    trainer = models[0].trainer()
    for _ in range(5):
        trainer.step()
    with profiling(models[1].session, steps=steps, warm_up=0):
        trainer = models[1].trainer()
        for _ in range(4):
            trainer.step()
    trainer.step()
    np.testing.assert_array_equal(*(model.params["w"] for model in models))


def test_what_is_forgotten_inside_a_probe_is_not_back_when_it_ends() -> None:
    one = session("dim N\ninput x: [N]\noutput y = x * 2\n")
    made = one.executable(Y, {"N": 3})
    with one.probed(lambda schedule, *_: (schedule, {})) as end:
        end()
        assert one.executable(Y, {"N": 3}) is made
        one.forget_programs()
        other = one.executable(Y, {"N": 3})
        assert other is not made
    assert one.executable(Y, {"N": 3}) is other
    with one.probed(lambda schedule, *_: (schedule, {})):
        one.forget_programs(Y)
    assert one.executable(Y, {"N": 3}) is not other
