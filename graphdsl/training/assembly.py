"""Putting a dataset together: tables opened, rows split, expressions evaluated, arrays checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from graphdsl.compiler.lower.settings import DataSettings
from graphdsl.driver import Compilation
from graphdsl.engines import feeds
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import TensorType
from graphdsl.language import ast
from graphdsl.language.diagnostics import (
    Diagnostic,
    GraphdslError,
    Label,
    ModelError,
    UsageError,
    did_you_mean,
)
from graphdsl.session import Session
from graphdsl.training import paths
from graphdsl.training.binding import Binder, Placed
from graphdsl.training.data import Dataset, Part, batched, part_of
from graphdsl.training.options import data_settings
from graphdsl.training.sources import Table, fault, read_table
from graphdsl.training.splits import split

Rows = dict[str, Array]


def from_source(
    session: Session, overrides: Mapping[str, Any], path: str | Path | None
) -> Dataset:
    """The dataset of the `data` block, with another source if `path` is given."""
    compilation = session.compilation
    block = compilation.lowered().data
    if block is None:
        if not session.inputs and path is None:
            return Dataset(Part({}, 1))
        raise _no_data(session.inputs)
    if path is not None:
        overrides = {**overrides, "source": str(path), "train": None}
    opened = _open(compilation, block, overrides)
    binder, rows = opened.binder, opened.rows
    whole = Binder(compilation, opened.tables[:1])
    arrays = _arrays(session.inputs, block.bindings, binder, whole)
    part = _part(arrays, session.inputs, block)
    if not part.arrays:
        parts = {"train": part}
    else:
        parts = {name: part.take(index) for name, index in rows.items()}
    return Dataset(**parts, categories=binder.categories | whole.categories)  # type: ignore[arg-type]


def from_arrays(
    session: Session, overrides: Mapping[str, Any], data: Mapping[str, Any]
) -> Dataset:
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
    return Dataset(**{name: part.take(index) for name, index in rows.items()})


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
        opened = _open(compilation, block, {}, only=bindings)
        binder = Binder(compilation, [*opened.tables, table], opened.rows["train"])
        whole = Binder(compilation, opened.tables[:1])
    counts = _row_counts(binder, bindings, batched(session.inputs))
    arrays = _arrays(wanted, bindings, binder, whole)
    part = _part(arrays, wanted, block)
    return part.take(np.arange(part.rows - counts[-1], part.rows)) if part.arrays else part


# --- tables and their rows -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Opened:
    """A source's tables and the rows of each part, counted over all tables."""

    tables: list[Table]
    rows: Rows
    binder: Binder


def _open(
    compilation: Compilation,
    block: DataSettings,
    overrides: Mapping[str, Any],
    only: Mapping[str, ast.Setting] | None = None,
) -> _Opened:
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
    counts = _row_counts(binder, bindings, by_row)
    rows = _split(tables["main"], counts[0], values, block, overrides)
    start = counts[0]
    for (name, _), count in zip(list(tables.items())[1:], counts[1:], strict=True):
        rows[name] = np.arange(start, start + count)
        start += count
    binder.train = rows["train"]
    return _Opened(list(tables.values()), rows, binder)


def _check_parts(
    files: Mapping[str, str], values: Mapping[str, Any], block: DataSettings
) -> None:
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


def _row_counts(
    binder: Binder, bindings: Mapping[str, ast.Setting], by_row: Collection[str]
) -> list[int]:
    """How many rows each table has; raises if columns are unknown or differ in length."""
    used: dict[str, None] = {}
    faults: list[Diagnostic] = []
    for name, setting in bindings.items():
        try:
            found = binder.used(setting)
        except ModelError as error:
            faults += error.diagnostics
            continue
        if name in by_row:
            used |= dict.fromkeys(found)
    if faults:
        raise ModelError(faults)
    return [_rows_of(table, used) for table in binder.tables]


def _rows_of(table: Table, used: Collection[str]) -> int:
    for name in used:
        if name not in table.columns:
            help = did_you_mean(name, table.columns)
            raise fault("E0615", f"'{table.name}' has no column '{name}'", *help)
    lengths = {name: table.columns[name].shape[0] for name in used if table.columns[name].shape}
    first = next(iter(lengths), None)
    for name, length in lengths.items():
        if first is not None and length != lengths[first]:
            message = (
                f"the columns of '{table.name}' differ in length: "
                f"'{first}' has {lengths[first]} rows, '{name}' {length}"
            )
            raise fault("E0615", message, "every row needs a value in each column")
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
            raise fault("E0616", f"the train part is empty: '{table.name}' has no rows")
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


# --- arrays ----------------------------------------------------------------------------------------


def _arrays(
    inputs: Mapping[str, TensorType],
    bindings: Mapping[str, ast.Setting],
    binder: Binder,
    whole: Binder,
) -> dict[str, Array]:
    """Every input's array, converted; raises `GraphdslError` with every binding's fault."""
    by_row, faults = batched(inputs), []
    arrays: dict[str, Array] = {}
    for name, type in inputs.items():
        setting = bindings[name]
        try:
            with Placed(setting.value.span):
                value = (binder if name in by_row else whole).evaluate(setting)
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


def _checked(name: str, array: Array) -> Array:
    """The array, unless a value is missing from it."""
    if array.dtype.kind == "f" and np.isnan(array).any():
        place = [int(i) for i in np.argwhere(np.isnan(array))[0]]
        raise fault(
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
    from graphdsl.training.walking import children

    match expr:
        case ast.Call(function=ast.Name(id="standardize" | "category")):
            return True
    return any(_learns(child) for child in children(expr))


def _no_data(inputs: Mapping[str, TensorType]) -> UsageError:
    message = "the model has no data block to say where its inputs come from"
    names = ", ".join(f'"{name}": …' for name in inputs)
    help = (f"pass arrays: model.fit({{{names}}})", 'or write: data { source = "data.npz", … }')
    return UsageError(Diagnostic("E0810", message, (), help))


__all__ = ["from_arrays", "from_source", "other_rows", "replace"]
