"""Steps of optimizers, each without units of its states and with them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from compiler.reference import interpret
from graphdsl.compiler.rewrite.passes import PASSES, settle
from graphdsl.compiler.rewrite.units import choose_units
from graphdsl.driver import Compilation, compile_source
from graphdsl.graph.dump import dump
from graphdsl.graph.graph import Graph
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType
from graphdsl.graph.verify import verify_graph
from graphdsl.language.source import Source

PARAMS = """
param A: [2, 3] ~ normal(0, 1)
param b: [3] = 0.5
loss J = sum(sin(A) * b) + sum(b^2)
"""
BEFORE = PASSES[: PASSES.index(choose_units)]


def stepped(
    optimizer: str, rule: str = "", settings: str = "", params: str = PARAMS
) -> Compilation:
    text = f"{params}{rule}\ntrain {{\n  optimizer = {optimizer}\n  {settings}\n}}\n"
    return compile_source(Source(text), float=DType.f64)


def own(*lines: str) -> Compilation:
    """A step of a rule with these lines, over states `m` and `v` that begin at 0."""
    states = [
        f"state {name} = 0" for name in ("m", "v") if any(f"update {name}" in x for x in lines)
    ]
    body = "\n  ".join([*states, *lines])
    return stepped("mine()", f"optimizer mine(lr = 0.1) {{\n  {body}\n}}\n")


def both(compilation: Compilation) -> tuple[Graph, Graph]:
    """The graph of a step without the pass and with it."""
    graph, _ = compilation.swept(compilation.step_purpose())
    for step in BEFORE:
        graph = step(graph)
    return graph, choose_units(graph)


def units(graph: Graph) -> dict[str, set[float]]:
    """The units other than 1, by the name of the state."""
    found: dict[str, set[float]] = {}
    for node in graph.nodes:
        if node.op.name == "slot" and node.attributes()["unit"] not in (None, 1):
            name = node.attributes()["name"].partition(".")[0]
            found.setdefault(name, set()).add(round(node.attributes()["unit"], 6))
    return found


def kernels(graph: Graph) -> int:
    return sum(
        node.sweep == "update" and not (node.type.weak or node.op.leaf or node.op.name == "pack")
        for node in settle(graph).nodes
    )


def parameters(compilation: Compilation, graph: Graph, steps: int = 4) -> Iterator[Array]:
    """The parameters after each step of a graph, by the naive interpreter."""
    layout, random = compilation.layout, np.random.default_rng(0)
    (size,) = layout.param_sizes.values()
    flat = random.normal(size=size)
    _, slots = compilation.swept(compilation.step_purpose())
    stored = {f"slot_{s.name}": np.full(s.size, s.value, s.dtype.numpy) for s in slots}
    stored["param_f64"] = flat
    for name, place in layout.params.items():
        stored[name] = flat[place.offset : place.offset + place.size].reshape(place.shape)
    for t in range(1, steps + 1):
        values = interpret(graph, layout, {}, {}, stored, (t, 0, 20))
        for write in graph.writes:
            target = graph.nodes[write.target]
            attrs, value = target.attributes(), np.asarray(values[write.value])
            if target.op.name == "param":
                stored[target.name or ""][...] = value
                continue
            kind = f"slot_{attrs['name']}" if target.op.name == "slot" else "param_f64"
            place = stored[kind]
            place[attrs["start"] : attrs["start"] + value.size] = value.reshape(-1)
        yield flat.copy()


def check(compilation: Compilation, tolerance: float = 1e-9) -> tuple[Graph, Graph]:
    """Both graphs, which give the same parameters, the second of no more kernels."""
    before, after = both(compilation)
    verify_graph(after)
    assert dump(choose_units(after)) == dump(after)
    assert dump(choose_units(settle(after))) == dump(settle(after))
    assert kernels(after) < kernels(before) or after is before
    pairs = zip(parameters(compilation, before), parameters(compilation, after), strict=True)
    for wanted, found in pairs:
        np.testing.assert_allclose(found, wanted, tolerance, tolerance)
    return before, after
