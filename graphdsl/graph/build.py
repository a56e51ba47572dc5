"""Building graphs: `Builder` makes nodes one by one, `Expr` writes them as expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphdsl.graph.graph import Attrs, Graph, Node, Origin, Sweep, Variable, Write
from graphdsl.graph.op import OPS, Fault, Op
from graphdsl.graph.sizes import SizeLimit, verify_count
from graphdsl.graph.types import DType, TensorType, find_misfit, promote


class Expr:
    """A node under construction: operators build further nodes of the same graph."""

    __array_ufunc__ = None
    __slots__ = ("builder", "id")

    def __init__(self, builder: Builder, id: int) -> None:
        self.builder = builder
        self.id = id

    @property
    def node(self) -> Node:
        """The node itself."""
        return self.builder.nodes[self.id]

    @property
    def type(self) -> TensorType:
        """The node's type."""
        return self.builder.nodes[self.id].type

    @property
    def operands(self) -> tuple[Expr, ...]:
        """What the node is computed from."""
        return tuple(Expr(self.builder, id) for id in self.node.operands)

    def _infix(self, sign: str, *operands: Expr | float) -> Expr:
        return self.builder.apply(OPS.by_sign[sign], operands)

    def __add__(self, other: Expr | float) -> Expr:
        return self._infix("+", self, other)

    def __radd__(self, other: Expr | float) -> Expr:
        return self._infix("+", other, self)

    def __sub__(self, other: Expr | float) -> Expr:
        return self._infix("-", self, other)

    def __rsub__(self, other: Expr | float) -> Expr:
        return self._infix("-", other, self)

    def __mul__(self, other: Expr | float) -> Expr:
        return self._infix("*", self, other)

    def __rmul__(self, other: Expr | float) -> Expr:
        return self._infix("*", other, self)

    def __truediv__(self, other: Expr | float) -> Expr:
        return self._infix("/", self, other)

    def __rtruediv__(self, other: Expr | float) -> Expr:
        return self._infix("/", other, self)

    def __matmul__(self, other: Expr) -> Expr:
        return self._infix("@", self, other)

    def __pow__(self, other: Expr | float) -> Expr:
        return self._infix("^", self, other)

    def __neg__(self) -> Expr:
        return self.builder.apply(OPS["neg"], (self,))


class Builder:
    """Makes a graph, node by node. `sweep` and `origin` are given to each node made."""

    def __init__(self, float: DType = DType.f32) -> None:
        self.nodes: list[Node] = []
        self.float = float
        self.sweep: Sweep = "forward"
        self.origin: Origin | None = None
        # their nodes: what referred to the builder would live until cycles are collected, and with
        # it every graph that a pass has handed on
        self._numbers: dict[tuple[type, str], int] = {}
        # each once: most nodes have one of few types, and many nodes live long
        self._types: dict[TensorType, TensorType] = {}

    def add(
        self,
        op: Op,
        operands: tuple[int, ...],
        attrs: Attrs,
        type: TensorType,
        name: str | None = None,
    ) -> Expr:
        """Append a node whose type is known."""
        id, type = len(self.nodes), self._types.setdefault(type, type)
        self.nodes.append(Node(id, op, operands, attrs, type, name, self.origin, self.sweep))
        return Expr(self, id)

    def number(self, value: bool | float) -> Expr:
        """An untyped number."""
        key = (type(value), str(value))  # -0.0 is not 0.0, and nan is itself
        if key not in self._numbers:
            dtype = (
                DType.bool
                if isinstance(value, bool)
                else DType.i64
                if isinstance(value, int)
                else DType.f64
            )
            attrs = (("value", value),)
            made = self.add(OPS["number"], (), attrs, TensorType(dtype, (), weak=True))
            self._numbers[key] = made.id
        return Expr(self, self._numbers[key])

    def apply(
        self, op: Op, operands: Sequence[Expr | float], attributes: Mapping[str, Any] | None = None
    ) -> Expr:
        """Append `op` applied to `operands`; raises `Fault` where the op refuses them."""
        given = attributes or {}
        attrs = {name: given.get(name, spec.default) for name, spec in op.attributes.items()}
        exprs = [x if isinstance(x, Expr) else self.number(x) for x in operands]
        exprs = self._promoted(op, exprs)
        types = [x.type for x in exprs]
        try:
            type = op.infer(*types, **attrs)
            verify_count(type.shape)
        except SizeLimit as limit:
            raise Fault("E0307", str(limit), help="name the long size: dim M") from None
        if op.elementwise and types and all(t.weak for t in types):
            type = replace(type, weak=True)
        return self.add(op, tuple(x.id for x in exprs), tuple(attrs.items()), type)

    def cast(self, x: Expr, dtype: DType) -> Expr:
        """`x` with elements of another type."""
        if x.type.dtype is dtype and not x.type.weak:
            return x
        return self.apply(OPS["cast"], (x,), {"dtype": dtype})

    def _promoted(self, op: Op, exprs: list[Expr]) -> list[Expr]:
        """The operands in the element type that the op's promotion rule asks for."""
        if op.promotion == "none" or not exprs:
            return exprs
        first = 1 if op.promotion == "condition" else 0
        types = [x.type for x in exprs[first:]]
        target = promote(types, self.float)
        if target is None:
            left, right = _disagreeing(types)
            raise Fault(
                "E0203",
                f"'{op.infix or op.name}' meets {types[left].dtype} with {types[right].dtype}",
                operand=first + right,
                help="write cast(x, f64) or cast(x, f32) where the change of precision is meant",
            )
        weak = all(t.weak for t in types)
        if op.promotion == "float" and not target.is_float:
            target = DType.f64 if weak else self.float
        if op.promotion == "number" and target is DType.bool:
            target = DType.i64
        if weak and first and not exprs[0].type.weak:
            # two numbers chosen between by a tensor make a tensor: they need an element type
            dtype = self.float if target.is_float else target
            return exprs[:1] + [self.cast(x, dtype) for x in exprs[1:]]
        if weak:
            return exprs
        _verify_numbers(op, exprs[first:], target)
        return exprs[:first] + [
            x if x.type.weak or x.type.dtype is target else self.cast(x, target)
            for x in exprs[first:]
        ]


def _verify_numbers(op: Op, exprs: Sequence[Expr], target: DType) -> None:
    """Raise `Fault` for an untyped number that the type it takes cannot hold."""
    if not target.is_integer:
        return
    for x in exprs:
        value = x.node.attributes().get("value") if x.type.weak and x.node.op.leaf else None
        misfit = None if value is None else find_misfit(value, target)
        if misfit is not None:
            help = "cast(x, i64) holds integers of 64 bits" if target is DType.i32 else None
            raise Fault("E0203", f"'{op.infix or op.name}': {misfit}", help=help)


def _disagreeing(types: Sequence[TensorType]) -> tuple[int, int]:
    """The positions of the first two operands whose floats differ."""
    floats = [i for i, t in enumerate(types) if t.dtype.is_float and not t.weak]
    left = floats[0]
    return left, next(i for i in floats if types[i].dtype is not types[left].dtype)


Rule = Callable[[Builder, Node, tuple[Expr, ...]], Expr | None]


def rebuild(graph: Graph, rule: Rule | None = None, keep: set[int] | None = None) -> Graph:
    """The graph made anew, node by node: `rule` may give another expression for a node.

    Only the nodes in `keep` are visited, if it is given. Names and roles follow their nodes.
    """
    builder = Builder(graph.float)
    moved: dict[int, int] = {}
    for node in graph.nodes:
        if keep is not None and node.id not in keep:
            continue
        builder.sweep, builder.origin = node.sweep, node.origin
        made = None
        if rule is not None:
            made = rule(builder, node, tuple(Expr(builder, moved[i]) for i in node.operands))
        if made is None:
            made = take_over(builder, node, tuple(moved[i] for i in node.operands))
        moved[node.id] = made.id
    return relocated(graph, builder.nodes, moved)


def take_over(builder: Builder, node: Node, operands: tuple[int, ...]) -> Expr:
    """A node of another graph on these operands: itself where its number and its operands' stay,
    for most of what a pass hands on it has not touched, and graphs that share it take less memory.
    """
    kept = node.operands if operands == node.operands else operands
    if kept is not node.operands or len(builder.nodes) != node.id:
        return builder.add(node.op, kept, node.attrs, node.type, node.name)
    builder.nodes.append(node)
    return Expr(builder, node.id)


def relocated(graph: Graph, nodes: Sequence[Node], moved: Mapping[int, int]) -> Graph:
    """`graph` with other nodes, every role following its node through `moved`."""

    def variable(v: Variable) -> Variable:
        fill = None if v.init.fill is None else moved[v.init.fill]
        if (moved[v.node], fill) == (v.node, v.init.fill):
            return v
        init = v.init if fill == v.init.fill else replace(v.init, fill=fill)
        return replace(v, node=moved[v.node], init=init)

    return replace(
        graph,
        nodes=tuple(nodes),
        names={name: moved[id] for name, id in graph.names.items() if id in moved},
        inputs=tuple(moved[id] for id in graph.inputs if id in moved),
        params=tuple(variable(v) for v in graph.params if v.node in moved),
        states=tuple(variable(v) for v in graph.states if v.node in moved),
        results=tuple(replace(r, node=moved[r.node]) for r in graph.results if r.node in moved),
        writes=tuple(Write(moved[w.target], moved[w.value]) for w in graph.writes),
        gradients=tuple((moved[p], moved[g]) for p, g in graph.gradients),
    )


def resume(graph: Graph, sweep: Sweep) -> Builder:
    """A builder that goes on where `graph` ends."""
    builder = Builder(graph.float)
    builder.nodes.extend(graph.nodes)
    builder.sweep = sweep
    return builder
