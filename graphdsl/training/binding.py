"""The right-hand sides of a `data` block: expressions over a source's columns, as arrays.

Each is compiled by the ordinary driver as a small program of its own whose inputs are the columns,
in f64 and i64, so that its errors stand where the user wrote it. `standardize(…)` and
`category(…)` are computed first and take the place of a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from graphdsl.compiler.lower.program import prelude
from graphdsl.compiler.lower.scope import universal
from graphdsl.driver import Compilation, Purpose
from graphdsl.engines.feeds import refusal
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.language.diagnostics import (
    Diagnostic,
    Label,
    ModelError,
    did_you_mean,
)
from graphdsl.language.source import Span
from graphdsl.session import Session
from graphdsl.training import walking
from graphdsl.training.columns import Table
from graphdsl.training.placed import Placed

SPECIAL = ("column", "standardize", "category")
TABLE = "table"
RESULT = "the result"
"""Names with a space, which no user can write, keep columns apart from the file's names."""


class Binder:
    """Evaluates expressions over the rows of `tables`, one after the other.

    `train` are the rows whose statistics `standardize` takes (None: all); `columns` are the names
    that every table has. `categories` gathers the values behind the codes of `category`.
    """

    def __init__(
        self, compilation: Compilation, tables: Sequence[Table], train: Array | None = None
    ) -> None:
        self.compilation = compilation
        self.tables = tables
        self.train = train
        self.categories: dict[str, tuple[Any, ...]] = {}
        self._arrays: dict[str, Array] = {}

    @property
    def table(self) -> Table:
        """The table whose columns are the names."""
        return self.tables[0]

    def used(self, setting: ast.Setting) -> list[str]:
        """The columns a setting reads; raises `ModelError` for names that are none."""
        faults: list[Diagnostic] = []
        names = list(dict.fromkeys(self._names(setting.value, faults)))
        if faults:
            raise ModelError(faults)
        return names

    def evaluate(self, setting: ast.Setting) -> Array:
        """The value of a setting; raises `GraphdslError`, with the setting's place."""
        with Placed(setting.value.span):
            return self._value(setting.value)

    # --- names -----------------------------------------------------------------------------------

    def _names(self, expr: ast.Expr, faults: list[Diagnostic]) -> Iterator[str]:
        columns = self.table.columns
        match expr:
            case ast.Name(id=name):
                if name in columns:
                    yield name
                elif name == TABLE:
                    yield from self._numeric()
                elif not self._known(name):
                    faults.append(self._unknown(name, expr.span))
            case ast.Call(function=ast.Name(id="column")):
                name = _column_name(expr)
                if name in columns:
                    yield name
                else:
                    faults.append(self._unknown(name, expr.args[0].span))
            case _:
                for child in walking.children(expr):
                    yield from self._names(child, faults)

    def _known(self, name: str) -> bool:
        """Whether something that is no column has this name: a constant, a size, an op, …"""
        return (
            name in _static_names(self.compilation.program)
            or name == "training"
            or universal(name, DType.f64) is not None
            or prelude().find(name) is not None
        )

    def _unknown(self, name: str, span: Span) -> Diagnostic:
        columns = list(self.table.columns)
        help = list(did_you_mean(name, [*columns, TABLE]))
        if name in self.compilation.graph().names:
            help = [f"'{name}' is a node of the model; the data block computes from columns alone"]
        shown = ", ".join(columns[:12]) + (", …" if len(columns) > 12 else "")
        help.append(f"the columns of '{self.table.name}': {shown}")
        message = f"'{self.table.name}' has no column '{name}'"
        return Diagnostic("E0507", message, (Label(span),), tuple(help))

    def _numeric(self) -> list[str]:
        """The columns of `table`: numbers, one or several for each row."""
        named = self.table.columns.items()
        return [name for name, c in named if c.kind == "number" and len(c.shape) in (1, 2)]

    # --- values ----------------------------------------------------------------------------------

    def _value(self, expr: ast.Expr) -> Array:
        rewritten = self._rewritten(expr)
        if isinstance(rewritten, ast.Name) and rewritten.id in self._arrays:
            return self._arrays[rewritten.id]
        return self._run(rewritten)

    def _rewritten(self, expr: Any) -> Any:
        """The expression with columns, and what is computed first, under names of their own."""
        match expr:
            case ast.Name(id=name) if name in self.table.columns:
                return self._column(name, expr.span)
            case ast.Name(id=name) if name == TABLE:
                return self._keep("the table", self._whole_table, expr.span)
            case ast.Call(function=ast.Name(id=special)) if special in SPECIAL:
                return self._special(special, expr)
        return walking.rebuilt(expr, self._rewritten)

    def _column(self, name: str, span: Span) -> ast.Name:
        if self.table.columns[name].kind != "number":
            note = self.table.columns[name].note
            raise ModelError(
                Diagnostic(
                    "E0510",
                    f"column '{name}' of '{self.table.name}' holds text"
                    + (f": {note}" if note else ""),
                    (Label(span),),
                    (f"category({name}) turns text into whole numbers, one for each value",),
                )
            )
        return self._keep(f"column {name}", lambda: self.column(name), span)

    def _keep(self, key: str, make: Callable[[], Array], span: Span) -> ast.Name:
        if key not in self._arrays:
            self._arrays[key] = make()
        return ast.Name(key, span=span)

    def column(self, name: str) -> Array:
        """A column over all tables, as it is stored; scalars are those of the first table."""
        arrays = [table.array(name) for table in self.tables]
        if len(arrays) == 1 or arrays[0].ndim == 0:
            return arrays[0]
        shapes = {array.shape[1:] for array in arrays}
        if len(shapes) > 1:
            pairs = zip(arrays, self.tables, strict=True)
            found = ", ".join(f"{list(a.shape)} in '{t.name}'" for a, t in pairs)
            raise refusal("E0615", f"column '{name}' differs in shape: {found}")
        return np.concatenate(arrays)

    def _whole_table(self) -> Array:
        columns = [_plain(self.column(name), name) for name in self._numeric()]
        return np.column_stack(columns) if columns else np.zeros((0, 0))

    def _special(self, name: str, call: ast.Call) -> ast.Name:
        wanted = '"NAME"' if name == "column" else "COLUMN"
        if len(call.args) != 1 or call.keywords:
            help = (f"{name}({wanted})",)
            message = f"'{name}' takes one argument"
            raise ModelError(Diagnostic("E0510", message, (Label(call.span),), help))
        if name == "column":
            return self._column(_column_name(call), call.span)
        key = f"{name} {call.span.start}"
        if name == "category":
            return self._keep(key, lambda: self._codes(call.args[0]), call.span)
        return self._keep(key, lambda: self._standardized(call.args[0]), call.span)

    def _codes(self, expr: ast.Expr) -> Array:
        """Whole numbers from 0 for the values of a column in their sorted order: i64."""
        name = _reference(expr)
        if name is None or name not in self.table.columns:
            help = ("category(species)",)
            message = "'category' takes the name of a column"
            raise ModelError(Diagnostic("E0510", message, (Label(expr.span),), help))
        values, codes = np.unique(self.column(name), return_inverse=True)
        self.categories[name] = tuple(values.tolist())
        return codes.reshape(-1).astype(np.int64)

    def _standardized(self, expr: ast.Expr) -> Array:
        """(c - mean) / deviation of each feature over the training rows; what is constant
        there is divided by 1."""
        values = _plain(self._value(expr), "standardize").astype(np.float64)
        if not values.ndim:
            message = "'standardize' takes a column or several, not one number"
            raise ModelError(Diagnostic("E0510", message, (Label(expr.span),)))
        rows = values if self.train is None else values[self.train]
        mean, deviation = rows.mean(axis=0), rows.std(axis=0)
        flat = deviation <= 8 * np.finfo(np.float64).eps * np.abs(mean)
        scaled: Array = (values - mean) / np.where(flat, 1.0, deviation)
        return scaled

    def _run(self, expr: ast.Expr) -> Array:
        """The value of an expression over the arrays kept: a program compiled and run once."""
        used = [name.id for name in walking.names(expr) if name.id in self._arrays]
        arrays = {name: _plain(self._arrays[name], name) for name in dict.fromkeys(used)}
        outer = self.compilation
        spans = {name: walking.span_of(expr, name) for name in arrays}
        inputs = [
            ast.Input(ast.Name(n, span=spans[n]), _type_of(a, spans[n]), span=spans[n])
            for n, a in arrays.items()
        ]
        output = ast.Output(ast.Name(RESULT, span=expr.span), expr, span=expr.span)
        static = [s for s in outer.program.statements if isinstance(s, _STATIC)]
        program = replace(outer.program, statements=(*static, *inputs, output))
        session = Session(Compilation(program, outer.lowered().constants, DType.f64, outer.include))
        return session.results(Purpose((RESULT,)), arrays)[RESULT]


_STATIC = (ast.Import, ast.Const, ast.Dim, ast.Block)
"""What a data block sees of its file."""


def _static_names(program: ast.Program) -> set[str]:
    found: set[str] = set()
    for statement in program.statements:
        match statement:
            case ast.Const(name=name) | ast.Block(name=name):
                found.add(name.id)
            case ast.Dim(names=names) | ast.Import(names=names):
                found.update(name.id for name in names)
    return found


def _column_name(call: ast.Call) -> str:
    argument = call.args[0] if len(call.args) == 1 and not call.keywords else None
    if not isinstance(argument, ast.String):
        help = ('column("mean radius")',)
        message = "'column' takes a name in double quotes"
        raise ModelError(Diagnostic("E0510", message, (Label(call.span),), help))
    return argument.value


def columns_named(expr: Any) -> Iterator[str]:
    """The columns that an expression names one by one, and not by way of `table`."""
    match expr:
        case ast.Name(id=name):
            yield name
        case ast.Call(function=ast.Name(id="column")):
            yield _column_name(expr)
        case _:
            for child in walking.children(expr):
                yield from columns_named(child)


def _reference(expr: ast.Expr) -> str | None:
    """The column an expression names, if that is all it does."""
    match expr:
        case ast.Name(id=name):
            return name
        case ast.Call(function=ast.Name(id="column")):
            return _column_name(expr)
    return None


def _plain(array: Array, name: str) -> Array:
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


def _type_of(array: Array, span: Span) -> ast.Type:
    kinds = {"b": "bool", "i": "i64", "f": "f64"}
    sizes = tuple(ast.Number(size, span=span) for size in array.shape)
    return ast.Type(ast.Name(kinds[array.dtype.kind], span=span), sizes or None, span=span)
