"""Cotangents that are computed transposed for products that are quicker so, and others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compiler.test_schedule import session_of
from graphdsl.compiler.rewrite.turning import turn
from graphdsl.driver import Compiled
from graphdsl.engines import small_products
from graphdsl.engines.numpy import Executable, emit
from graphdsl.graph.graph import Graph
from graphdsl.graph.op import OPS
from graphdsl.session import Session

RESIDUAL = """\
dim N
input x: [N, 64]
o = x
repeat l in 1..4 {
  param W: [64, 64] ~ normal(0, 0.1)
  param c: [64] ~ normal(0, 0.1)
  param V: [64, 64] ~ normal(0, 0.1)
  o = o + sigmoid(o @ W + c) @ V
}
loss J = mean(square(o))
train {
  optimizer = sgd(lr = 0.1)
}
"""
FROM_A_PARAMETER = RESIDUAL.replace("1..4", "1..8").replace(
    "o = x\n",
    "param e: [64, 64] ~ normal()\nparam U: [64, 64] ~ normal(0, 0.1)\no = tanh(e @ U) + mean(x)\n",
)
"""Its gradient of e is a slow product too, and has to lie as e does."""
CLOCK = (1, 0, 10)


def compiled_of(text: str) -> tuple[Session, Compiled]:
    session = session_of(text)
    return session, session.compilation.compiled(session.compilation.step_purpose())


def count_slow(graph: Graph) -> int:
    """The products whose operands both have the axis last that is summed over."""
    nodes = graph.nodes

    def lies_transposed(id: int) -> bool:
        return nodes[id].op is OPS["swap"]

    products = [node.operands for node in nodes if node.op is OPS["matmul"]]
    return sum(not lies_transposed(a) and lies_transposed(b) for a, b in products)


def step_of(session: Session, compiled: Compiled, n: int) -> list[np.ndarray]:
    """The loss of a step and the parameters after it."""
    memory = session.memory
    session.initialise(0)
    run = Executable(emit(compiled.plan({"N": n})), memory).bound()
    x = np.random.default_rng(0).normal(size=(n, 64))
    memory.array("grad_f64").fill(np.nan)  # every step computes them anew
    (loss,) = run(x, *CLOCK)
    return [np.copy(loss), *(np.copy(value) for value in memory.params.values())]


def test_one_slow_product_is_left_of_a_chain() -> None:
    _, compiled = compiled_of(RESIDUAL)
    assert count_slow(compiled.graph) == 7  # nobody asks for the cotangent of x
    found = turn(compiled.graph, {"N": 64})
    assert count_slow(found) == 1  # of the loss's cotangent, which is computed as it was


@pytest.mark.parametrize(
    ("text", "n"),
    [(RESIDUAL, 40), (RESIDUAL, 64), (RESIDUAL, 100), (FROM_A_PARAMETER, 5)],
    ids=["40", "64", "100", "a parameter"],
)
def test_a_turned_step_computes_the_same(text: str, n: int) -> None:
    session, compiled = compiled_of(text)
    graph = turn(compiled.graph, {"N": n})
    assert graph is not compiled.graph
    wanted = step_of(session, compiled, n)
    for found, value in zip(
        step_of(session, replace(compiled, graph=graph), n), wanted, strict=True
    ):
        np.testing.assert_allclose(found, value, 1e-10, 1e-12)


@pytest.mark.parametrize(
    ("text", "n"),
    [
        (RESIDUAL, 300),  # products of 300 rows have no such kernels
        (RESIDUAL.replace("64", "16"), 16),  # to read across costs more
        (RESIDUAL.replace("o + sigmoid(o @ W + c) @ V", "tanh(o @ W + c) + 0 * sum(V)"), 64),
        (RESIDUAL.replace(" + c)", " + c) * cumsum(o, axis = 0)"), 64),
    ],
    ids=["large", "small", "as many read across", "no chain"],
)
def test_a_graph_that_gains_nothing_stays_itself(text: str, n: int) -> None:
    _, compiled = compiled_of(text)
    assert turn(compiled.graph, {"N": n}) is compiled.graph


def test_a_second_time_changes_nothing() -> None:
    _, compiled = compiled_of(RESIDUAL)
    graph = turn(compiled.graph, {"N": 64})
    assert turn(graph, {"N": 64}) is graph


@pytest.mark.parametrize("kernels", [True, False])
def test_it_is_for_processors_with_such_kernels(
    monkeypatch: pytest.MonkeyPatch, kernels: bool
) -> None:
    monkeypatch.setattr(small_products, "has_small_kernels", lambda: kernels)
    session = session_of(RESIDUAL)
    with session.lock:
        program = session.executable(session.compilation.step_purpose(), {"N": 64})
        source = program.program.source
    _, compiled = compiled_of(RESIDUAL)
    assert source == emit(compiled.plan_blocks({"N": 64}, session.workers)).source
    monkeypatch.setattr(small_products, "has_small_kernels", lambda: False)
    plain = emit(compiled.plan_blocks({"N": 64}, session.workers)).source
    assert (source != plain) is kernels
