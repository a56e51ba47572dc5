"""The plan of one program: order, names, lifetimes and places, for one binding of the sizes.

In comes a rewritten graph and numbers for its symbols; out goes a `Schedule`, which an engine
turns into a program. Nodes run in the order they were made, which keeps few of them alive. Each
array has a name (`b7` for node 7's buffer); several names may share one place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
import numpy as np

from graphdsl.compiler.arena import Span, place
from graphdsl.compiler.scalarize import Scalars
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.kernel import Array, ArrayType, KernelCall
from graphdsl.graph.layout import Layout
from graphdsl.graph.op import OPS, Fault
from graphdsl.graph.sizes import Poly, evaluate
from graphdsl.graph.types import DType, TensorType
from graphdsl.language.diagnostics import DataError, Diagnostic, InternalError, Label


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of a stored flat array; offsets count elements."""

    array: str
    offset: int
    type: ArrayType


@dataclass(frozen=True, slots=True)
class Slot:
    """A buffer's place in the arena; offsets count bytes."""

    offset: int
    type: ArrayType


@dataclass(frozen=True, slots=True)
class Step:
    """One node's statements; `views` are made anew at each call because their base is fed."""

    node: int
    lines: tuple[str, ...]
    views: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """A program, planned: what is bound before it runs, and what runs."""

    inputs: tuple[tuple[str, ArrayType, str], ...]
    """(the input's name, its type, its variable)"""
    regions: Mapping[str, Region]
    slots: Mapping[str, Slot]
    constants: Mapping[str, Array]
    views: tuple[tuple[str, str], ...]
    scalars: tuple[tuple[str, str], ...]
    cells: Mapping[str, DType]
    """Arrays without axes that untyped scalars are handed to kernels in."""
    steps: tuple[Step, ...]
    results: tuple[tuple[str, str, ArrayType], ...]
    """(the result's name, its variable or number, its type)"""
    arena_bytes: int
    naive_bytes: int
    notes: Mapping[int, str] = field(default_factory=dict)
    """What each node is, for a reader of the program."""


def plan(graph: Graph, sizes: Mapping[str, int], layout: Layout) -> Schedule:
    """The schedule of a graph with its symbolic sizes bound to numbers."""
    return _Planner(graph, sizes, layout).plan()


@dataclass(slots=True)
class _Buffer:
    """A stretch of the arena while it is planned; it may serve several names in turn."""

    start: int
    end: int
    nbytes: int


class _Planner:
    def __init__(self, graph: Graph, sizes: Mapping[str, int], layout: Layout) -> None:
        self.graph = graph
        self.layout = layout
        self.sizes = sizes
        self.scalars = Scalars(sizes)
        self.types: list[ArrayType] = [self._bound(node.type) for node in graph.nodes]
        self.variables: dict[int, str] = {}
        self.roots: dict[str, str] = {}
        self.strided: dict[str, Array] = {}
        """Stand-ins for views, from which strides are read; their elements never are."""
        self.regions: dict[str, Region] = {}
        self.stored_names: dict[Region, str] = {}
        self.buffers: dict[str, _Buffer] = {}
        self.types_of: dict[str, ArrayType] = {}
        self.inputs: list[tuple[str, ArrayType, str]] = []
        self.constants: dict[str, Array] = {}
        self.cells: dict[str, DType] = {}
        self.constant_names: dict[object, str] = {}
        self.views: dict[tuple[str, str], str] = {}
        self.static_views: list[tuple[str, str]] = []
        self.fed_views: dict[str, tuple[str, str]] = {}
        self.steps: list[Step] = []
        self.naive_bytes = 0
        self.current: KernelCall | None = None
        self.stored = [(n, self._leaf_region(n)) for n in graph.nodes if self._is_stored(n)]
        self.last_read = self._last_reads()
        self.pinned = self._pins()
        self.tail: list[tuple[str, str]] = []

    # --- before: what each node's place depends on -----------------------------------------------

    def _bound(self, type: TensorType) -> ArrayType:
        shape = tuple(evaluate(size, self.sizes) for size in type.shape)
        return ArrayType(type.dtype, shape, type.weak)

    def _last_reads(self) -> list[int]:
        """For each node the last one that reads it or a view of it; the end for results."""
        nodes = self.graph.nodes
        last = list(range(len(nodes)))
        for node in nodes:
            for operand in node.operands:
                last[operand] = node.id
        for result in self.graph.results:
            last[result.node] = len(nodes)
        for node in reversed(nodes):
            if node.op.view and node.operands:
                base = node.operands[0]
                last[base] = max(last[base], last[node.id])
        return last

    def _pins(self) -> dict[int, Region]:
        """Nodes whose result has a place outside the arena: gradients and written values."""
        nodes = self.graph.nodes
        pins: dict[int, Region] = {}
        for param, gradient in self.graph.gradients:
            where = self.layout.params.get(nodes[param].name or "")
            if where is not None:
                region = Region(f"grad_{where.dtype}", where.offset, self.types[gradient])
                pins[gradient] = region
        for write in self.graph.writes:
            if write.value not in pins and self._may_overwrite(write.target, write.value):
                pins[write.value] = self._leaf_region(nodes[write.target])
            else:
                self.last_read[write.value] = len(nodes)
        return pins

    def _may_overwrite(self, target: int, value: int) -> bool:
        """Whether nothing reads the target's old value once the new one is being written."""
        nodes = self.graph.nodes
        region = self._leaf_region(nodes[target])
        for node, other in self.stored:
            if not _overlap(region, other):
                continue
            if self.last_read[node.id] > value:
                return False
            if self.last_read[node.id] == value:
                reader = nodes[value]
                own = node.id in reader.operands and self.types[node.id] == self.types[value]
                if not (reader.op.inplace and own and node.id == target):
                    return False
        return True

    def _is_stored(self, node: Node) -> bool:
        return node.op in (OPS["param"], OPS["state"], OPS["group"], OPS["slot"])

    def _leaf_region(self, node: Node) -> Region:
        attrs, type = node.attributes(), self.types[node.id]
        if node.op is OPS["group"]:
            return Region(f"param_{type.dtype}", attrs["start"], type)
        if node.op is OPS["slot"]:
            return Region(f"slot_{attrs['name']}", attrs["start"], type)
        assert node.name is not None
        if node.op is OPS["param"]:
            return Region(f"param_{type.dtype}", self.layout.params[node.name].offset, type)
        return Region(f"state_{type.dtype}", self.layout.states[node.name].offset, type)

    # --- the walk --------------------------------------------------------------------------------

    def plan(self) -> Schedule:
        """Visit every node in order, then place what was asked for."""
        for node in self.graph.nodes:
            self._visit(node)
        self._write_back()
        results = tuple(
            (r.name, self._argument(r.node), self.types[r.node]) for r in self.graph.results
        )
        names = list(self.buffers)
        distinct = {id(b): b for b in self.buffers.values()}
        spans = [Span(b.start, b.end, b.nbytes) for b in distinct.values()]
        offsets, total = place(spans)
        at = dict(zip(distinct, offsets, strict=True))
        slots = {n: Slot(at[id(self.buffers[n])], self.types_of[n]) for n in names}
        return Schedule(
            inputs=tuple(self.inputs),
            regions=self.regions,
            slots=slots,
            constants=self.constants,
            views=tuple(self.static_views),
            scalars=self._scalar_lines(),
            cells=self.cells,
            steps=tuple(self.steps),
            results=results,
            arena_bytes=total,
            naive_bytes=self.naive_bytes,
            notes={n.id: _note(n, self.types[n.id]) for n in self.graph.nodes},
        )

    def _scalar_lines(self) -> tuple[tuple[str, str], ...]:
        """What is computed from the step, each value put into its cells at once."""
        found = list(self.scalars.lines())
        for name in self.cells:
            found.append((f"{name}[()]", name.removeprefix("k_").rpartition("_")[0]))
        return tuple(found)

    def _visit(self, node: Node) -> None:
        if node.type.weak:
            self.scalars.enter(node)
        elif node.op is OPS["input"]:
            self._enter(node, f"x{node.id}")
            self.inputs.append((node.name or "", self.types[node.id], f"x{node.id}"))
        elif node.op is OPS["constant"]:
            attrs = node.attributes()
            array = np.array(attrs["value"], attrs["dtype"].numpy)
            self.variables[node.id] = self._constant(array.reshape(self.types[node.id].shape))
        elif self._is_stored(node):
            self._enter(node, f"p{node.id}")
            self.regions[f"p{node.id}"] = self._leaf_region(node)
            self.stored_names[self._leaf_region(node)] = f"p{node.id}"
        elif node.op is OPS["pack"]:
            attrs, type = node.attributes(), self.types[node.id]
            self._enter(node, f"p{node.id}")
            self.regions[f"p{node.id}"] = Region(f"grad_{type.dtype}", attrs["start"], type)
        else:
            self._compute(node)

    def _enter(self, node: Node, name: str) -> None:
        self.variables[node.id] = name
        self.types_of[name] = self.types[node.id]

    def _compute(self, node: Node) -> None:
        fed: list[tuple[str, str]] = []
        call = self._call(node, fed)
        self.current = call
        try:
            if node.op.view is not None and (suffix := node.op.view(call)) is not None:
                self.variables[node.id] = self._view(call.args[0], suffix, fed)
                if fed:
                    self.steps.append(Step(node.id, (), tuple(fed)))
                return
            call.out = self._output(node, call)
            self._enter(node, call.out)
            self._run_kernel(node, call)
        except Fault as fault:
            raise self._refused(node, fault) from None
        for scratch, type in call.scratches:
            self.types_of[scratch] = type
            self.buffers[scratch] = _Buffer(node.id, node.id, type.nbytes)
        self.naive_bytes += self.types[node.id].nbytes
        self.naive_bytes += sum(type.nbytes for _, type in call.scratches)
        self.steps.append(Step(node.id, tuple(call.lines), tuple(fed)))

    def _call(self, node: Node, fed: list[tuple[str, str]]) -> KernelCall:
        dtype = self._meeting_type(node)
        args = tuple(
            self._argument(i, dtype) for i in node.operands
        )
        return KernelCall(
            out=f"b{node.id}",
            out_type=self.types[node.id],
            args=args,
            types=tuple(self.types[i] for i in node.operands),
            contiguous=tuple(self._is_contiguous(name) for name in args),
            attrs={k: self._numbers(v) for k, v in node.attrs},
            where=_where(node),
            prefix=f"b{node.id}",
            bind_constant=self._constant,
            bind_view=lambda name, suffix: self._view(name, suffix, fed),
        )

    def _numbers(self, value: Any) -> Any:
        """An attribute with every size in it a number."""
        if isinstance(value, tuple):
            return tuple(map(self._numbers, value))
        return evaluate(value, self.sizes) if isinstance(value, Poly) else value

    def _meeting_type(self, node: Node) -> ArrayType:
        """The type whose elements the weak operands of a node become."""
        first = 1 if node.op.promotion == "condition" else 0
        strong = [self.types[i] for i in node.operands[first:] if not self.types[i].weak]
        return strong[0] if strong else self.types[node.id]

    def _run_kernel(self, node: Node, call: KernelCall) -> None:
        kernel = node.op.kernel
        if kernel is None:
            raise InternalError(f"the op {node.op.name} has no kernel")
        if callable(kernel):
            kernel(call)
            return
        args = [self._scalar_view(call, i) for i in range(len(call.args))]
        fields = dict(zip(node.op.operands, args, strict=True))
        fields |= {k: repr(v) for k, v in call.attrs.items()}
        call.emit(*kernel.format(out=call.out, **fields).splitlines())

    def _scalar_view(self, call: KernelCall, position: int) -> str:
        """An operand of one element without its axes: NumPy has a faster loop for it."""
        type, name = call.types[position], call.args[position]
        if type.weak or not type.shape or type.size != 1 or call.out_type.size == 1:
            return name
        return call.view(name, ".reshape(())")

    def _refused(self, node: Node, fault: Fault) -> DataError:
        """A fault that only these sizes have, where the node stands."""
        bound = ", ".join(f"{name} = {value}" for name, value in self.sizes.items())
        labels = (Label(node.origin.span, f"with {bound}"),) if node.origin else ()
        help = (fault.help,) if fault.help else ()
        return DataError(Diagnostic(fault.code, fault.message, labels, help))

    def _output(self, node: Node, call: KernelCall) -> str:
        """The name of the array that takes the result: a pinned one, an operand's, a new one.

        A kernel that writes over an operand uses the operand's own name: NumPy is slower where
        it has to find out that two arrays are the same memory.
        """
        name = f"b{node.id}"
        if node.id in self.pinned:
            region = self.pinned[node.id]
            name = self.stored_names.get(region, name)
            self.regions[name] = region
            return name
        end = self.last_read[node.id]
        # NumPy takes its quick path for arrays without axes only where they are apart
        inplace = node.op.inplace and self.types[node.id].shape
        over = self._overwritten(node, call) if inplace else None
        if over is not None:
            self.buffers[over].end = end
            return over
        self.buffers[name] = _Buffer(node.id, end, self.types[node.id].nbytes)
        return name

    def _overwritten(self, node: Node, call: KernelCall) -> str | None:
        """An operand's array that nothing needs any more and that has the result's type."""
        for id, name in zip(node.operands, call.args, strict=True):
            buffer = self.buffers.get(name)
            if buffer is None or buffer.end != node.id or self.last_read[id] != node.id:
                continue
            # a view of the same array would be read after it is partly overwritten
            others = {self.roots.get(arg, arg) for arg in call.args if arg != name}
            if self.types[id] == self.types[node.id] and name not in others:
                return name
        return None

    def _write_back(self) -> None:
        """At the end, the written values that could not be computed in place."""
        end = len(self.graph.nodes)
        lines = []
        for write in self.graph.writes:
            if self.pinned.get(write.value) == self._leaf_region(self.graph.nodes[write.target]):
                continue
            value = self.variables[write.value]
            lines.append(f"copyto({self.variables[write.target]}, {value})")
        if lines:
            self.steps.append(Step(end, tuple(lines)))

    # --- names -----------------------------------------------------------------------------------

    def _argument(self, id: int, meeting: ArrayType | None = None) -> str:
        """A node as an argument: its variable, a constant array, a Python float."""
        if not self.types[id].weak:
            return self.variables[id]
        value = self.scalars.value(id)
        if meeting is None:
            return str(value)
        if isinstance(value, str):
            return self._cell(value, meeting.dtype)
        return self._constant(np.array(value, meeting.dtype.numpy))

    def _cell(self, variable: str, dtype: DType) -> str:
        """The array without axes that holds an untyped scalar for kernels: they start sooner on
        an array than on a Python float."""
        name = f"k_{variable}_{dtype}"
        self.cells[name] = dtype
        return name

    def _constant(self, array: Array) -> str:
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constant_names:
            name = f"c{len(self.constants)}"
            array.setflags(write=False)
            self.constant_names[key] = name
            self.constants[name] = array
            self.types_of[name] = ArrayType(_dtype_of(array), array.shape)
        return self.constant_names[key]

    def _is_contiguous(self, name: str) -> bool:
        stand_in = self.strided.get(name)
        return stand_in is None or stand_in.flags.c_contiguous

    def _view(self, name: str, suffix: str, fed: list[tuple[str, str]]) -> str:
        """The variable of a view, made once where its base is planned, else with the call."""
        key = (name, suffix)
        if key not in self.views:
            view = f"v{len(self.views)}"
            self.views[key] = view
            self.roots[view] = self.roots.get(name, name)
            self.strided[view] = _applied(self._stand_in(name), suffix)
            self.types_of[view] = ArrayType(
                _dtype_of(self.strided[view]), self.strided[view].shape
            )
            if self.roots[view].startswith("x"):
                self.fed_views[view] = (name, f"{name}{suffix}")
            else:
                self.static_views.append((view, f"{name}{suffix}"))
        self._require(self.views[key], fed)
        return self.views[key]

    def _require(self, view: str, fed: list[tuple[str, str]]) -> None:
        """Have a view of something fed made before the statements that use it."""
        if view in self.fed_views:
            base, line = self.fed_views[view]
            self._require(base, fed)
            if (view, line) not in fed:
                fed.append((view, line))

    def _stand_in(self, name: str) -> Array:
        if name in self.strided:
            return self.strided[name]
        if name in self.types_of:
            return _blank(self.types_of[name])
        call = self.current
        assert call is not None
        return _blank(dict([(call.out, call.out_type), *call.scratches])[name])


def _blank(type: ArrayType) -> Array:
    """An array of this type in C order that owns no memory to speak of."""
    dtype, strides, step = type.dtype.numpy, [], type.dtype.numpy.itemsize
    for size in reversed(type.shape):
        strides.insert(0, step)
        step *= max(size, 1)
    made: Array = np.lib.stride_tricks.as_strided(
        np.zeros(1, dtype), type.shape, strides, writeable=False
    )
    return made


def _applied(stand_in: Array, suffix: str) -> Array:
    made: Array = eval(f"x{suffix}", {"x": stand_in})
    return made


def _dtype_of(array: Array) -> DType:
    """The element type; unsigned views of indices count as signed."""
    return next((d for d in DType if d.numpy == array.dtype), DType.i64)


def _overlap(a: Region, b: Region) -> bool:
    return (
        a.array == b.array
        and a.offset < b.offset + b.type.size
        and b.offset < a.offset + a.type.size
    )


def _where(node: Node) -> str:
    """The node as a message names it."""
    name = node.name or node.op.name
    return f"{name} at {node.origin.span}" if node.origin else name


def _note(node: Node, type: ArrayType) -> str:
    """The node as a comment of the program shows it."""
    name = f"{node.name}: " if node.name else ""
    place = ""
    if node.origin:
        span = node.origin.span
        place = f", {span.source.name.rpartition('/')[2]}:{span.line}"
    return re.sub(r"[^ -~]", "?", f"{name}{node.op.name} {type}{place}")
