"""What compiling leaves behind: what a model at work needs, and nothing that waits to be collected.

Bytes are those of `benchmarks/worker.py memory`; here are the reasons for them, one by one.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.compiler.rewrite import rewrite
from graphdsl.compiler.rewrite.sharing import share
from graphdsl.compiler.schedule import Step
from graphdsl.compiler.schedule.stand_ins import StandIns
from graphdsl.driver import Compiled
from graphdsl.engines import bands, heap
from graphdsl.engines.numpy import emit
from graphdsl.graph.build import rebuild
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.kernel import ArrayType
from graphdsl.graph.types import DType

TEXT = """
dim N
input x: [N, 8]
param W: [8, 8] ~ normal()
o = x
repeat l in 1..5 {
  o = tanh(o @ W) * o + exp(-o^2)
}
loss J = mean(o)
train { optimizer = adam() }
"""


@contextmanager
def _garbage() -> Iterator[list[Any]]:
    """Filled at the end with what nothing refers to but itself."""
    found: list[Any] = []
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def _of_ours(objects: list[Any]) -> Counter[str]:
    return Counter(type(o).__name__ for o in objects if type(o).__module__.startswith("graphdsl."))


def _count(*types: type) -> int:
    """The objects of these types in this process."""
    gc.collect()
    return sum(type(o) in types for o in gc.get_objects())


def _step() -> Compiled:
    compilation = graphdsl.loads(TEXT).compilation
    return compilation.compiled(compilation.step_purpose())


def test_loading_leaves_nothing_for_the_collector() -> None:
    """Neither arguments of blocks and rules that stand by default, nor what faults would tell."""
    text = TEXT.replace("o = x", "o = Dense(x, 8) + Dense(x, 8, act = tanh)", 1)
    graphdsl.loads(text)  # the prelude is read once
    with _garbage() as left:
        compilation = graphdsl.loads(text).compilation
        compilation.compiled(compilation.step_purpose())
    assert not _of_ours(left)


def test_what_was_swept_is_let_go_while_it_is_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []

    def counted(graph: Graph) -> Graph:
        held.append(sys.getrefcount(graph))
        return rewrite(graph)

    monkeypatch.setattr("graphdsl.driver.rewrite", counted)
    _step()
    assert held[-1] == 2  # the argument here, and that of the call that counts


def test_what_a_pass_has_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    graph = _step().graph

    def counted(graph: Graph) -> Graph:
        held.append(sys.getrefcount(graph))
        return replace(graph)

    monkeypatch.setattr("graphdsl.compiler.rewrite.passes.PASSES", (counted, counted, counted))
    rewrite(graph)
    # the argument here, and that of the call that counts; the first graph is also this test's
    assert held == [3, 2, 2]


def test_passes_leave_no_graph_for_the_collector() -> None:
    compilation = graphdsl.loads(TEXT).compilation
    graph, _ = compilation.swept(compilation.step_purpose())
    with _garbage() as left:
        rewrite(graph)
    assert not _of_ours(left)


@pytest.mark.parametrize("block", [2**30, 64], ids=["whole", "in blocks"])
def test_planning_leaves_nothing_for_the_collector(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bands, "LARGE", block)
    monkeypatch.setattr(bands, "BLOCK", block)
    compiled = _step()
    with _garbage() as left:
        planned = compiled.plan_blocks({"N": 64}, 1)
    assert bool(planned.functions) == (block == 64)
    assert not _of_ours(left)


def test_a_program_at_work_keeps_no_statements() -> None:
    model = graphdsl.loads(TEXT, engine="numpy")
    trainer = model.trainer()
    before = _count(Step)
    trainer.step(x=np.ones((4, 8), np.float32))
    assert _count(Step) == before
    (program,) = model.session._programs[trainer.purpose].values()
    assert program.program.source == emit(_step().plan_blocks({"N": 4})).source


def test_nodes_that_a_pass_does_not_touch_are_shared() -> None:
    graph = _step().graph
    assert all(one is other for one, other in zip(graph.nodes, rebuild(graph).nodes, strict=True))
    assert all(one is other for one, other in zip(graph.nodes, share(graph).nodes, strict=True))
    assert all(one is other for one, other in zip(graph.params, rebuild(graph).params, strict=True))
    number = next(node.id for node in graph.nodes if node.op.name == "mul")

    def replaced(builder: Any, node: Node, operands: Any) -> Any:
        return operands[0] if node.id == number else None

    changed = rebuild(graph, replaced)
    assert changed.nodes[:number] == graph.nodes[:number]
    assert [node.id for node in changed.nodes] == list(range(len(graph.nodes) - 1))


def test_nodes_of_equal_types_share_them() -> None:
    nodes = _step().graph.nodes
    made, known = {id(node.type) for node in nodes}, {node.type for node in nodes}
    assert len(nodes) > 50
    assert len(made) < len(known) + 5  # a pass may make one that another has made


def test_notes_are_made_as_they_are_asked_for() -> None:
    notes = _step().plan({"N": 4}).notes
    assert list(notes.items()) == [(id, notes[id]) for id in range(len(notes))]
    assert notes[0].startswith("x: input f32[4, 8], ")
    assert -1 not in notes
    assert len(notes) not in notes


def test_stand_ins_are_in_one_memory() -> None:
    made = StandIns()
    large = made.make(ArrayType(DType.f32, (1000, 30)))
    others = [made.make(ArrayType(DType.f64, shape)) for shape in ((), (0, 4), (7, 9), (1875,))]
    assert [other.shape for other in others] == [(), (0, 4), (7, 9), (1875,)]
    assert all(other.flags.c_contiguous for other in others)
    assert all(np.may_share_memory(large, other) for other in others if other.size)


def test_free_pages_are_handed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def found() -> Callable[[int], int]:
        return lambda kept: calls.append(kept) or 1

    monkeypatch.setattr(heap, "_find_trim", found)
    model = graphdsl.loads(TEXT, engine="numpy")
    trainer, x = model.trainer(), np.ones((4, 8), np.float32)
    for _ in range(3):
        trainer.step(x=x)
    assert calls == [0]  # once a program, not once a step
    trainer.step(x=x[:2])
    assert calls == [0, 0]


@pytest.mark.parametrize("library", [object(), OSError("none")])
def test_other_c_libraries_keep_their_pages(
    library: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: None) -> object:
        if isinstance(library, OSError):
            raise library
        return library

    monkeypatch.setattr(heap.ctypes, "CDLL", load)
    monkeypatch.setattr(heap, "_find_trim", heap._find_trim.__wrapped__)
    heap.hand_back()


def test_compiled_kernels_keep_no_text_of_the_compiler() -> None:
    pytest.importorskip("numba")
    from graphdsl.engines.numba import library

    kernel = library.load_file("runner.py").run
    assert kernel.address
    assert kernel._code._shared_module is None


def test_compiled_programs_keep_no_plan() -> None:
    pytest.importorskip("numba")
    from graphdsl.engines.numba.calls import Call
    from graphdsl.engines.numba.program import Plan

    before = _count(Plan, Call, Step)
    model = graphdsl.loads(TEXT, engine="numba")
    trainer = model.trainer()
    losses = [trainer.step(x=np.ones((n, 8), np.float32)) for n in (4, 400, 4)]  # the arena moves
    assert _count(Plan, Call, Step) == before
    plain = graphdsl.loads(TEXT, engine="numpy").trainer()
    wanted = [plain.step(x=np.ones((n, 8), np.float32)) for n in (4, 400, 4)]
    assert losses == pytest.approx(wanted, rel=1e-5)


def test_steps_are_let_go_while_they_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    from graphdsl.engines.numba import program

    held: list[int] = []

    def counted(*given: Any) -> Any:
        held.append(_count(Step))
        return place_buffers(*given)

    place_buffers = program.place_buffers
    monkeypatch.setattr(program, "place_buffers", counted)
    trainer = graphdsl.loads(TEXT, engine="numba").trainer()
    before = _count(Step)
    trainer.step(x=np.ones((4, 8), np.float32))
    assert len(_step().plan({"N": 4}).steps) > 30
    # the call of what is compiled, what stays NumPy, and the last one
    assert held[0] - before < 5
