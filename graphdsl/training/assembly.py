"""Putting a dataset together: tables opened, rows split, expressions evaluated, arrays checked."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from graphdsl.compiler.lower.settings import DataSettings
from graphdsl.engines import feeds
from graphdsl.graph.types import TensorType
from graphdsl.language import ast
from graphdsl.language.diagnostics import (
    Diagnostic,
    GraphdslError,
    ModelError,
    UsageError,
)
from graphdsl.session import Session
from graphdsl.training.binding import Binder
from graphdsl.training.column_names import TABLE, columns_named, learning, reference
from graphdsl.training.dataset import Dataset, Origin, Part, batched, part_of
from graphdsl.training.deferred import (
    HELD,
    LARGE,
    Deferred,
    Rows,
    not_by_row,
    verify_by_row,
    verify_no_nan,
)
from graphdsl.training.learned import Learned
from graphdsl.training.placed import Placed
from graphdsl.training.row_counts import row_counts
from graphdsl.training.sources import read_table
from graphdsl.training.tables import as_text, open_tables, padded


def from_source(session: Session, overrides: Mapping[str, Any], path: str | Path | None) -> Dataset:
    """The dataset of the `data` block, with another source if `path` is given."""
    compilation = session.compilation
    block = compilation.lowered().data
    if block is None:
        if not session.inputs and path is None:
            return Dataset(Part({}, 1))
        raise _no_data(session.inputs)
    if path is not None:
        overrides = {**overrides, "source": str(path), "train": None}
    opened = open_tables(compilation, block, overrides)
    binder = opened.binder
    whole = Binder(compilation, opened.tables[:1])
    part = _bound(session.inputs, block, binder, whole)
    learned = binder.learned
    learned = replace(learned, categories={**learned.categories, **whole.learned.categories})
    if not part.arrays:
        return Dataset(part, learned=learned)
    parts = {name: part.take(index) for name, index in opened.rows.items()}
    return Dataset(parts["train"], parts.get("valid"), parts.get("test"), learned)


def other_rows(
    session: Session, path: Path, inputs: Collection[str] | None, learned: Learned | None = None
) -> Part:
    """The rows of another table, with what was learned from the training part."""
    compilation = session.compilation
    block = compilation.lowered().data
    if block is None:
        raise _no_data(session.inputs)
    wanted = {n: t for n, t in session.inputs.items() if inputs is None or n in inputs}
    bindings = {name: block.bindings[name] for name in wanted}
    table = as_text(read_table(path), block.bindings.values())
    whole = Binder(compilation, [table])
    if learned is None and any(_needs_training_part(s.value) for s in bindings.values()):
        opened = open_tables(compilation, block, {}, only=bindings)
        opened.binder.streams = _are_large(opened.binder, bindings, batched(wanted))
        learned = opened.binder.learn(bindings.values())
        whole = Binder(compilation, opened.tables[:1])
    if learned is not None and learned.columns:
        table = padded(table, learned.columns, bindings.values())
    binder = Binder(compilation, [table], learned=learned)
    binder.stacked.counts = row_counts(binder, bindings, batched(session.inputs))
    return _bound(wanted, block, binder, whole)


def _needs_training_part(expr: ast.Expr) -> bool:
    """Whether an expression takes something from the training part, its columns' order included."""
    return next(learning(expr), None) is not None or TABLE in columns_named(expr)


def _bound(
    inputs: Mapping[str, TensorType], block: DataSettings, binder: Binder, whole: Binder
) -> Part:
    """All rows of the binder's tables, converted and checked, sizes too.

    Raises `GraphdslError` with every binding's fault; an error stands where its input is bound.
    """
    bindings = {name: block.bindings[name] for name in inputs}
    by_row, count = batched(inputs), binder.stacked.count
    binder.streams = _are_large(binder, bindings, by_row)
    arrays, faults = {}, []
    for name, setting in bindings.items():
        try:
            with Placed(setting.value.span):
                arrays[name] = _rows(name, inputs[name], setting, binder, whole, name in by_row)
        except GraphdslError as error:
            faults.append(error)
    if faults:
        raise type_of_all(faults)(tuple(_unique(faults)))
    if not binder.streams:
        binder.forget()
    named = {name: reference(setting.value) for name, setting in bindings.items()}
    columns = {name: column for name, column in named.items() if column is not None}
    return _part(arrays, inputs, block, Origin(np.arange(count), binder.stacked.place, columns))


def _rows(
    name: str,
    type: TensorType,
    setting: ast.Setting,
    binder: Binder,
    whole: Binder,
    by_row: bool,
) -> Rows:
    """An input's values: a row each, or fed whole."""
    if by_row and binder.streams:
        return _deferred(name, type, setting, binder)
    count = binder.stacked.count
    value = (binder if by_row else whole).evaluate(setting)
    if by_row and value.shape[:1] != (count,):
        raise not_by_row(name, value.shape, count)
    place = binder.stacked.place if by_row else None
    array = feeds.as_array(name, value, type, place)
    verify_no_nan(name, array, place)
    return array


def _deferred(name: str, type: TensorType, setting: ast.Setting, binder: Binder) -> Deferred:
    """An input whose rows are computed when they are read."""
    rows = np.arange(binder.stacked.count)
    formula, span = binder.formula(setting), setting.value.span
    shape = formula.shape(len(rows))
    if shape[:1] != (len(rows),):
        raise not_by_row(name, shape, len(rows))
    verify_by_row(formula.at, rows, name)
    return Deferred(name, type, shape[1:], rows, formula.at, binder.stacked.place, span)


def _are_large(
    binder: Binder, bindings: Mapping[str, ast.Setting], by_row: Collection[str]
) -> bool:
    """Whether the columns that rows are made of are too large for arrays of all rows."""
    read = {c for name, s in bindings.items() if name in by_row for c in binder.used(s)}
    columns = [t.columns[c] for t in binder.stacked.tables for c in read if c in t.columns]
    mapped = sum(math.prod(column.shape) for column in columns if column.mapped)
    return mapped > LARGE or sum(math.prod(column.shape) for column in columns) > HELD


def type_of_all(errors: list[GraphdslError]) -> type[GraphdslError]:
    """The kind of one error that tells of several."""
    return ModelError if any(isinstance(e, ModelError) for e in errors) else type(errors[0])


def _unique(errors: list[GraphdslError]) -> Iterator[Diagnostic]:
    yield from dict.fromkeys(d for error in errors for d in error.diagnostics)


def _part(
    arrays: Mapping[str, Rows],
    inputs: Mapping[str, TensorType],
    block: DataSettings,
    origin: Origin,
) -> Part:
    """The arrays as one part, sizes checked; an error stands where its input is bound."""
    for count in range(1, len(arrays) + 1):
        some = dict(list(arrays.items())[:count])
        with Placed(block.bindings[list(some)[-1]].value.span):
            part = part_of(some, inputs, origin)
    return part


def _no_data(inputs: Mapping[str, TensorType]) -> UsageError:
    message = "the model has no data block to say where its inputs come from"
    names = ", ".join(f'"{name}": …' for name in inputs)
    help = (f"pass arrays: model.fit({{{names}}})", 'or write: data { source = "data.npz", … }')
    return UsageError(Diagnostic("E0810", message, (), help))
