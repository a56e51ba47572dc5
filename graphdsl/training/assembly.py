"""Putting a dataset together: tables opened, rows split, expressions evaluated, arrays checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from graphdsl.compiler.lower.settings import DataSettings
from graphdsl.engines import feeds
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import TensorType
from graphdsl.language import ast
from graphdsl.language.diagnostics import (
    DataError,
    Diagnostic,
    GraphdslError,
    ModelError,
    UsageError,
)
from graphdsl.session import Session
from graphdsl.training.binding import Binder
from graphdsl.training.dataset import Dataset, Part, batched, part_of
from graphdsl.training.options import data_settings
from graphdsl.training.placed import Placed
from graphdsl.training.sources import read_table
from graphdsl.training.splits import split
from graphdsl.training.tables import open_tables, padded, row_counts
from graphdsl.training.walking import children


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
    binder, rows = opened.binder, opened.rows
    whole = Binder(compilation, opened.tables[:1])
    arrays = _arrays(session.inputs, block.bindings, binder, whole, opened.count)
    part = _part(arrays, session.inputs, block)
    if not part.arrays:
        return Dataset(part)
    parts = {name: part.take(index) for name, index in rows.items()}
    categories = binder.categories | whole.categories
    return Dataset(parts["train"], parts.get("valid"), parts.get("test"), categories)


def from_arrays(session: Session, overrides: Mapping[str, Any], data: Mapping[str, Any]) -> Dataset:
    """The dataset of arrays by input, split as the `data` block says if there is one."""
    inputs, compilation = session.inputs, session.compilation
    feeds.check_names(data, inputs)
    feeds.check_all_fed(data, inputs)
    arrays = {name: feeds.as_array(name, data[name], inputs[name]) for name in inputs}
    part = part_of(arrays, inputs)
    values = data_settings(compilation, overrides)
    if values["split"] is None or not part.arrays:
        return Dataset(part)
    classes = None
    if values["stratify"] is not None:
        classes = _classes_among(part, values["stratify"], compilation.lowered().data)
    rows = split(part.rows, values["split"], values["split_seed"], classes)
    parts = {name: part.take(index) for name, index in rows.items()}
    return Dataset(parts["train"], parts.get("valid"), parts.get("test"))


def other_rows(session: Session, path: Path, inputs: Collection[str] | None) -> Part:
    """The rows of another table, with the statistics of the training part."""
    compilation = session.compilation
    block = compilation.lowered().data
    if block is None:
        raise _no_data(session.inputs)
    wanted = {n: t for n, t in session.inputs.items() if inputs is None or n in inputs}
    bindings = {name: block.bindings[name] for name in wanted}
    table = read_table(path)
    binder = whole = Binder(compilation, [table])
    if any(_learns(setting.value) for setting in bindings.values()):
        opened = open_tables(compilation, block, {}, only=bindings)
        table = padded(table, opened.tables[0], bindings.values())
        binder = Binder(compilation, [*opened.tables, table], opened.rows["train"])
        whole = Binder(compilation, opened.tables[:1])
    counts = row_counts(binder, bindings, batched(session.inputs))
    arrays = _arrays(wanted, bindings, binder, whole, sum(counts))
    part = _part(arrays, wanted, block)
    return part.take(np.arange(part.rows - counts[-1], part.rows)) if part.arrays else part


def _classes_among(part: Part, column: str, block: DataSettings | None) -> Array:
    """The classes to stratify arrays by: of the input of that name, or bound to that column."""
    named = [column]
    for name, setting in (block.bindings if block else {}).items():
        if isinstance(setting.value, ast.Name) and setting.value.id == column:
            named.append(name)
    for name in named:
        if name in part.arrays and part.arrays[name].ndim == 1:
            classes: Array = part.arrays[name]
            return classes
    message = f"there is no input '{column}' to stratify by"
    raise UsageError(Diagnostic("E0810", message, (), ("pass stratify=None",)))


def _arrays(
    inputs: Mapping[str, TensorType],
    bindings: Mapping[str, ast.Setting],
    binder: Binder,
    whole: Binder,
    count: int,
) -> dict[str, Array]:
    """Every input's array, converted; raises `GraphdslError` with every binding's fault."""
    by_row, faults = batched(inputs), []
    arrays: dict[str, Array] = {}
    for name, type in inputs.items():
        setting = bindings[name]
        try:
            with Placed(setting.value.span):
                value = (binder if name in by_row else whole).evaluate(setting)
                if name in by_row and value.shape[:1] != (count,):
                    raise _not_by_row(name, value, count)
                arrays[name] = _checked(name, feeds.as_array(name, value, type))
        except GraphdslError as error:
            faults.append(error)
    if faults:
        raise type_of_all(faults)(tuple(_unique(faults)))
    return arrays


def type_of_all(errors: list[GraphdslError]) -> type[GraphdslError]:
    """The kind of one error that tells of several."""
    return ModelError if any(isinstance(e, ModelError) for e in errors) else type(errors[0])


def _unique(errors: list[GraphdslError]) -> Iterator[Diagnostic]:
    yield from dict.fromkeys(d for error in errors for d in error.diagnostics)


def _not_by_row(name: str, value: Array, count: int) -> DataError:
    message = f"input '{name}' needs a value for each of the {count:,} rows"
    help = ("the first axis of a column counts the rows: keep it whole, as in table[:, :3]",)
    return feeds.refusal("E0511", f"{message}, and this has the shape {list(value.shape)}", *help)


def _checked(name: str, array: Array) -> Array:
    """The array, unless a value is missing from it."""
    if array.dtype.kind == "f" and np.isnan(array).any():
        place = [int(i) for i in np.argwhere(np.isnan(array))[0]]
        raise feeds.refusal(
            "E0612",
            f"input '{name}' is nan at {place}, rows counted from 0",
            "fill the missing values, or leave their rows out",
        )
    return array


def _part(
    arrays: Mapping[str, Array], inputs: Mapping[str, TensorType], block: DataSettings
) -> Part:
    """The arrays as one part, sizes checked; an error stands where its input is bound."""
    for count in range(1, len(arrays) + 1):
        some = dict(list(arrays.items())[:count])
        with Placed(block.bindings[list(some)[-1]].value.span):
            part = part_of(some, inputs)
    return part


def _learns(expr: Any) -> bool:
    """Whether an expression takes something from the training part."""
    match expr:
        case ast.Call(function=ast.Name(id="standardize" | "category")):
            return True
    return any(_learns(child) for child in children(expr))


def _no_data(inputs: Mapping[str, TensorType]) -> UsageError:
    message = "the model has no data block to say where its inputs come from"
    names = ", ".join(f'"{name}": …' for name in inputs)
    help = (f"pass arrays: model.fit({{{names}}})", 'or write: data { source = "data.npz", … }')
    return UsageError(Diagnostic("E0810", message, (), help))
