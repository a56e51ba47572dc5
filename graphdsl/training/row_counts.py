"""How many rows the tables of a `data` block have, by the columns that are used; what has no place
on this machine, and columns that do not fit together, are refused before anything is loaded."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from graphdsl.engines.feeds import refusal
from graphdsl.engines.machine import find_lack
from graphdsl.language import ast
from graphdsl.language.diagnostics import DataError, Diagnostic, ModelError
from graphdsl.language.source import Span
from graphdsl.training.binding import Binder
from graphdsl.training.column_names import unknown_column
from graphdsl.training.columns import Table, too_large
from graphdsl.training.placed import Placed

ROW_BYTES = 8
"""What a row takes however little it holds: its number."""


def row_counts(
    binder: Binder, bindings: Mapping[str, ast.Setting], by_row: Collection[str]
) -> list[int]:
    """How many rows each table has; raises if columns are unknown or differ in length."""
    used: dict[str, Span] = {}
    read: dict[str, Span] = {}
    faults: list[Diagnostic] = []
    for name, setting in bindings.items():
        try:
            found = binder.used(setting)
        except ModelError as error:
            faults += error.diagnostics
            continue
        if name in by_row:
            used |= {column: setting.value.span for column in found if column not in used}
        read |= {column: setting.value.span for column in found if column not in read}
    if faults:
        raise ModelError(faults)
    for table in binder.stacked.tables:
        _verify_room(table, read)
    return [_rows_of(table, used) for table in binder.stacked.tables]


def _verify_room(table: Table, read: Mapping[str, Span]) -> None:
    """Raise `DataError`, at what reads most, where the columns together do not fit the machine."""
    sizes = {name: table.columns[name].nbytes for name in read if name in table.columns}
    largest = max(sizes, key=lambda name: sizes[name], default=None)
    with Placed(read[largest] if largest is not None else None):
        table.verify_room(sizes)


def _rows_of(table: Table, used: Mapping[str, Span]) -> int:
    _verify_known(table, used)
    lengths = {name: table.columns[name].shape[0] for name in used if table.columns[name].shape}
    if not lengths:
        return 0
    first, count = next(iter(lengths.items()))
    other = next((name for name, length in lengths.items() if length != count), None)
    if other is not None:
        _raise_fault(table, used)
        message = (
            f"the columns of '{table.name}' differ in length: "
            f"'{first}' has {count} rows, '{other}' {lengths[other]}"
        )
        with Placed(used[other]):
            raise refusal("E0615", message, "every row needs a value in each column")
    if lack := find_lack(count * ROW_BYTES):
        _raise_fault(table, used)
        with Placed(used[first]):
            raise too_large(f"'{first}' of '{table.name}' with {count:,} rows", lack=lack)
    return count


def _verify_known(table: Table, used: Mapping[str, Span]) -> None:
    for name, span in used.items():
        if name not in table.columns:
            message, help = unknown_column(table, name)
            with Placed(span):
                raise refusal("E0507", message, *help)


def _raise_fault(table: Table, used: Mapping[str, Span]) -> None:
    """Raise what is wrong with a column, if something is: it may explain its length."""
    for name, span in used.items():
        fault = table.columns[name].fault
        if fault is not None:
            with Placed(span):
                raise DataError(fault)
