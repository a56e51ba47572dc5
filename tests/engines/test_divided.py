"""Steps shared among workers: the same numbers but for the order of sums, for any split."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.models import programs
from compiler.reference import states_of
from compiler.test_schedule_verified import CLOCK, MODELS, feeds_of, purposes, ready, sizes_of
from graphdsl.compiler.schedule import Schedule
from graphdsl.driver import Compiled, compile_source
from graphdsl.engines import divided
from graphdsl.engines.divided import in_parts
from graphdsl.engines.numpy import Executable, emit
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType
from graphdsl.language.source import Source, read_source
from graphdsl.session import Session

HEAD = """\
dim N
input x: [N, 4]
input k: i64[N]
param w: [4, 5] ~ normal(0, 0.5)
param u: [3, 5] ~ normal(0, 0.5)
h = tanh(x @ w)
"""
TRAIN = "\ntrain { optimizer = adam(lr = 0.01) }\n"


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divided, "_count_workers", lambda graph, sizes, cores: cores)


def load(text: str) -> tuple[Session, Compiled]:
    session = Session(compile_source(Source(text, "<text>"), float=DType.f64))
    return session, ready(session, session.compilation.step_purpose())


def step(session: Session, schedule: Schedule, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Results and stored arrays after two steps from where the memory is, which stays as it is."""
    memory = session.memory
    before = {name: array.copy() for name, array in memory.arrays.items()}
    run = Executable(emit(schedule), memory).bound()
    memory.arena.fill(0xFF)
    fed = [feeds[name] for name, _, _ in schedule.inputs]
    with np.errstate(all="ignore"):
        run(*fed, *CLOCK)
        values = run(*fed, *CLOCK)
    found = dict(zip((name for name, _, _ in schedule.results), map(np.array, values), strict=True))
    found |= {n: a.copy() for n, a in memory.arrays.items() if not n.startswith("grad_")}
    found |= states_of(memory)
    for name, array in before.items():
        memory.arrays[name][...] = array
    return found


def verify(session: Session, compiled: Compiled, n: int, tolerance: float = 1e-11) -> int:
    """How many workers shared a step, at most; it computes what one thread does."""
    sizes, most = sizes_of(compiled.graph, n), 0
    feeds = feeds_of(compiled.inputs, n)
    wanted = step(session, compiled.plan(sizes), feeds)
    for workers in (2, 3):
        made = in_parts(compiled.graph, sizes, compiled.layout, workers)
        if made is None:
            continue
        most = len(made.workers)
        for name, value in step(session, made, feeds).items():
            scale = max(1, np.abs(wanted[name]).max(initial=0))
            np.testing.assert_allclose(
                value, wanted[name], rtol=0, atol=tolerance * scale, err_msg=name
            )
    return most


SHARED = {
    "elementwise": "J = mean(square(h) * x[:, :1])",
    "a mean of squares": "J = mean(mse(h, x @ w))",
    "decay": "J = mean(square(h)) + 0.1 * sum(w^2)",
    "gather": "J = mean(square(u[k] * h))",
    "cross entropy": "J = mean(cross_entropy(h, k))",
    "softmax": "J = mean(softmax(h) * h)",
    "largest": "J = mean(max(h, axis = 1) * argmax(h))",
    "reshape": "J = mean(square(reshape(h, [N * 5]) - 1))",
    "reshape and back": "J = mean(reshape(exp(reshape(h, [5 * N, 1])), [N, 5]) * x[:, 1:2])",
    "transpose": "J = sum(w @ h.T @ h)",
    "products of rows": "J = mean(square(reshape(h, [N, 5, 1]) @ reshape(h, [N, 1, 5])))",
    "rows in the last axis": "J = mean(square(u @ h.T) @ ones([N]))",
    "slices": "J = mean(square(h[:, 1:3] + h[:, -2:]))",
    "concat": "J = mean(square(concat(h, x, axis = 1)))",
    "stack": "J = mean(square(stack(h, h * 2, axis = 1)))",
    "broadcast": "J = mean(square(broadcast_to(h[:, :1], [N, 5]) - h))",
    "one hot": "J = mean(one_hot(k, 3) @ u * h)",
    "tied": "J = mean(square(tanh(h @ w.T) @ w) + h)",
    "layer norm": "J = mean(square(layer_norm(h, u[0], u[1])))",
    "a state": "state m: [5] = 0\nupdate m = 0.9 * m + mean(h, axis = 0)\nJ = mean(square(h))",
    "convolution": "J = mean(square(conv1d(reshape(x, [N, 1, 4]), reshape(u, [5, 1, 3]))))",
    "pooling": "J = mean(square(max_pool1d(reshape(x @ w, [N, 5, 1]), size = 1)))",
}


@pytest.mark.parametrize("text", [pytest.param(v, id=k) for k, v in SHARED.items()])
@pytest.mark.parametrize("n", [3, 8, 13])
def test_rows_are_shared(text: str, n: int) -> None:
    *before, loss = text.split("\n")
    session, compiled = load(HEAD + "\n".join([*before, f"loss {loss}"]) + TRAIN)
    assert verify(session, compiled, n) == 3


PUT_FROM_COUNT = "J = mean(h @ ones([5, 20]) * put_slice(x, [N, 20], start = [0, size(x, 0)]))"
ALONE = {
    "sums along the rows": "J = mean(cumsum(h, axis = 0))",
    "all rows with all": "J = mean(h @ h.T)",
    "backwards": "J = mean(h[::-1] * h)",
    "all but the first": "J = mean(h[1:] * h[1:])",
    "sorted": "J = mean(sort(h, axis = 0) * h)",
    "the largest row": "J = mean(max(h, axis = 0))",
    "a mean that rows read": "J = mean(square(h - mean(h, axis = 0)))",
    "numbered rows": "J = mean(h[:, 0] * cast(arange(N), float))",
    "drawn rows": "J = mean(h * normal([N, 5]))",
    "other rows beside": "J = mean(reshape(h, [N * 5]) * reshape(h.T, [N * 5]))",
    "a product over rows": "J = prod(1 + 0.01 * mean(h, axis = 1))",
    "a weight that their number picks": "J = mean(h) * sum(w[size(x, 0) - 6])",
    "a column that their number picks": "J = mean(h * x[:, size(x, 0) - 6:size(x, 0) - 5])",
    "a place that their number says": PUT_FROM_COUNT,
}


@pytest.mark.parametrize("text", [pytest.param(v, id=k) for k, v in ALONE.items()])
def test_rows_that_need_one_another_are_not_shared(text: str) -> None:
    _, compiled = load(f"{HEAD}loss {text}{TRAIN}")
    assert in_parts(compiled.graph, sizes_of(compiled.graph, 8), compiled.layout, 2) is None


def test_sums_may_have_another_symbol_s_size() -> None:
    more = "dim M\ninput z: [M, 4]\na = softmax(h @ (z @ w).T)\n"
    session, compiled = load(HEAD + more + "loss J = mean(square(a @ (z @ w)))" + TRAIN)
    assert verify(session, compiled, 8) == 3


def test_gradients_are_added_up_over_those_of_the_first_worker() -> None:
    _, compiled = load(HEAD + "loss J = mean(square(h * u[k]))" + TRAIN)
    sizes = sizes_of(compiled.graph, 8)
    schedule = in_parts(compiled.graph, sizes, compiled.layout, 3)
    assert schedule is not None
    assert not any("copyto" in line for step in schedule.steps for line in step.lines)
    first = [name for name, region in schedule.regions.items() if region.array == "part0_f64"]
    outs = [step.out for step in schedule.steps if step.lines and step.out in first]
    assert len(outs) == 1  # those of both parameters at once; the loss has no axes
    assert schedule.regions[outs[0]].type.size >= 4 * 5 + 3 * 5


def test_gradients_that_are_read_apart_too_are_not_overwritten_before() -> None:
    more = "loss J = mean(square(h * u[k]))\nstate s: [4, 5] = 0\n"
    for update in ("0.9 * s + grad(J, w)", "0.9 * s + grad(J, w) * sum(square(u))"):
        session, compiled = load(f"{HEAD}{more}update s = {update}{TRAIN}")
        assert verify(session, compiled, 8) == 3


@pytest.mark.parametrize("path", MODELS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_model_computes_the_same(path: Path) -> None:
    session = Session(compile_source(read_source(path)))
    for purpose in purposes(session.compilation):
        # Adam divides by the size of gradients that may be nearly zero
        verify(session, ready(session, purpose), 7, 1e-3)


@given(programs(), st.integers(2, 9))
@settings(max_examples=25, deadline=None)
def test_random_programs_compute_the_same(text: str, n: int) -> None:
    session = Session(compile_source(Source(text, "<text>")), seed=1)
    for purpose in purposes(session.compilation):
        verify(session, ready(session, purpose), n, 1e-3)
