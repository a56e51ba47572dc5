"""The planner: one walk over the nodes gives names and statements, then buffers get places.

Each array has a name (`b7` for node 7's buffer); a kernel that writes over an operand keeps the
operand's name. Nodes run in the order they were made, or where that pays in another one: what the
first walk has found out about their memory is then used to choose it, and a second walk is made;
so it is where the first has met copies of what might have been viewed, which end lives sooner.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from graphdsl.compiler.schedule.buffers import Buffers
from graphdsl.compiler.schedule.commons import Commons
from graphdsl.compiler.schedule.constants import compute_fixed, is_fixed
from graphdsl.compiler.schedule.names import Fed, Names
from graphdsl.compiler.schedule.order import Needs, choose_order
from graphdsl.compiler.schedule.scalars import Scalars
from graphdsl.compiler.schedule.storage import Storage, is_stored
from graphdsl.compiler.schedule.values import Region, Schedule, Step
from graphdsl.compiler.schedule.wording import Notes, where
from graphdsl.graph.flat_arrays import flat_array
from graphdsl.graph.graph import Graph, Node, tell_trail
from graphdsl.graph.kernel import ArrayType, KernelCall, bound
from graphdsl.graph.layout import Layout
from graphdsl.graph.op import OPS, Fault
from graphdsl.graph.sizes import Poly, evaluate, told
from graphdsl.graph.types import DType
from graphdsl.language.diagnostics import DataError, Diagnostic, Label

WORTH = 256
"""Bytes a node of the arena from which an order is looked for: programs whose many arrays are
small gain nothing that a cache would notice."""


def plan(
    graph: Graph, sizes: Mapping[str, int], layout: Layout, worth: int | None = WORTH
) -> Schedule:
    """The schedule of a graph with its symbolic sizes bound to numbers; nodes keep their order
    where the arena takes fewer than `worth` bytes a node, or `worth` is None.

    Raises `DataError` where an op refuses these sizes.
    """
    nodes = graph.nodes
    planner = _Planner(graph, sizes, layout, range(len(nodes)))
    made, types = planner.plan(), planner.types
    if worth is not None and made.arena_bytes >= worth * len(nodes):
        needs, least = planner.needs(), made.arena_bytes
        copies = planner.copies(needs)
        del planner  # one at a time: each takes as much memory as its plan
        order = choose_order(graph, needs)
        moved = order != range(len(nodes))
        if moved or copies:
            del made
            made = _Planner(graph, sizes, layout, order, copies).plan()
            if moved and made.arena_bytes >= least:  # which is rare
                made = _Planner(graph, sizes, layout, range(len(nodes)), copies).plan()
    return replace(made, notes=Notes(nodes, types))


def find_needs(
    graph: Graph, sizes: Mapping[str, int], layout: Layout
) -> tuple[Needs, Sequence[ArrayType]]:
    """What the nodes need of the arena in the order they were made, and their types."""
    planner = _Planner(graph, sizes, layout, range(len(graph.nodes)))
    planner.plan()
    return planner.needs(), planner.types


class _Planner:
    def __init__(
        self,
        graph: Graph,
        sizes: Mapping[str, int],
        layout: Layout,
        order: Sequence[int],
        copies: Collection[int] = (),
    ) -> None:
        self.graph = graph
        self.sizes = sizes
        self.order = order
        types = {type: bound(type, sizes) for type in {node.type for node in graph.nodes}}
        self.types = [types[node.type] for node in graph.nodes]
        self.storage = Storage(graph, self.types, layout, order, copies)
        self.scalars = Scalars(sizes)
        self.names = Names()
        self.buffers = Buffers(self.storage, self.names)
        self.commons = Commons(self.buffers)
        self.variables: dict[int, str] = {}
        self.inputs: list[tuple[str, ArrayType, str]] = []
        self.steps: list[Step] = []
        self.kernel_bytes = 0

    def plan(self) -> Schedule:
        """Visit every node in order, then place what was asked for."""
        for id in self.order:
            self._visit(self.graph.nodes[id])
        self._write_back()
        results = tuple(
            (r.name, self.variables[r.node], self.types[r.node]) for r in self.graph.results
        )
        slots, total = self.buffers.slots(self.steps)
        return Schedule(
            inputs=tuple(self.inputs),
            regions=self.buffers.regions,
            slots=slots,
            constants=self.names.constants,
            views=tuple(self.names.made_once),
            scalars=self._scalar_lines(),
            cells=self.names.cells,
            streams=self.names.streams,
            steps=tuple(self.steps),
            results=results,
            arena_bytes=total,
            naive_bytes=self.buffers.naive_bytes,
            variables=self.variables,
            own_kernel_bytes=self.kernel_bytes,
        )

    def needs(self) -> Needs:
        """What the nodes need of the arena, as the walk has found out."""
        nodes, run = self.graph.nodes, self.buffers.scratch_bytes
        base = list(range(len(nodes)))
        for node in nodes:
            if node.id in self.variables and node.id not in run and node.operands:
                base[node.id] = base[node.operands[0]]  # a view
        elsewhere, end = {*self.storage.pinned, *self.buffers.lending.nodes}, len(nodes)
        own = [id in run and id not in elsewhere for id in base]
        return Needs(
            nbytes=[self.types[id].nbytes if own[id] else 0 for id in range(end)],
            scratch=[run.get(id, 0) for id in range(end)],
            base=base,
            kept={base[id] for id in range(end) if self.storage.last_read[id] == end},
        )

    def copies(self, needs: Needs) -> set[int]:
        """The nodes that might have been views of the arena but are computed, as the walk has
        found out."""
        computed = self.buffers.scratch_bytes
        return {
            node.id
            for node in self.graph.nodes
            if node.op.view and node.id in computed and needs.nbytes[needs.base[node.operands[0]]]
        }

    # --- nodes -----------------------------------------------------------------------------------

    def _visit(self, node: Node) -> None:
        type = self.types[node.id]
        if node.type.weak:
            self.scalars.enter(node)
        elif node.op is OPS["input"]:
            self._enter(node, f"x{node.id}")
            self.inputs.append((node.name or "", type, f"x{node.id}"))
        elif node.op is OPS["constant"]:
            array = np.array(node.attributes()["value"], type.dtype.numpy).reshape(type.shape)
            self._enter(node, self.names.constant(array))
        elif is_stored(node):
            self._enter_region(node, self.storage.leaves[node.id])
        elif node.op is OPS["pack"]:
            start = node.attributes()["start"]
            self._enter_region(node, Region(flat_array("grad", type.dtype), start, type))
        elif is_fixed(node) and node.id not in self.storage.pinned:
            self._fix(node)
        else:
            self._compute(node)

    def _enter(self, node: Node, name: str) -> None:
        self.variables[node.id] = name
        self.names.types[name] = self.types[node.id]

    def _enter_region(self, node: Node, region: Region) -> None:
        name = f"p{node.id}"
        self._enter(node, name)
        self.buffers.enter_region(name, region)

    def _fix(self, node: Node) -> None:
        call = self._call(node, [])
        try:
            array = compute_fixed(node.op, call)
        except Fault as fault:
            raise self._refused(node, fault) from None
        self._enter(node, self.names.constant(array))

    def _compute(self, node: Node) -> None:
        fed: Fed = []
        call = self.names.call = self._call(node, fed)
        try:
            if node.op.view is not None and (suffix := node.op.view(call)) is not None:
                assert node.id not in self.storage.copies, "what it views may be gone"
                self._enter(node, self.names.view(call.args[0], suffix, fed))
                self.steps.append(Step(node.id, (), tuple(fed), node.sweep))
                return
            call.out = self.buffers.output(node, call)
            self._enter(node, call.out)
            node.op.emit(call)
        except Fault as fault:
            raise self._refused(node, fault) from None
        finally:
            self.names.call = None  # each refers to the other
        self.names.types.update(call.scratches)
        if node.op.allocates is not None:
            allocated = node.op.allocates(call.out_type, *call.types, **call.attrs)
            self.kernel_bytes = max(self.kernel_bytes, allocated)
        self.buffers.add_scratch(node, call)
        self.commons.add(node, call)
        lines = tuple(call.lines)
        done = (call.out, call.args, call.prefix)
        self.steps.append(Step(node.id, lines, tuple(fed), node.sweep, *done))

    def _call(self, node: Node, fed: Fed) -> KernelCall:
        meeting, names = self._meeting_dtype(node), self.names
        args = tuple(self._argument(i, meeting) for i in node.operands)
        return KernelCall(
            out=f"b{node.id}",
            out_type=self.types[node.id],
            args=args,
            types=tuple(self.types[i] for i in node.operands),
            contiguous=tuple(map(names.is_contiguous, args)),
            attrs={key: self._numbers(value) for key, value in node.attrs},
            where=where(node) if node.op.refuses else "",
            prefix=f"b{node.id}",
            bind_constant=names.constant,
            bind_stream=names.stream,
            bind_view=lambda name, suffix: names.view(name, suffix, fed),
            find_common=lambda position, what: self.commons.find(node, position, what),
        )

    def _numbers(self, value: Any) -> Any:
        """An attribute with every size in it a number."""
        if isinstance(value, tuple):
            return tuple(map(self._numbers, value))
        return evaluate(value, self.sizes) if isinstance(value, Poly) else value

    def _meeting_dtype(self, node: Node) -> DType:
        """The element type that the untyped operands of a node take."""
        first = 1 if node.op.promotion == "condition" else 0
        strong = (self.types[i] for i in node.operands[first:] if not self.types[i].weak)
        return next(strong, self.types[node.id]).dtype

    def _argument(self, id: int, meeting: DType) -> str:
        """A node as an operand: its variable; an untyped one in an array of the meeting type."""
        if not self.types[id].weak:
            return self.variables[id]
        value = self.scalars.value(id)
        if isinstance(value, str):
            return self.names.cell(value, meeting)
        return self.names.constant(np.array(value, meeting.numpy))

    def _refused(self, node: Node, fault: Fault) -> DataError:
        """A fault that only these sizes have, where the node stands."""
        origin = node.origin
        labels = (Label(origin.span, f"with {told(self.sizes)}"),) if origin else ()
        trail = tell_trail(origin.trail) if origin else ()
        help = (fault.help,) if fault.help else ()
        return DataError(Diagnostic(fault.code, fault.message, labels, help, trail))

    def _write_back(self) -> None:
        """At the end, the written values that could not be computed in place."""
        lines = [
            f"copyto({self.variables[target]}, {self.variables[value]})"
            for target, value in self.storage.unwritten()
        ]
        if lines:
            self.steps.append(Step(len(self.graph.nodes), tuple(lines), sweep="update"))

    def _scalar_lines(self) -> tuple[tuple[str, str], ...]:
        """What is computed from the step, and then the cells it is handed to kernels in."""
        cells = [
            (f"{name}[()]", name.removeprefix("k_").rpartition("_")[0]) for name in self.names.cells
        ]
        return (*self.scalars.lines(), *cells)
