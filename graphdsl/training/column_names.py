"""What the names in a `data` block's expressions stand for: columns, functions, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphdsl.compiler.lower.program import prelude
from graphdsl.compiler.lower.scope import universal
from graphdsl.driver import Compilation
from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.language.diagnostics import Diagnostic, Label, ModelError, did_you_mean
from graphdsl.language.source import Span
from graphdsl.training import walking
from graphdsl.training.columns import Table

TABLE = "table"
LEARNING = ("standardize", "category")
"""The functions that take something from the training part."""
SPECIAL = ("column", *LEARNING)


def columns_read(
    expr: Any, table: Table, compilation: Compilation, faults: list[Diagnostic]
) -> Iterator[str]:
    """The columns that an expression reads; names that nothing has are added to `faults`."""
    match expr:
        case ast.Name(id=name):
            if name in table.columns:
                yield name
            elif name == TABLE:
                yield from numeric(table)
            elif not _is_known(name, compilation):
                faults.append(_unknown(name, expr.span, table, compilation))
        case ast.Call(function=ast.Name(id="column")):
            name = column_name(expr)
            if name in table.columns:
                yield name
            else:
                faults.append(_unknown(name, expr.args[0].span, table, compilation))
        case _:
            for child in walking.children(expr):
                yield from columns_read(child, table, compilation, faults)


def columns_named(expr: Any) -> Iterator[str]:
    """The columns that an expression names one by one, and not by way of `table`."""
    match expr:
        case ast.Name(id=name):
            yield name
        case ast.Call(function=ast.Name(id="column")):
            yield column_name(expr)
        case _:
            for child in walking.children(expr):
                yield from columns_named(child)


def reference(expr: ast.Expr) -> str | None:
    """The column an expression names, if that is all it does."""
    match expr:
        case ast.Name(id=name):
            return name
        case ast.Call(function=ast.Name(id="column")):
            return column_name(expr)
    return None


def column_name(call: ast.Call) -> str:
    """The name in `column("…")`; raises `ModelError` if it is no name."""
    argument = call.args[0] if len(call.args) == 1 and not call.keywords else None
    if not isinstance(argument, ast.String):
        help = ('column("mean radius")',)
        message = "'column' takes a name in double quotes"
        raise ModelError(Diagnostic("E0510", message, (Label(call.span),), help))
    return argument.value


def numeric(table: Table) -> list[str]:
    """The columns of `table`: numbers, one or several for each row, and those that only some
    cells keep from it, which must not be left out without a word."""
    return [
        name
        for name, column in table.columns.items()
        if (column.kind == "number" or column.mixed) and len(column.shape) in (1, 2)
    ]


def classes_named(expr: Any) -> Iterator[str]:
    """The columns whose values `category` numbers: they may be text."""
    for call in learning(expr):
        if special(call) == "category" and len(call.args) == 1:
            name = reference(call.args[0])
            if name is not None:
                yield name


def learning(expr: Any) -> Iterator[ast.Call]:
    """The calls in an expression that take something from the training part, inner ones first."""
    for child in walking.children(expr):
        yield from learning(child)
    if isinstance(expr, ast.Call) and special(expr) in LEARNING:
        yield expr


def special(call: ast.Call) -> str | None:
    """The name of the function that a call is of, if only the data block has it."""
    match call.function:
        case ast.Name(id=name) if name in SPECIAL:
            return name
    return None


def unknown_column(table: Table, name: str) -> tuple[str, tuple[str, ...]]:
    """What is said of a column that there is not, and the help."""
    columns = list(table.columns)
    shown = ", ".join(columns[:12]) + (", …" if len(columns) > 12 else "")
    help = [*did_you_mean(name, [*columns, TABLE]), f"the columns of '{table.name}': {shown}"]
    return f"'{table.name}' has no column '{name}'", tuple(help)


def _is_known(name: str, compilation: Compilation) -> bool:
    """Whether something that is no column has this name: a constant, a size, an op, …"""
    return (
        name in _static_names(compilation.program)
        or name == "training"
        or universal(name, DType.f64) is not None
        or prelude().find(name) is not None
    )


def _unknown(name: str, span: Span, table: Table, compilation: Compilation) -> Diagnostic:
    message, help = unknown_column(table, name)
    if name in compilation.graph().names:
        note = f"'{name}' is a node of the model; the data block computes from columns alone"
        help = (note, help[-1])
    return Diagnostic("E0507", message, (Label(span),), help)


def _static_names(program: ast.Program) -> set[str]:
    found: set[str] = set()
    for statement in program.statements:
        match statement:
            case ast.Const(name=name) | ast.Block(name=name):
                found.add(name.id)
            case ast.Dim(names=names) | ast.Import(names=names):
                found.update(name.id for name in names)
    return found
