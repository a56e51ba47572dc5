"""The rows that `predict`, `evaluate` and `gradcheck` look at: parts of the data, or new ones.

Out come parts by name, and what the data block learned: the class names are among it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from graphdsl.driver import Purpose
from graphdsl.engines import feeds
from graphdsl.graph.graph import Graph
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.language.diagnostics import DataError, Diagnostic, UsageError
from graphdsl.session import Session
from graphdsl.training.column_names import column_name, reference, special
from graphdsl.training.data import load_dataset, load_part
from graphdsl.training.dataset import Dataset, Part, part_of
from graphdsl.training.learned import Learned
from graphdsl.training.results import Chunks, Results

NewRows = Mapping[str, Any] | str | Path


@dataclass(frozen=True, slots=True)
class Found:
    """Parts by name, and what their data block learned as far as it is known."""

    parts: dict[str, Part]
    learned: Learned | None


def find_rows(
    session: Session,
    names: Sequence[str] | None = None,
    data: NewRows | None = None,
    part: str | None = None,
    learned: Learned | None = None,
    training: bool = False,
) -> Found:
    """New rows of a path or of arrays by input; without any, a part of the data (see `chosen`).

    New rows need no more than what the nodes in `names` are computed from (a path, without names,
    all inputs), and are treated as `learned` says. Raises `DataError` for what does not fit,
    `UsageError` where both are given.
    """
    if data is None:
        dataset = load_dataset(session)
        return Found(chosen(dataset, part), dataset.learned)
    if part is not None:
        help = ("name a part of the file's own data, or give other rows: one of the two",)
        raise UsageError(Diagnostic("E0807", f"new rows have no part '{part}'", (), help))
    needed = None if names is None else _needed(session, names, training)
    if isinstance(data, Mapping):
        return Found({"data": _arrays(session, data, needed or ())}, learned)
    return Found({"data": load_part(session, data, needed, learned)}, learned)


def find_part(
    session: Session,
    data: NewRows | None = None,
    part: str | None = None,
    learned: Learned | None = None,
) -> Part:
    """The same as one part, with all its inputs; raises `UsageError` for several."""
    if part == "all":
        help = ("part='train', 'valid' or 'test'",)
        raise UsageError(Diagnostic("E0807", "parts are measured one by one", (), help))
    (found,) = find_rows(session, None, data, part, learned).parts.values()
    return found


def held_out(dataset: Dataset) -> str:
    """The name of the part that says most of a model: test, else valid, else train."""
    return next(name for name in ("test", "valid", "train") if name in dataset.parts)


def chosen(dataset: Dataset, name: str | None) -> dict[str, Part]:
    """A part by name, `all` parts, or the one held out; raises `DataError` if there is none."""
    parts = dataset.parts
    if name == "all":
        return parts
    name = name or held_out(dataset)
    if name not in parts:
        help = (f"its parts are: {', '.join(parts)}",)
        raise DataError(Diagnostic("E0827", f"the data has no part '{name}'", (), help))
    return {name: parts[name]}


def _needed(session: Session, names: Sequence[str], training: bool) -> list[str]:
    """The inputs that nodes are computed from, and one that counts the rows."""
    for name in names:
        session.verify_node(name, training)
    purpose = Purpose(tuple(names), training=training)
    return list(session.compilation.compiled(purpose).inputs)


def _arrays(session: Session, data: Mapping[str, Any], needed: Sequence[str]) -> Part:
    """Arrays by input as a part; those that nothing needs may be missing."""
    inputs = session.inputs
    arrays, _ = session.feed(data)
    feeds.verify_all_fed(arrays, {name: inputs[name] for name in needed})
    return part_of(arrays, inputs)


# --- class names ---------------------------------------------------------------------------------


def class_names(session: Session, learned: Learned | None) -> tuple[str, ...]:
    """The values behind the classes: of the one column that inputs number by `category`.

    Nothing where there is no such column, where there are several, or where nothing was learned.
    """
    columns = class_columns(session)
    if len(columns) != 1 or learned is None:
        return ()
    return tuple(map(str, learned.categories.get(columns[0], ())))


def class_columns(session: Session) -> list[str]:
    """The columns of inputs that are `category(column)` as it stands, in their order."""
    block = session.compilation.lowered().data
    bindings = block.bindings if block else {}
    found = (_category(one.value) for name, one in bindings.items() if name in session.inputs)
    return list(dict.fromkeys(column for column in found if column is not None))


def with_labels(
    graph: Graph, results: Results, classes: Sequence[str], columns: Sequence[str]
) -> Results:
    """The same, computed by a graph, whole numbers as the names of their classes, which are those
    of `columns` if that is one.

    Raises `UsageError` where there are none such, or no numbers to name.
    """
    types = {name: graph.nodes[graph.names[name]].type for name in results.names}
    named = {name for name, type in types.items() if type.dtype in (DType.i32, DType.i64)}
    if not classes:
        raise _nameless(columns)
    if not named:
        declare = ("declare one: output label = argmax(z)",)
        shown = ", ".join(f"{name} is {type}" for name, type in types.items())
        message = f"labels stand for whole numbers, and {shown}"
        raise UsageError(Diagnostic("E0846", message, (), declare))
    return replace(results, chunks=partial(_labelled, results, named, np.asarray(classes)))


def _nameless(columns: Sequence[str]) -> UsageError:
    """The error for classes whose names cannot be had from these columns."""
    match columns:
        case []:
            message = "no class names are known: no input is category(…) of a column"
            help = "bind one input so: y = category(kind)"
        case [column]:
            message = f"no class names are known: those of '{column}' are what a run learned"
            help = "for new rows, name the folder of a run: --weights runs/MODEL-1"
        case _:
            said = ", ".join(f"'{column}'" for column in columns)
            message = f"labels are the names of one column's classes, and category(…) has {said}"
            help = "leave --labels out: each column's classes are numbered in their sorted order"
    return UsageError(Diagnostic("E0846", message, (), (help,)))


def _labelled(results: Results, named: Collection[str], classes: Array) -> Chunks:
    for chunk in results.chunks():
        for name in named:
            codes = chunk[name]
            strange = codes[(codes < 0) | (codes >= len(classes))]
            if strange.size:
                message = f"'{name}' has the value {strange[0]}, and the classes are numbered "
                message += f"from 0 to {len(classes) - 1}"
                help = ("leave --labels out, or compute a class: output label = argmax(z)",)
                raise UsageError(Diagnostic("E0846", message, (), help))
        yield {n: classes[a] if n in named else a for n, a in chunk.items()}


def _category(expr: ast.Expr) -> str | None:
    """The column whose codes an expression is, if it is nothing else."""
    match expr:
        case ast.Call(args=(argument,)) if special(expr) == "category":
            if isinstance(argument, ast.Call) and special(argument) == "column":
                return column_name(argument)
            return reference(argument)
    return None
