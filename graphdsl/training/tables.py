"""The tables behind a `data` block: opened, their columns compared, their rows split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from graphdsl.compiler.lower.settings import DataSettings
from graphdsl.driver import Compilation
from graphdsl.engines.feeds import refusal
from graphdsl.graph.kernel import Array
from graphdsl.language import ast
from graphdsl.language.diagnostics import Diagnostic, Label, ModelError, UsageError
from graphdsl.language.source import Span
from graphdsl.training import paths
from graphdsl.training.binding import Binder
from graphdsl.training.column_names import (
    classes_named,
    columns_named,
    numeric,
    unknown_column,
)
from graphdsl.training.columns import NO_ROWS, Column, Table
from graphdsl.training.dataset import batched
from graphdsl.training.options import data_settings
from graphdsl.training.placed import Placed
from graphdsl.training.row_counts import row_counts
from graphdsl.training.sources import read_table
from graphdsl.training.splits import split, split_by

RowsByPart = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Opened:
    """A source's tables and the rows of each part, counted over all tables."""

    tables: list[Table]
    rows: RowsByPart
    count: int
    binder: Binder


def open_tables(
    compilation: Compilation,
    block: DataSettings,
    overrides: Mapping[str, Any],
    only: Mapping[str, ast.Setting] | None = None,
) -> Opened:
    """Read the tables and split their rows; `only` these bindings have to be possible."""
    values = chosen_split(data_settings(compilation, overrides), overrides)
    tables = _read_tables(compilation, block, values, overrides)
    bindings = block.bindings if only is None else only
    inputs = compilation.lowered().graph
    by_row = batched({inputs.nodes[i].name or "": inputs.nodes[i].type for i in inputs.inputs})
    binder = Binder(compilation, list(tables.values()))
    counts = binder.stacked.counts = row_counts(binder, bindings, by_row)
    rows = _split(tables["main"], counts[0], values, block, overrides)
    _verify_once(rows, tables, block)
    start = counts[0]
    for (name, _), count in zip(list(tables.items())[1:], counts[1:], strict=True):
        rows[name] = np.arange(start, start + count)
        start += count
    binder.train = rows["train"]
    return Opened(list(tables.values()), rows, start, binder)


def _read_tables(
    compilation: Compilation,
    block: DataSettings,
    values: Mapping[str, Any],
    overrides: Mapping[str, Any],
) -> dict[str, Table]:
    """The tables by the part they are for; `main` is the one that may be split."""
    files = {key: values[key] for key in ("source", "train", "valid", "test") if values[key]}
    _verify_parts(files, values, block)
    folder = paths.model_folder(compilation.program.source)
    tables: dict[str, Table] = {}
    for key, text in files.items():
        span = block.given[key] if key not in overrides else None
        with Placed(span):
            path = paths.inside(folder, text, span) if span else Path(text)
            table = as_text(read_table(path), block.bindings.values(), values)
            tables["main" if key in ("source", "train") else key] = table
    return tables


def _verify_parts(files: Mapping[str, str], values: Mapping[str, Any], block: DataSettings) -> None:
    """Raise `ModelError` if a part would come from two places."""
    made = {2: ("valid",), 3: ("valid", "test")}.get(len(values["split"] or ()), ())
    twice = [(name, "split") for name in made if name in files]
    if "source" in files and "train" in files:
        twice.append(("train", "source"))
    if values["split"] is not None and values["split_by"] is not None:
        twice.append(("train", "split_by"))
    if twice:
        raise _twice(*twice[0], block)


def _verify_once(rows: RowsByPart, tables: Mapping[str, Table], block: DataSettings) -> None:
    """Raise `ModelError` if a part that a column makes has a file of its own, too."""
    twice = [name for name in rows if name in tables]
    if twice:
        raise _twice(twice[0], "split_by", block)


def _twice(part: str, origin: str, block: DataSettings) -> ModelError:
    other = "split" if origin == "split_by" and part == "train" else part
    message = f"the {part} part comes from '{other}' and from '{origin}'"
    span = block.given.get(other, block.span)
    return ModelError(Diagnostic("E0509", message, (Label(span),), ("leave one of the two out",)))


def _split(
    table: Table,
    count: int,
    values: Mapping[str, Any],
    block: DataSettings,
    overrides: Mapping[str, Any],
) -> RowsByPart:
    """The rows of the main table in each part."""
    span = {key: block.given.get(key) if key not in overrides else None for key in values}
    if not count:
        raise refusal("E0616", f"the train part is empty: '{table.name}' has no rows", NO_ROWS)
    if values["split_by"] is not None:
        with Placed(span["split_by"]):
            parts = _by_row(table, values["split_by"], count, span["split_by"])
            return split_by(parts, values["split_by"], table.place)
    if values["split"] is None:
        return {"train": np.arange(count)}
    classes = None
    if values["stratify"] is not None:
        classes = _by_row(table, values["stratify"], count, span["stratify"])
    with Placed(span["stratify"] or block.given.get("split")):
        return split(count, values["split"], values["split_seed"], classes)


def _by_row(table: Table, name: str, count: int, span: Span | None) -> Array:
    """A column with one value for each row; raises `ModelError` if there is none such."""
    labels = (Label(span),) if span else ()
    if name not in table.columns:
        message, help = unknown_column(table, name)
        raise ModelError(Diagnostic("E0507", message, labels, help))
    if table.columns[name].shape != (count,):
        message = f"'{name}' has the shape {list(table.columns[name].shape)}, not [{count}]"
        raise ModelError(Diagnostic("E0511", message, labels, ("name one value a row",)))
    return table.array(name)


def chosen_split(values: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, where an override of the one way to split puts the file's other one out.

    Raises `UsageError` for an override by `stratify` where nothing is split.
    """
    put_out = {"split": "split_by", "split_by": "split"}
    given = [key for key in put_out if overrides.get(key) is not None]
    off = {put_out[key]: None for key in given} if len(given) == 1 else {}
    chosen = {**values, **off}
    if overrides.get("stratify") is not None and chosen["split"] is None:
        message = "'stratify' divides nothing without 'split'"
        raise UsageError(Diagnostic("E0848", message, (), ("split=[0.6, 0.2, 0.2]",)))
    return chosen


def as_text(
    table: Table, settings: Iterable[ast.Setting], values: Mapping[str, Any] | None = None
) -> Table:
    """The table with those columns taken for text that a block uses as such, though some of their
    cells are numbers: what `category` numbers, and what rows are split by."""
    named = {name for setting in settings for name in classes_named(setting.value)}
    named |= {str((values or {}).get(key)) for key in ("split_by", "stratify")}
    columns = {n: replace(c, mixed=None) if n in named else c for n, c in table.columns.items()}
    return replace(table, columns=columns)


def padded(
    table: Table, like: Mapping[str, tuple[int, ...]], settings: Iterable[ast.Setting]
) -> Table:
    """The table with those numeric columns of another that it lacks, without values (nan).

    `like` gives the shape of a row of each, in their order. `table` in an expression stands for
    these columns in this order, whatever else the new rows have, and they need not have the
    answers: what is cut off does not count, and what is used is found out by its nan. A column
    that a setting names must be there.
    """
    named = {name for setting in settings for name in columns_named(setting.value)}
    rows = next((c.shape[0] for c in table.columns.values() if c.shape), 0)
    held = {name: table.columns[name] for name in like if name in table.columns}
    missing = {
        name: Column((rows, *shape), "number", _blank((rows, *shape)))
        for name, shape in like.items()
        if name not in table.columns and name not in named
    }
    known = held | missing
    ordered = {name: known[name] for name in like if name in known}
    strange = {name for name in numeric(table) if name not in like and name not in named}
    others = {name: c for name, c in table.columns.items() if name not in strange}
    return replace(table, columns=ordered | others)


def _blank(shape: tuple[int, ...]) -> Callable[[], Array]:
    return lambda: np.full(shape, np.nan)
