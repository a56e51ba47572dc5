"""Expressions over columns as programs: arrays of rows come in, the expression's value goes out.

Each is compiled by the ordinary driver as a small model of its own whose inputs are the columns, in
f64 and i64, so that its errors stand where the user wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from graphdsl.driver import Compilation, Purpose
from graphdsl.engines.feeds import refusal
from graphdsl.graph.kernel import Array
from graphdsl.graph.sizes import evaluate
from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.language.source import Span
from graphdsl.session import Session
from graphdsl.training import walking

RESULT = "the result"
ROWS = "the rows"
"""Names with a space, which no user can write, keep columns apart from the file's names."""

STATIC = (ast.Import, ast.Const, ast.Dim, ast.Block)
"""What a data block sees of its file."""

Leaf = Callable[[Array | None], Array]
"""A column, or what takes a column's place, for the rows of these numbers; None is all of them."""


@dataclass(slots=True)
class Formula:
    """An expression over leaves. `by_row` are the leaves whose first axis counts the rows."""

    compilation: Compilation
    expr: ast.Expr
    leaves: Mapping[str, Leaf]
    by_row: frozenset[str]
    _session: Session | None = field(default=None, repr=False)

    def all(self) -> Array:
        """The value for all rows, compiled for their number: it shows in messages."""
        arrays = self._arrays(None)
        if self._is_leaf:
            return next(iter(arrays.values()))
        plain = {name: plain_numbers(array, name) for name, array in arrays.items()}
        return self._run(Session(self._compile(plain, frozenset())), plain)

    def shape(self, count: int) -> tuple[int, ...]:
        """The shape that the value for `count` rows would have; nothing is computed for them."""
        found = {}
        for name, one in self._arrays(np.zeros(1, np.int64)).items():
            many = (count, *one.shape[1:]) if name in self.by_row else one.shape
            found[name] = np.broadcast_to(plain_numbers(one, name), many)
        if self._is_leaf:
            return next(iter(found.values())).shape
        graph = self._compile(found, frozenset()).graph()
        return tuple(evaluate(size, {}) for size in graph.nodes[graph.names[RESULT]].type.shape)

    def at(self, rows: Array) -> Array:
        """The value for some rows, compiled once for any number of them."""
        arrays = self._arrays(rows)
        if self._is_leaf:
            return next(iter(arrays.values()))
        plain = {name: plain_numbers(array, name) for name, array in arrays.items()}
        if self._session is None:
            self._session = Session(self._compile(plain, self.by_row))
        return self._run(self._session, plain)

    @property
    def _is_leaf(self) -> bool:
        return isinstance(self.expr, ast.Name) and self.expr.id in self.leaves

    def _arrays(self, rows: Array | None) -> dict[str, Array]:
        return {name: leaf(rows) for name, leaf in self.leaves.items()}

    def _run(self, session: Session, arrays: Mapping[str, Array]) -> Array:
        return session.results(Purpose((RESULT,)), arrays)[RESULT]

    def _compile(self, arrays: Mapping[str, Array], symbolic: frozenset[str]) -> Compilation:
        """A program of one output whose inputs are the leaves, some with rows of any number."""
        outer, span = self.compilation, self.expr.span
        spans = {name: walking.span_of(self.expr, name) for name in arrays}
        inputs = [
            ast.Input(ast.Name(n, span=spans[n]), _type_of(a, spans[n], n in symbolic), span=span)
            for n, a in arrays.items()
        ]
        output = ast.Output(ast.Name(RESULT, span=span), self.expr, span=span)
        static = [s for s in outer.program.statements if isinstance(s, STATIC)]
        dims = [ast.Dim((ast.Name(ROWS, span=span),), span=span)] if symbolic else []
        program = replace(outer.program, statements=(*static, *dims, *inputs, output))
        return Compilation(program, outer.lowered().constants, DType.f64, outer.include)


def plain_numbers(array: Array, name: str) -> Array:
    """The array as f64, i64 or bool; raises `DataError` where that would lose something."""
    match array.dtype.kind:
        case "b":
            return array
        case "i":
            return array.astype(np.int64, copy=False)
        case "u":
            if array.size and array.max() > np.iinfo(np.int64).max:
                raise refusal("E0614", f"'{name}' holds a number beyond 64-bit integers")
            return array.astype(np.int64)
        case "f":
            return array.astype(np.float64, copy=False)
    raise refusal("E0614", f"'{name}' holds elements of type {array.dtype}, not numbers")


def _type_of(array: Array, span: Span, symbolic: bool) -> ast.Type:
    kinds = {"b": "bool", "i": "i64", "f": "f64"}
    sizes: list[ast.Expr] = [ast.Number(size, span=span) for size in array.shape]
    if symbolic:
        sizes[0] = ast.Name(ROWS, span=span)
    return ast.Type(ast.Name(kinds[array.dtype.kind], span=span), tuple(sizes) or None, span=span)
