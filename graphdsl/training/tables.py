"""The tables behind a `data` block: opened, their columns compared, their rows split."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from graphdsl.compiler.lower.settings import DataSettings
from graphdsl.driver import Compilation
from graphdsl.engines.feeds import refusal
from graphdsl.graph.kernel import Array
from graphdsl.language import ast
from graphdsl.language.diagnostics import Diagnostic, Label, ModelError, did_you_mean
from graphdsl.language.source import Span
from graphdsl.training import paths
from graphdsl.training.binding import Binder, columns_named
from graphdsl.training.columns import Table
from graphdsl.training.dataset import batched
from graphdsl.training.options import data_settings
from graphdsl.training.placed import Placed
from graphdsl.training.sources import read_table
from graphdsl.training.splits import split

Rows = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Opened:
    """A source's tables and the rows of each part, counted over all tables."""

    tables: list[Table]
    rows: Rows
    count: int
    binder: Binder


def open_tables(
    compilation: Compilation,
    block: DataSettings,
    overrides: Mapping[str, Any],
    only: Mapping[str, ast.Setting] | None = None,
) -> Opened:
    """Read the tables and split their rows; `only` these bindings have to be possible."""
    values = data_settings(compilation, overrides)
    files = {key: values[key] for key in ("source", "train", "valid", "test") if values[key]}
    _check_parts(files, values, block)
    folder = paths.model_folder(compilation.program.source)
    tables: dict[str, Table] = {}
    for key, text in files.items():
        span = block.given[key] if key not in overrides else None
        with Placed(span):
            path = paths.inside(folder, text, span) if span else Path(text)
            tables["main" if key in ("source", "train") else key] = read_table(path)
    bindings = block.bindings if only is None else only
    inputs = compilation.lowered().graph
    by_row = batched({inputs.nodes[i].name or "": inputs.nodes[i].type for i in inputs.inputs})
    binder = Binder(compilation, list(tables.values()))
    counts = row_counts(binder, bindings, by_row)
    rows = _split(tables["main"], counts[0], values, block, overrides)
    start = counts[0]
    for (name, _), count in zip(list(tables.items())[1:], counts[1:], strict=True):
        rows[name] = np.arange(start, start + count)
        start += count
    binder.train = rows["train"]
    return Opened(list(tables.values()), rows, start, binder)


def _check_parts(files: Mapping[str, str], values: Mapping[str, Any], block: DataSettings) -> None:
    """Raise `ModelError` if a part would come from two places."""
    made = {2: ("valid",), 3: ("valid", "test")}.get(len(values["split"] or ()), ())
    twice = [name for name in made if name in files]
    if "source" in files and "train" in files:
        twice.append("train")
    if twice:
        origin = "'source'" if twice[0] == "train" else "'split'"
        message = f"the {twice[0]} part comes from '{twice[0]}' and from {origin}"
        span = block.given.get(twice[0], block.span)
        help = ("leave one of the two out",)
        raise ModelError(Diagnostic("E0509", message, (Label(span),), help))


def row_counts(
    binder: Binder, bindings: Mapping[str, ast.Setting], by_row: Collection[str]
) -> list[int]:
    """How many rows each table has; raises if columns are unknown or differ in length."""
    used: dict[str, Span] = {}
    faults: list[Diagnostic] = []
    for name, setting in bindings.items():
        try:
            found = binder.used(setting)
        except ModelError as error:
            faults += error.diagnostics
            continue
        if name in by_row:
            used |= {column: setting.value.span for column in found if column not in used}
    if faults:
        raise ModelError(faults)
    return [_rows_of(table, used) for table in binder.tables]


def _rows_of(table: Table, used: Mapping[str, Span]) -> int:
    for name, span in used.items():
        if name not in table.columns:
            help = did_you_mean(name, table.columns)
            with Placed(span):
                raise refusal("E0615", f"'{table.name}' has no column '{name}'", *help)
    lengths = {name: table.columns[name].shape[0] for name in used if table.columns[name].shape}
    first = next(iter(lengths), None)
    for name, length in lengths.items():
        if first is not None and length != lengths[first]:
            message = (
                f"the columns of '{table.name}' differ in length: "
                f"'{first}' has {lengths[first]} rows, '{name}' {length}"
            )
            with Placed(used[name]):
                raise refusal("E0615", message, "every row needs a value in each column")
    return lengths[first] if first is not None else 0


def _split(
    table: Table,
    count: int,
    values: Mapping[str, Any],
    block: DataSettings,
    overrides: Mapping[str, Any],
) -> Rows:
    """The rows of the main table in each part."""
    if values["split"] is None:
        if not count:
            raise refusal("E0616", f"the train part is empty: '{table.name}' has no rows")
        return {"train": np.arange(count)}
    classes, column = None, values["stratify"]
    span = block.given.get("stratify") if "stratify" not in overrides else None
    if column is not None:
        labels = (Label(span),) if span else ()
        if column not in table.columns:
            help = did_you_mean(column, table.columns)
            message = f"'{table.name}' has no column '{column}'"
            raise ModelError(Diagnostic("E0507", message, labels, tuple(help)))
        if table.columns[column].shape != (count,):
            message = f"'{column}' has the shape {list(table.columns[column].shape)}, not [{count}]"
            raise ModelError(Diagnostic("E0511", message, labels, ("stratify by one value a row",)))
        classes = table.array(column)
    with Placed(span or block.given.get("split")):
        return split(count, values["split"], values["split_seed"], classes)


def padded(table: Table, like: Table, settings: Iterable[ast.Setting]) -> Table:
    """The table with those columns of another that it lacks, without values (nan).

    `table` in an expression stands for all columns, and new rows need not have the answers: what
    is cut off does not count, and what is used is found out by its nan. A column that a setting
    names must be there.
    """
    named = {name for setting in settings for name in columns_named(setting.value)}
    rows = next((c.shape[0] for c in table.columns.values() if c.shape), 0)
    missing = {
        name: replace(column, shape=(shape := (rows, *column.shape[1:])), load=_blank(shape))
        for name, column in like.columns.items()
        if name not in table.columns and name not in named and column.kind == "number"
    }
    return replace(table, columns={**table.columns, **missing})


def _blank(shape: tuple[int, ...]) -> Callable[[], Array]:
    return lambda: np.full(shape, np.nan)
