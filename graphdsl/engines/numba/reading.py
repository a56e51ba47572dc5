"""Steps of a schedule as items: by their ops' formulas, else by the statements of their kernels.

What neither says stays NumPy. Statements are those that kernels are written in: calls of NumPy's
functions on whole arrays, so that what they mean does not depend on any op.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache

from graphdsl.compiler.schedule import Step
from graphdsl.engines.numba.indices import folded_at, put, taken
from graphdsl.engines.numba.items import Item, Loop, Matrices, Number, Operand, Product, Statements
from graphdsl.engines.numba.places import Access, Place, Places, spread
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.op import OPS, Op
from graphdsl.graph.types import DType
from graphdsl.ops.rules import axes_of

_CALL = re.compile(r"(?<![\w.])([a-z_]\w*)(?=\()")


class Reader:
    """Reads the steps of one schedule; compiled formulas may call the functions `known`.

    Steps are read as items are asked for: `number` is that of the step which the last item is of,
    `ahead` has the items of this step from that one on.
    """

    def __init__(self, graph: Graph, places: Places, known: set[str]) -> None:
        self.number = -1
        self.ahead: list[Item] = []
        self.graph = graph
        self.places = places
        self.known = known

    def items(self, steps: list[Step]) -> Iterator[Item]:
        """The items of all steps, in order. The list is emptied on the way: steps take as much
        memory as what is made of them."""
        steps.reverse()
        while steps:
            step = steps.pop()
            self.number += 1
            if step.lines:
                made = self._by_formula(step) or self._by_statements(step)
                self.ahead = made or [self._left(step, step.lines)]
            while self.ahead:
                yield self.ahead[0]
                del self.ahead[0]

    def is_ahead(self, root: str) -> bool:
        """Whether the last item, or one behind it in its step, touches an array of that root."""
        return any(root in item.roots for item in self.ahead)

    def _left(self, step: Step, lines: Sequence[str]) -> Statements:
        views = [text for _, text in step.views]
        roots = frozenset(self.places.roots_in([*lines, *views]))
        return Statements(step, tuple(lines), roots)

    # --- by the op -------------------------------------------------------------------------------

    def _by_formula(self, step: Step) -> list[Item]:
        if not step.out or step.node >= len(self.graph.nodes):
            return []
        node = self.graph.nodes[step.node]
        found = [self.places.find(name) for name in (step.out, *step.args)]
        given = [place for place in found if place is not None]
        if len(given) < len(found) or not all(place.size for place in given):
            return []
        out, operands = given[0], given[1:]
        if node.op.scalar is not None and self._is_known(node.op.scalar):
            return [_elementwise(node, out, operands)]
        if node.op.fold is not None and self._is_known(node.op.fold.step):
            if node.op.fold.at:
                formula = _numbered(node.op.fold.step, node.op.operands)
                return [*self._checks(step), *folded_at(node, formula, out, operands)]
            return [_reduction(node, out, operands)]
        return []

    def _checks(self, step: Step) -> list[Item]:
        """The statements of a step that raise what says where a fault lies."""
        return [self._left(step, [line]) for line in step.lines if _is_check(line)]

    def _is_known(self, formula: str) -> bool:
        return all(name in self.known for name in _CALL.findall(formula))

    # --- by statements ---------------------------------------------------------------------------

    def _by_statements(self, step: Step) -> list[Item]:
        made: list[Item] = []
        for line in step.lines:
            if _is_check(line):
                made.append(self._left(step, [line]))
                continue
            item = self._statement(step.node, ast.parse(line).body[0])
            if item is None:
                return []
            made.append(item)
        return made

    def _statement(self, node: int, statement: ast.stmt) -> Item | None:
        match statement:
            case ast.Expr(
                ast.Call(ast.Name("copyto"), [out, source], [] | [ast.keyword("casting")])
            ):
                return self._mapped(node, "{0}", [source], out)
            case ast.Expr(ast.Call(ast.Attribute(out, "fill"), [value], [])):
                return self._mapped(node, "{0}", [value], out)
            case ast.Expr(
                ast.Call(ast.Name("matmul"), [left, right, out], [])
                | ast.Call(ast.Attribute(left, "dot"), [right, out], [])
            ):
                return self._product(node, left, right, out)
            case ast.Expr(
                ast.Call(
                    ast.Attribute(source, "take"),
                    [index, ast.Constant(int(axis)), out, ast.Constant(mode)],
                    [],
                )
            ):
                return self._taken(node, source, axis, index, out, mode == "wrap")
            case ast.Assign([ast.Subscript(out, ast.Name() as index)], value):
                return self._put(node, out, index, value)
            case ast.Expr(
                ast.Call(ast.Attribute(ast.Name(ufunc), "reduce"), [source, axes, _, out, _])
            ):
                return self._folded(node, ufunc, source, axes, out)
            case ast.Expr(ast.Call(ast.Name(ufunc), operands, [])) if ufunc in _formulas():
                formula = _formulas()[ufunc]
                if self._is_known(formula):
                    return self._mapped(node, formula, operands[:-1], operands[-1])
        return None

    def _place(self, expression: ast.expr) -> Place | None:
        if not isinstance(expression, ast.Name):
            return None
        place = self.places.find(expression.id)
        return place if place is not None and place.size else None

    def _operand(self, expression: ast.expr, shape: Sequence[int]) -> Operand | None:
        if isinstance(expression, ast.Constant) and isinstance(expression.value, int | float):
            return Number(expression.value)
        place = self._place(expression)
        return None if place is None else spread(place, shape)

    def _mapped(
        self, node: int, formula: str, operands: Sequence[ast.expr], out: ast.expr
    ) -> Loop | None:
        target = self._place(out)
        if target is None:
            return None
        made = [self._operand(operand, target.shape) for operand in operands]
        given = tuple(operand for operand in made if operand is not None)
        if len(given) < len(made):
            return None
        access = spread(target, target.shape)
        return Loop(node, target.shape, formula, given, access, target.dtype)

    def _taken(
        self, node: int, source: ast.expr, axis: int, index: ast.expr, out: ast.expr, wraps: bool
    ) -> Loop | None:
        rows, numbers, target = self._place(source), self._place(index), self._place(out)
        if rows is None or numbers is None or target is None:
            return None
        return taken(node, rows, axis, numbers, target, wraps)

    def _put(self, node: int, out: ast.expr, index: ast.expr, value: ast.expr) -> Loop | None:
        target, numbers = self._place(out), self._place(index)
        if target is None or numbers is None:
            return None
        operand = self._operand(value, numbers.shape)
        return None if operand is None else put(node, target, numbers, operand)

    def _folded(
        self, node: int, ufunc: str, source: ast.expr, axes: ast.expr, out: ast.expr
    ) -> Loop | None:
        operand, target = self._place(source), self._place(out)
        op = {"add": OPS["sum"], "maximum": OPS["max"], "minimum": OPS["min"]}.get(ufunc)
        if operand is None or target is None or op is None or op.fold is None:
            return None
        reduced = tuple(ast.literal_eval(axes))
        formula = _numbered(op.fold.step, op.operands)
        return _folding(node, op.fold.start, formula, target, [operand], reduced)

    def _product(self, node: int, left: ast.expr, right: ast.expr, out: ast.expr) -> Item | None:
        places = [self._place(each) for each in (left, right, out)]
        found = [place for place in places if place is not None]
        if len(found) < 3 or len({place.dtype for place in found}) > 1:
            return None
        a, b, y = found
        if not y.dtype.is_float:
            return None
        if len(b.shape) == 1:
            return _row_sums(node, a, b, y)
        if len(a.shape) == 1:
            a = Place(a.root, a.dtype, a.start, (1, *a.shape), (0, *a.strides))
            y = Place(y.root, y.dtype, y.start, (*y.shape[:-1], 1, y.shape[-1]),
                      (*y.strides[:-1], 0, y.strides[-1]))  # fmt: skip
        if max(len(p.shape) for p in (a, b, y)) > 4 or (y.strides[-1] != 1 and y.shape[-1] > 1):
            return None
        shape = (*(1,) * (4 - len(y.shape)), *y.shape)
        batches, turns, rows, columns = shape
        return Product(
            node, y.dtype, batches, turns, rows, columns, a.shape[-1],
            _matrices(a), _matrices(b), _matrices(y),
        )  # fmt: skip


def _is_check(line: str) -> bool:
    return line.startswith("check_")


def _matrices(place: Place) -> Matrices:
    """Strides of the two axes that matrices lie along, 0 where they are repeated, and of theirs."""
    strides = list(place.strides)
    for axis in range(len(strides) - 2):
        if place.shape[axis] == 1:
            strides[axis] = 0
    a, b, c, d = (*(0,) * (4 - len(strides)), *strides)
    return Matrices(place.root, place.start, (a, b, c, d))


def _row_sums(node: int, a: Place, b: Place, y: Place) -> Loop:
    """Each row of `a` times a vector."""
    shape = a.shape
    out = Access(y.root, y.dtype, y.start, (*_moves(y), 0))
    operands = (spread(a, shape), spread(b, shape))
    return Loop(node, shape, "_plus({y}, {0} * {1})", operands, out, y.dtype, "0")


def _moves(place: Place) -> tuple[int, ...]:
    """The strides, 0 along axes of size 1."""
    return tuple(0 if n == 1 else s for n, s in zip(place.shape, place.strides, strict=True))


def _elementwise(node: Node, out: Place, operands: Sequence[Place]) -> Loop:
    assert node.op.scalar is not None
    accesses = tuple(spread(operand, out.shape) for operand in operands)
    literal = operands[-1].dtype if out.dtype is DType.bool else out.dtype
    formula = _numbered(node.op.scalar, node.op.operands)
    return Loop(node.id, out.shape, formula, accesses, spread(out, out.shape), literal)


def _reduction(node: Node, out: Place, operands: Sequence[Place]) -> Loop:
    assert node.op.fold is not None
    formula = _numbered(node.op.fold.step, node.op.operands)
    axes = axes_of(node.attributes().get("axis"), len(operands[0].shape))
    return _folding(node.id, node.op.fold.start, formula, out, operands, axes)


def _folding(
    node: int, start: str, formula: str, out: Place, operands: Sequence[Place], axes: Sequence[int]
) -> Loop:
    shape = operands[0].shape
    left = list(_moves(out))
    if len(out.shape) == len(shape) and axes:  # reduced axes are kept, with size 1
        strides = [0 if axis in axes else left[axis] for axis in range(len(shape))]
    else:
        strides = [0 if axis in axes else left.pop(0) for axis in range(len(shape))]
    access = Access(out.root, out.dtype, out.start, tuple(strides))
    accesses = tuple(spread(operand, shape) for operand in operands)
    return Loop(node, shape, formula, accesses, access, out.dtype, start)


@cache
def _numbered(formula: str, operands: tuple[str, ...]) -> str:
    """The formula of an op with the numbers of its operands in the place of their names; each
    once, as many loops have it."""
    return formula.format(**{"y": "{y}"} | {name: f"{{{i}}}" for i, name in enumerate(operands)})


@cache
def _formulas() -> dict[str, str]:
    """The formula of each of NumPy's functions that is the whole kernel of an op."""
    found: dict[str, str] = {}
    for op in OPS.values():
        call = _whole_call(op)
        if call and op.scalar is not None:
            found.setdefault(call, _numbered(op.scalar, op.operands))
    return found


def _whole_call(op: Op) -> str:
    """The function of NumPy that an op is, if its kernel is one call of it."""
    if not isinstance(op.kernel, str):
        return ""
    operands = ", ".join(f"{{{name}}}" for name in op.operands)
    called = op.kernel.partition("(")[0]
    plain = op.kernel in (f"{called}({operands}, {{out}})", f"{called}({operands}, out={{out}})")
    return called if plain else ""
