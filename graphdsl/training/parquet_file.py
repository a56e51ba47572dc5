"""Parquet files, through pyarrow (the extra `parquet`): a path comes in, a `Table` goes out.

Numbers and truth values are columns of numbers, lists of one length give them a second axis, text
and dictionaries of text are columns of text. Whatever else a file holds is an error once it is
used. A column is unpacked piece by piece into an array of its size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from graphdsl.engines.feeds import refusal
from graphdsl.engines.machine import find_lack
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError
from graphdsl.training.columns import Column, Kind, Table, broken, too_large

PIECE = 2**13
"""Rows that are unpacked at once."""
BUFFER = 2**20
"""Bytes of a column that are read at once."""


def read_parquet(path: Path) -> Table:
    """The columns of a parquet file, each read when it is asked for; raises `DataError`."""
    arrow, parquet = _libraries(path)
    try:
        with parquet.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
            _verify_counts(path, file.metadata)
            columns: dict[str, Column] = {}
            for field in schema:
                if field.name in columns:
                    why = f"two columns are called '{field.name}'"
                    raise broken(str(path), why, "give each column a name of its own")
                columns[field.name] = _declared(arrow, path, field, rows)
    except (arrow.ArrowException, OSError, ValueError, EOFError) as problem:
        raise _damaged(path, problem) from None
    if not columns:
        raise broken(str(path), "it holds no columns")
    return Table(str(path), columns)


def _libraries(path: Path) -> tuple[Any, Any]:
    """pyarrow and its parquet reader; raises `DataError` where they are not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        message = f"'{path}': parquet files are read through pyarrow, which is not installed"
        help = "install it: pip install 'graphdsl-lang[parquet]'"
        raise refusal("E0608", message, help, "or save the data as .npz or .csv") from None
    return pyarrow, pyarrow.parquet


def _verify_counts(path: Path, metadata: Any) -> None:
    """Refuse a file whose parts declare other numbers of rows than the whole."""
    held = sum(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups))
    if held != metadata.num_rows or held < 0:
        raise broken(str(path), f"it declares {metadata.num_rows:,} rows and holds {held:,}")


def _declared(arrow: Any, path: Path, field: Any, rows: int) -> Column:
    """The column a field declares; its fault where there is no use for its elements."""
    what = f"'{field.name}' of '{path}'"
    kind, element = _kind(arrow, field.type)
    shape: tuple[int, ...] = (rows,)
    problem = None
    width = 1
    if _is_list(arrow, field.type):
        width = _width(arrow, path, field)
        shape = (rows, max(width, 0))
    if kind == "other":
        help = "store numbers, text, or lists of numbers of one length"
        problem = refusal("E0614", f"{what} holds elements of type {field.type}", help)
    elif width < 0:
        message = f"the rows of {what} are lists of different lengths"
        problem = refusal("E0603", message, "pad the short rows, or store each number as a column")
    nbytes = rows * max(width, 1) * element
    column = Column(shape, kind, partial(_load, path, field.name, shape), nbytes=nbytes)
    return column if problem is None else replace(column, fault=problem.diagnostics[0])


def _kind(arrow: Any, type: Any) -> tuple[Kind, int]:
    """What a column of a type holds, and the bytes of an element, at least."""
    types = arrow.types
    if types.is_dictionary(type):
        return _kind(arrow, type.value_type)
    if _is_list(arrow, type):
        kind, element = _kind(arrow, type.value_type)
        return ("number", element) if kind == "number" else ("other", 1)
    if types.is_boolean(type):
        return "number", 1
    if types.is_integer(type) or types.is_floating(type):
        return "number", type.bit_width // 8
    text = types.is_string(type) or types.is_large_string(type)
    return ("text", 4) if text else ("other", 1)


def _is_list(arrow: Any, type: Any) -> bool:
    types = arrow.types
    found = types.is_list(type) or types.is_large_list(type) or types.is_fixed_size_list(type)
    return bool(found)


def _width(arrow: Any, path: Path, field: Any) -> int:
    """The length that all lists of a column have; -1 if they differ."""
    if arrow.types.is_fixed_size_list(field.type):
        return int(field.type.list_size)
    import pyarrow.compute as compute

    widths: set[int] = set()
    for piece in _pieces(path, field.name):
        ends = compute.min_max(compute.list_value_length(piece)).as_py()
        widths |= {int(ends[end]) for end in ("min", "max") if ends[end] is not None}
    return -1 if len(widths) > 1 else next(iter(widths), 0)


def _pieces(path: Path, name: str) -> Iterator[Any]:
    """A column as pyarrow reads it, some rows at once, without threads of its own."""
    import pyarrow.parquet

    # by default the bytes of a row group, which may be the file, are read at once
    with pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER) as file:
        position = file.schema_arrow.get_field_index(name)
        # a list's column has a longer path of its own in the file
        leaf = _leaves(file)[position]
        for batch in file.iter_batches(PIECE, columns=leaf, use_threads=False):
            yield batch.column(0)


def _leaves(file: Any) -> list[list[str]]:
    """The paths in the file that make up each column, in the order of the columns."""
    found: dict[str, list[str]] = {}
    for i in range(len(file.schema)):
        leaf = file.schema.column(i).path
        owner = leaf if leaf in file.schema_arrow.names else leaf.split(".")[0]
        found.setdefault(owner, []).append(leaf)
    return [found.get(name, [name]) for name in file.schema_arrow.names]


def _load(path: Path, name: str, shape: tuple[int, ...]) -> Array:
    """A column's elements, of one type and without gaps; raises `DataError`."""
    import pyarrow

    whole: Array | None = None
    filled = 0
    try:
        for piece in _pieces(path, name):
            part = _part(pyarrow, path, name, piece, shape, filled)
            filled += len(part)
            if whole is None:
                whole = np.empty(shape, part.dtype)
            elif part.dtype.itemsize > whole.dtype.itemsize:  # longer texts
                _verify_room(path, name, shape[0] * part.dtype.itemsize)
                whole = whole.astype(part.dtype)
            whole[filled - len(part) : filled] = part
    except (pyarrow.ArrowException, OSError, ValueError, EOFError) as problem:
        raise _damaged(path, problem) from None
    if filled != shape[0]:
        raise broken(str(path), f"'{name}' declares {shape[0]:,} rows and holds {filled:,}")
    return np.empty(shape) if whole is None else whole


def _part(
    arrow: Any, path: Path, name: str, piece: Any, shape: tuple[int, ...], start: int
) -> Array:
    """The elements of a piece that begins at a row."""
    if arrow.types.is_dictionary(piece.type):
        piece = piece.cast(piece.type.value_type)
    _verify_full(path, name, piece, start)
    if not _is_list(arrow, piece.type):
        return _elements(path, name, piece, shape[0])
    flat = piece.flatten()
    _verify_full(path, name, flat, start, shape[1])
    return _elements(path, name, flat, shape[0]).reshape(len(piece), shape[1])


def _elements(path: Path, name: str, array: Any, rows: int) -> Array:
    """Numbers as they are, and texts all as wide as the longest, which is where memory goes."""
    import pyarrow
    import pyarrow.compute as compute

    if _kind(pyarrow, array.type)[0] == "text":
        longest = compute.max(compute.utf8_length(array)).as_py() or 0
        _verify_room(path, name, 4 * longest * rows)
        return np.asarray(array.to_pylist(), np.str_)
    found: Array = np.asarray(array.to_numpy(zero_copy_only=False))
    return found


def _verify_room(path: Path, name: str, nbytes: int) -> None:
    if lack := find_lack(nbytes):
        raise too_large(f"'{name}' of '{path}' as text of one width", nbytes, lack)


def _verify_full(path: Path, name: str, array: Any, start: int, width: int = 1) -> None:
    """Raise `DataError` for the first element that is null."""
    if not array.null_count:
        return
    gaps = np.asarray(array.is_null().to_numpy(zero_copy_only=False))
    row = start + int(np.argmax(gaps)) // width
    message = f"column '{name}' of '{path}' has no value in row {row:,}, rows counted from 0"
    help = "fill the values that are null, leave the rows out, or use other columns"
    raise refusal("E0612", message, help)


def _damaged(path: Path, problem: Exception) -> DataError:
    reason = str(problem).partition("\n")[0].rstrip(".")
    return broken(str(path), reason, "write it anew")
