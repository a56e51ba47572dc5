"""A naive interpreter of graphs: every node in an array of its own, no plan, no rewriting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphdsl.driver import Compilation, Purpose
from graphdsl.engines.memory import Memory
from graphdsl.graph.build import resume
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.kernel import Array, KernelCall
from graphdsl.graph.layout import Layout
from graphdsl.graph.op import Op
from graphdsl.graph.sizes import evaluate
from graphdsl.ops import runtime
from ops.harness import Interpreter, Names

_NAMESPACE = {**vars(np), **vars(runtime)}
Clock = tuple[float, float, float]


class _Quick(Interpreter):
    """The same without the check of allocations, and with random streams."""

    seed = 0
    step: float = 1

    def _execute(self, op: Op, call: KernelCall, names: Names) -> None:
        call.bind_stream = lambda name: names.add(runtime.Stream(self.seed, name))
        names["t"] = self.step
        op.emit(call)
        for name, type in call.scratches:
            names[name] = np.empty(type.shape, type.dtype.numpy)
        names.bind_views()
        for line in call.lines:
            exec(line, _NAMESPACE, names)


def states_of(memory: Memory) -> dict[str, Array]:
    """The flat arrays of the optimizer by name, as the rule's states: in no unit."""
    found = {}
    for name, flat in memory.slots():
        found[f"slot_{name}"] = state = flat.copy()
        for start, stop, unit in memory.units[name]:
            state[start:stop] *= unit
    return found


def interpret(
    graph: Graph,
    layout: Layout,
    sizes: Mapping[str, int],
    feeds: Mapping[str, Array],
    stored: Mapping[str, Array],
    clock: Clock = (1, 0, np.inf),
    seed: int = 0,
) -> dict[int, Any]:
    """The value of every node. `stored` holds parameters and states by name and the optimizer's
    flat arrays as `slot_…` and `param_…`."""
    builder = resume(graph, "forward")
    run = _Quick(builder, {}, sizes=sizes)
    run.seed, run.step = seed, clock[0]
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            given = _leaf(node, layout, sizes, feeds, stored, clock, run.values)
            if given is not None:
                run.values[node.id] = given
            else:
                run.values[node.id] = run._compute(node)
    return run.values


def _leaf(
    node: Node,
    layout: Layout,
    sizes: Mapping[str, int],
    feeds: Mapping[str, Array],
    stored: Mapping[str, Array],
    clock: Clock,
    values: Mapping[int, Any],
) -> Any:
    attrs = node.attributes()
    match node.op.name:
        case "input":
            return np.asarray(feeds[node.name or ""], node.type.dtype.numpy)
        case "param" | "state":
            return np.array(stored[node.name or ""], node.type.dtype.numpy)
        case "slot":
            shape = [evaluate(size, sizes) for size in node.type.shape]
            stop = attrs["start"] + int(np.prod(shape))
            # a state that nothing needs has no storage
            flat = stored.get(f"slot_{attrs['name']}", np.zeros(stop))
            return flat[attrs["start"] : stop].reshape(shape).copy()
        case "group":
            flat = stored[f"param_{attrs['dtype']}"]
            return flat[attrs["start"] : attrs["start"] + attrs["size"]].copy()
        case "pack":
            flat = np.zeros(attrs["size"], attrs["dtype"].numpy)
            (group,) = (
                g for g in layout.groups if g.dtype is attrs["dtype"] and g.start == attrs["start"]
            )
            for name, operand in zip(group.members, node.operands, strict=True):
                place = layout.params[name]
                start = place.offset - attrs["start"]
                flat[start : start + place.size] = values[operand].reshape(-1)
            return flat
        case "clock":
            return dict(zip(("t", "epoch", "total_steps"), clock, strict=True))[attrs["which"]]
    return None


def swept_values(
    compilation: Compilation,
    purpose: Purpose,
    sizes: Mapping[str, int],
    feeds: Mapping[str, Array],
    stored: Mapping[str, Array],
    clock: Clock = (1, 0, np.inf),
    seed: int = 0,
) -> tuple[Graph, dict[int, Any]]:
    """The graph of a purpose before it is rewritten, and the value of its every node."""
    graph, _ = compilation.swept(purpose)
    return graph, interpret(graph, compilation.layout, sizes, feeds, stored, clock, seed)
