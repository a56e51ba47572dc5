"""A node as the text that makes it: an op with its operands as expressions comes in, an `ast.Expr`
goes out that lowers to the same op.

Sizes are written as polynomials of the file's dims. What has no such form (a floor, a minimum) is
written as the size of an expression that has it, `size(x[::2], 0)`, if need be of zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import copysign, isinf, isnan
from typing import Any

from graphdsl.graph.graph import Node
from graphdsl.graph.op import REQUIRED, Attribute, Op
from graphdsl.graph.sizes import Opaque, Poly, Size
from graphdsl.graph.types import DType, TensorType
from graphdsl.language import ast
from graphdsl.language.diagnostics import InternalError
from graphdsl.language.source import Source, Span
from graphdsl.ops import arithmetic, comparison, conversion, indexing, leaves, shape

HERE = Span(Source(""), 0, 0)
"""Where expressions stand that no file holds."""


def name(text: str) -> ast.Name:
    """A name."""
    return ast.Name(text, span=HERE)


def binary(sign: str, left: ast.Expr, right: ast.Expr) -> ast.Expr:
    """`left sign right`."""
    return ast.Binary(sign, left, right, span=HERE, op_span=HERE)


def negative(x: ast.Expr) -> ast.Expr:
    """`-x`."""
    return ast.Unary("-", x, span=HERE)


def number(value: bool | float) -> ast.Expr:
    """A number: negative ones by their sign, nan as `inf - inf`."""
    if isinstance(value, bool):
        return ast.Bool(value, span=HERE)
    if isnan(value):
        return binary("-", name("inf"), name("inf"))
    if copysign(1, value) < 0:
        return negative(number(-value))
    return name("inf") if isinf(value) else ast.Number(value, span=HERE)


def call(function: str, *args: ast.Expr, **keywords: ast.Expr) -> ast.Expr:
    """`function(args, keywords)`."""
    given = tuple(ast.Keyword(name(k), v, span=HERE) for k, v in keywords.items())
    return ast.Call(name(function), args, given, span=HERE)


class Writer:
    """Writes nodes as expressions in a model whose float is `float`."""

    def __init__(self, float: DType) -> None:
        self.float = float
        self._opaque: dict[Opaque, ast.Expr] = {}

    def expression(self, node: Node, operands: Sequence[ast.Expr]) -> ast.Expr:
        """The node, its operands written already."""
        form = _FORMS.get(node.op)
        if form is not None:
            return form(self, node, operands)
        if node.op.infix is not None and len(operands) == 2:
            return binary(node.op.infix, *operands)
        return self._call(node, operands)

    def observe(self, type: TensorType, expr: ast.Expr) -> None:
        """Remember an expression as what has sizes that cannot be written otherwise."""
        for axis, size in enumerate(type.shape):
            if not isinstance(size, Poly):
                continue
            inside = [(m, c) for m, c in size.terms if any(isinstance(a, Opaque) for a, _ in m)]
            if len(inside) == 1 and len(inside[0][0]) == 1 and inside[0][1] in (1, -1):
                ((atom, power),), sign = inside[0]
                if isinstance(atom, Opaque) and power == 1 and atom not in self._opaque:
                    rest = size - sign * Poly(((((atom, 1),), 1),))
                    whole = call("size", expr, number(axis))
                    alone = whole if rest == 0 else binary("-", whole, self.size(rest))
                    self._opaque[atom] = alone if sign == 1 else negative(alone)

    def size(self, size: Size) -> ast.Expr:
        """A size, as a sum of products."""
        if isinstance(size, int):
            return number(size)
        terms = [(self._product(monomial, abs(c)), c < 0) for monomial, c in size.terms]
        first, below = terms[0]
        written = negative(first) if below else first
        for term, below in terms[1:]:
            written = binary("-" if below else "+", written, term)
        return written

    def type(self, type: TensorType) -> ast.Type | None:
        """The type of an input; none for a scalar of the model's float."""
        dtype = None if type.dtype is self.float else name(str(type.dtype))
        sizes = tuple(map(self.size, type.shape)) if type.shape else None
        return None if dtype is None and sizes is None else ast.Type(dtype, sizes, span=HERE)

    def _product(self, monomial: tuple[tuple[str | Opaque, int], ...], factor: int) -> ast.Expr:
        factors = [] if factor == 1 and monomial else [number(factor)]
        for atom, power in monomial:
            factors += [self._atom(atom)] * power
        return reduce(lambda a, b: binary("*", a, b), factors)

    def _atom(self, atom: str | Opaque) -> ast.Expr:
        if isinstance(atom, str):
            return name(atom)
        return self._opaque.get(atom) or self._sliced(atom)

    def _sliced(self, atom: Opaque) -> ast.Expr:
        """A minimum and a floor as the size of a slice: of `[:b]`, and of `[::b]`."""
        a, b = atom.args
        if not isinstance(b, int):
            raise InternalError(f"the size {atom} cannot be written")
        if atom.kind == "min":
            length, part = self.size(a), ast.Slice(None, number(b), None, span=HERE)
        else:
            length, part = self.size(a - (b - 1)), ast.Slice(None, None, number(b), span=HERE)
        whole = call("zeros", ast.ListExpr((length,), span=HERE))
        return call("size", ast.Index(whole, (part,), span=HERE), number(0))

    def _call(self, node: Node, operands: Sequence[ast.Expr]) -> ast.Expr:
        """A call: attributes that have to be given in their places, others by keyword."""
        args, keywords = list(operands), {}
        for key, spec in node.op.attributes.items():
            value = node.attributes()[key]
            if spec.kind == "internal" or self._is_default(value, spec):
                continue
            written = self._attribute(value, spec)
            if spec.default is REQUIRED and not node.op.variadic:
                args.append(written)
            else:
                keywords[key] = written
        return call(node.op.name, *args, **keywords)

    def _is_default(self, value: Any, spec: Attribute) -> bool:
        if spec.kind == "dtype" and spec.default is None:
            return value is self.float
        if isinstance(value, tuple) and spec.kind == "ints":
            return value == (spec.default,)
        return type(value) is type(spec.default) and bool(value == spec.default)

    def _attribute(self, value: Any, spec: Attribute) -> ast.Expr:
        match value:
            case DType():
                return self.dtype(value)
            case str():
                return ast.String(value, span=HERE)
            case tuple((one,)) if spec.kind in ("ints", "axes"):
                return self._attribute(one, spec)
            case tuple():
                return _list(value, lambda item: self._attribute(item, spec))
            case Poly():
                return self.size(value)
        return number(value)

    def dtype(self, dtype: DType) -> ast.Expr:
        """An element type; `float` for the model's own."""
        return name("float" if dtype is self.float else str(dtype))

    # --- forms that are no calls -----------------------------------------------------------------

    def constant(self, node: Node) -> ast.Expr:
        """A list, which alone would be bool, i64 or the model's float, in the type it has."""
        attrs = node.attributes()
        value, dtype = attrs["value"], attrs["dtype"]
        if dtype.is_float:
            value = _floats(value)
        written = _list(value, number)
        if dtype in (self.float, DType.bool, DType.i64) and _has_elements(value):
            return written
        # beside a tensor of its type a list is read without a detour
        beside = call("zeros", _list(node.type.shape, self.size), dtype=self.dtype(dtype))
        return binary("+", beside, written) if _has_elements(value) else beside

    def index(self, node: Node, x: ast.Expr) -> ast.Expr:
        """`x[…]`."""
        items = tuple(map(self._item, node.attributes()["items"]))
        return ast.Index(x, items, span=HERE)

    def _item(self, item: Any) -> ast.Expr | ast.Slice | ast.Ellipsis_:
        match item:
            case "...":
                return ast.Ellipsis_(span=HERE)
            case ("slice", *bounds):
                parts = [None if bound is None else self.size(bound) for bound in bounds]
                return ast.Slice(*parts, span=HERE)
        return self.size(item)


def _list(values: Sequence[Any], write: Callable[[Any], ast.Expr]) -> ast.Expr:
    """A list, of lists where its items are tuples."""
    items = (_list(v, write) if isinstance(v, tuple) else write(v) for v in values)
    return ast.ListExpr(tuple(items), span=HERE)


def _floats(value: Any) -> Any:
    return tuple(map(_floats, value)) if isinstance(value, tuple) else float(value)


def _has_elements(value: Any) -> bool:
    return any(map(_has_elements, value)) if isinstance(value, tuple) else True


_Form = Callable[[Writer, Node, Sequence[ast.Expr]], ast.Expr]
_FORMS: dict[Op, _Form] = {
    leaves.number: lambda w, node, x: number(node.attributes()["value"]),
    leaves.extent: lambda w, node, x: w.size(node.attributes()["size"]),
    leaves.constant: lambda w, node, x: w.constant(node),
    indexing.index: lambda w, node, x: w.index(node, x[0]),
    shape.swap: lambda w, node, x: ast.Attribute(x[0], name("T"), span=HERE),
    arithmetic.neg: lambda w, node, x: negative(x[0]),
    comparison.logical_not: lambda w, node, x: ast.Unary("not", x[0], span=HERE),
    conversion.identity: lambda w, node, x: x[0],
    conversion.copy: lambda w, node, x: x[0],
}
"""Ops that are written in other ways than as calls or by a sign between two operands."""
