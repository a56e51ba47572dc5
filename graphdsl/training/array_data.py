"""Arrays by input, as a program feeds them, become a dataset, split as the `data` block says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphdsl.compiler.lower.settings import DataSettings
from graphdsl.engines import feeds
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import TensorType
from graphdsl.language import ast
from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.session import Session
from graphdsl.training.dataset import Dataset, Origin, Part, batched, part_of
from graphdsl.training.deferred import LARGE, Deferred, Rows, verify_no_nan
from graphdsl.training.options import data_settings
from graphdsl.training.splits import split
from graphdsl.training.stacked import rows_of
from graphdsl.training.tables import chosen_split


def from_arrays(session: Session, overrides: Mapping[str, Any], data: Mapping[str, Any]) -> Dataset:
    """The dataset of arrays by input, split as the `data` block says if there is one.

    A large memory-mapped array stays mapped: its rows are read as they are needed.
    """
    inputs, compilation = session.inputs, session.compilation
    feeds.verify_names(data, inputs)
    feeds.verify_all_fed(data, inputs)
    by_row = batched(inputs)
    arrays = {name: _rows(name, data[name], inputs[name], name in by_row) for name in inputs}
    part = _with_origin(part_of(arrays, inputs))
    values = chosen_split(data_settings(compilation, overrides), overrides)
    if not part.arrays:
        return Dataset(part)
    if values["split_by"] is not None:
        message = f"arrays have no column '{values['split_by']}' that says each row's part"
        help = ("pass split_by=None to train on all rows, or fractions: split=[0.8, 0.2]",)
        raise UsageError(Diagnostic("E0832", message, (), help))
    if values["split"] is None:
        return Dataset(part)
    classes = None
    if values["stratify"] is not None:
        classes = _classes_among(part, values["stratify"], compilation.lowered().data)
    rows = split(part.rows, values["split"], values["split_seed"], classes)
    parts = {name: part.take(index) for name, index in rows.items()}
    return Dataset(parts["train"], parts.get("valid"), parts.get("test"))


def _rows(name: str, value: Any, type: TensorType, by_row: bool) -> Rows:
    """An input's array, or one whose rows are read when they are needed."""
    if not (by_row and isinstance(value, np.memmap) and value.ndim and value.size > LARGE):
        array = feeds.as_array(name, value, type, _place if by_row else None)
        verify_no_nan(name, array, _place if by_row else None)
        return array
    mapped: Array = np.asarray(value)
    rows = np.arange(len(mapped))
    shape = mapped.shape[1:]
    return Deferred(name, type, shape, rows, lambda at: rows_of(mapped, at), _place)


def _with_origin(part: Part) -> Part:
    origin = Origin(np.arange(part.rows), _place, {name: name for name in part.arrays})
    return Part(part.arrays, part.rows, part.whole, origin)


def _place(row: int) -> str:
    return f"row {row:,} of the arrays"


def _classes_among(part: Part, column: str, block: DataSettings | None) -> Array:
    """The classes to stratify arrays by: of the input of that name, or bound to that column."""
    named = [column]
    for name, setting in (block.bindings if block else {}).items():
        if isinstance(setting.value, ast.Name) and setting.value.id == column:
            named.append(name)
    for name in named:
        if name in part.arrays and len(part.arrays[name].shape) == 1:
            classes: Array = part.arrays[name][:]
            return classes
    message = f"there is no input '{column}' to stratify by"
    raise UsageError(Diagnostic("E0832", message, (), ("pass stratify=None",)))
