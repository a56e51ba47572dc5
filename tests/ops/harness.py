"""A minimal interpreter of graphs, so that ops are tested without compiler and engine.

Results and scratch arrays begin as garbage, operands are compared afterwards, views have to be
views: a kernel that relies on anything else fails here.
"""

from __future__ import annotations

import math
import re
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from types import CodeType
from typing import Any

import numpy as np

import graphdsl.ops  # noqa: F401
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Node
from graphdsl.graph.kernel import Array, ArrayType, KernelCall
from graphdsl.graph.op import OPS, Op
from graphdsl.graph.sizes import Poly, evaluate
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops import runtime, scalars

DTYPES = {dtype.numpy: dtype for dtype in DType}
_NAMESPACE = {**vars(np), **vars(runtime)}
SCALARS = {k: v for k, v in vars(scalars).items() if not k.startswith("__")}


def feed(builder: Builder, array: Array) -> Expr:
    """An input of the array's type."""
    type = TensorType(DTYPES[array.dtype], array.shape)
    return builder.add(OPS["input"], (), (("type", type),), type)


def verify_refusals(op: Op, call: KernelCall) -> None:
    """What a kernel refuses is what its op says, and looked for before anything is written."""
    naming = [n for n, line in enumerate(call.lines) if repr(call.where) in line]
    assert op.refuses or not naming, (op, call.lines)
    if op.refuses in ("index", "place") and naming:
        (number,) = naming
        assert call.out not in re.findall(r"\w+", "".join(call.lines[:number])), (op, call.lines)
        axis = op.attributes.get("axis")
        counted = call.types[0] if axis and axis.counts == "operand" else call.out_type
        size = counted.shape[call.attrs.get("axis", -1)]
        check = "check_signed_index" if op.refuses == "index" else "check_index"
        line = rf"{check}\(\w+, {size}, {re.escape(repr(call.where))}\)"
        assert re.fullmatch(line, call.lines[number]), (op, call.lines)


class Interpreter:
    """Computes nodes of a builder's graph from arrays fed to its inputs."""

    def __init__(
        self,
        builder: Builder,
        feeds: Mapping[int, Array],
        *,
        sizes: Mapping[str, int] | None = None,
        arrays_for_weak: bool = False,
        traced: bool = True,
    ) -> None:
        self.builder = builder
        self.traced = traced
        self.values: dict[int, Any] = dict(feeds)
        self.sizes = sizes or {}
        self.arrays_for_weak = arrays_for_weak
        self.lines: list[str] = []

    def value(self, x: Expr) -> Any:
        """The value of a node; everything it needs is computed first."""
        if x.id not in self.values:
            self.values[x.id] = self._compute(x.node)
        return self.values[x.id]

    def _compute(self, node: Node) -> Any:
        attrs = {name: self.concrete(value) for name, value in node.attrs}
        if node.op.name == "number":
            return attrs["value"]
        if node.op.name == "extent":
            return attrs["size"]
        if node.op.name == "constant":
            return np.array(attrs["value"], attrs["dtype"].numpy)
        operands = [Expr(self.builder, id) for id in node.operands]
        if node.op.decompose:
            made = node.op.decompose(*operands, **dict(node.attrs))
            assert made.type == node.type or made.type.weak == node.type.weak, made.type
            return self.value(made)
        values = [self.value(x) for x in operands]
        if node.type.weak:
            names = dict(zip(node.op.operands, map(repr, values), strict=True))
            assert node.op.scalar is not None
            ends = {"inf": math.inf, "nan": math.nan}
            return eval(node.op.scalar.format(**names), SCALARS | ends)
        return self.run(node.op, values, [x.type for x in operands], attrs, node.type)

    def concrete(self, value: Any) -> Any:
        """An attribute with every size a number."""
        if isinstance(value, Poly):
            return evaluate(value, self.sizes)
        return tuple(map(self.concrete, value)) if isinstance(value, tuple) else value

    def run(
        self,
        op: Op,
        values: Sequence[Any],
        types: Sequence[TensorType],
        attrs: Mapping[str, Any],
        type: TensorType,
        *,
        inplace: int | None = None,
    ) -> Array:
        """Apply an op to arrays; `inplace` is the position of the operand to write over."""
        out_type = ArrayType(type.dtype, tuple(evaluate(s, self.sizes) for s in type.shape))
        names = Names()
        args = []
        first = 1 if op.promotion == "condition" else 0
        strong = next((t.dtype for t in types[first:] if not t.weak), type.dtype)
        for value, operand in zip(values, types, strict=True):
            if operand.weak and self.arrays_for_weak and op.elementwise:
                value = np.array(value, strong.numpy)
            args.append(names.add(value))
        before = [np.copy(value) for value in values]
        call = KernelCall(
            out=names.fresh("out"),
            out_type=out_type,
            args=tuple(args),
            types=tuple(
                ArrayType(t.dtype, () if t.weak else v.shape, t.weak)
                for v, t in zip(values, types, strict=True)
            ),
            contiguous=tuple(
                t.weak or v.flags.c_contiguous for v, t in zip(values, types, strict=True)
            ),
            attrs=attrs,
            where="y" if op.refuses else "",
            bind_constant=names.constant,
            bind_view=names.view,
        )
        suffix = op.view(call) if op.view else None
        if suffix is not None:
            result = eval(args[0] + suffix, {}, dict(names))
            assert isinstance(result, np.ndarray)
            assert not result.size or np.shares_memory(result, values[0]), suffix
        else:
            result = garbage(out_type) if inplace is None else values[inplace]
            names[call.out] = result
            self._execute(op, call, names)
        for position, (value, was) in enumerate(zip(values, before, strict=True)):
            if position != inplace:
                np.testing.assert_array_equal(value, was, err_msg=f"{op} wrote over an operand")
        assert result.shape == out_type.shape, (op, result.shape, out_type)
        assert result.dtype == out_type.dtype.numpy, (op, result.dtype, out_type)
        return result

    def _execute(self, op: Op, call: KernelCall, names: Names) -> None:
        op.emit(call)
        verify_refusals(op, call)
        for name, type in call.scratches:
            names[name] = garbage(type)
        names.bind_views()
        self.lines += call.lines
        code = [compiled(line) for line in call.lines]
        if not self.traced:
            with np.errstate(all="ignore"):
                for line in code:
                    exec(line, _NAMESPACE, names)
            return
        tracemalloc.start()
        try:
            with np.errstate(all="ignore"):
                for line in code:
                    exec(line, _NAMESPACE, names)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        # NumPy casts through buffers of 8192 elements
        assert op.allocates or peak < 200_000, (op, peak, call.lines)


@cache
def compiled(line: str) -> CodeType:
    """A statement; the same few come again and again."""
    return compile(line, "<kernel>", "exec")


class Names(dict[str, Any]):
    """The arrays of one kernel by name."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: list[tuple[str, str, str]] = []
        self.numbers: Iterator[int] = count()

    def fresh(self, kind: str) -> str:
        return f"_{kind}{next(self.numbers)}"

    def add(self, value: Any) -> str:
        name = self.fresh("a")
        self[name] = value
        return name

    def constant(self, array: Array) -> str:
        array.flags.writeable = False
        return self.add(array)

    def view(self, name: str, suffix: str) -> str:
        assert suffix
        self.pending.append((self.fresh("v"), name, suffix))
        return self.pending[-1][0]

    def bind_views(self) -> None:
        for made, name, suffix in self.pending:
            source = self[name]
            view = eval(name + suffix, {}, dict(self))
            assert not view.size or np.shares_memory(view, source), (name, suffix)
            self[made] = view


def garbage(type: ArrayType) -> Array:
    """An array that nobody may read before it is written."""
    worst: Any = np.nan if type.dtype.is_float else True if type.dtype is DType.bool else -(2**31)
    return np.full(type.shape, worst, type.dtype.numpy)


def apply(op: Op | str, *values: Any, weak_arrays: bool = False, **attrs: Any) -> Any:
    """The value of an op on arrays and untyped numbers."""
    op = OPS[op] if isinstance(op, str) else op
    builder = Builder(_float(values))
    exprs = [feed(builder, v) if isinstance(v, np.ndarray) else v for v in values]
    y = builder.apply(op, exprs, attrs)
    feeds = {x.id: v for x, v in zip(exprs, values, strict=True) if isinstance(x, Expr)}
    return Interpreter(builder, feeds, arrays_for_weak=weak_arrays).value(y)


def apply_in_place(op: Op, position: int, *values: Array, **attrs: Any) -> Array:
    """The same, written over the operand at `position`."""
    builder = Builder(_float(values))
    exprs = [feed(builder, v) for v in values]
    y = builder.apply(op, exprs, attrs)
    copies = [np.copy(v) for v in values]
    run = Interpreter(builder, {}).run
    attrs = y.node.attributes()
    return run(op, copies, [x.type for x in exprs], attrs, y.type, inplace=position)


def vjp(op: Op, position: int, g: Array, *values: Any, **attrs: Any) -> Array:
    """The cotangent of one operand, summed over the axes along which it was broadcast."""
    builder = Builder(DTYPES[g.dtype])
    exprs = [feed(builder, v) for v in values]
    y = builder.apply(op, exprs, attrs)
    cotangent = feed(builder, g)
    rule, attrs = op.vjp, y.node.attributes()
    assert rule is not None
    if callable(rule):
        made = rule(position, cotangent, y, *exprs, **attrs)
    else:
        one = rule[position]
        assert one is not None
        made = one(cotangent, y, *exprs, **attrs)
    feeds = {x.id: v for x, v in zip((*exprs, cotangent), (*values, g), strict=True)}
    found = Interpreter(builder, feeds).value(made)
    assert found.dtype == values[position].dtype
    return unbroadcast(found, values[position].shape)


def unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    """`g` summed over the axes along which `shape` is broadcast to its own."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    axes = tuple(a for a, size in enumerate(shape) if size == 1 and g.shape[a] != 1)
    return g.sum(axis=axes, keepdims=True).reshape(shape)


def differences(op: Op, position: int, g: Array, *values: Any, **attrs: Any) -> Array:
    """The same cotangent by central differences, element by element."""
    x = np.array(values[position])
    found = np.empty_like(x)
    step = 1e-5
    for index in np.ndindex(x.shape):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved[index] += sign * step
            y = apply(op, *values[:position], moved, *values[position + 1 :], **attrs)
            ends.append((y * g).sum())
        found[index] = (ends[0] - ends[1]) / (2 * step)
    return found


def _float(values: Sequence[Any]) -> DType:
    kinds = [DTYPES[v.dtype] for v in values if isinstance(v, np.ndarray)]
    return next((kind for kind in kinds if kind.is_float), DType.f32)
