"""Predictions into a file, chunk by chunk: .npy, .npz, .csv or .parquet.

No more than a chunk is held, and the file takes its name when all of it is on the disk. In a table
each name is a column, or one for each of a row's elements: `p[3]`, `p[1,2]`, or `p[cat]` where the
elements belong to classes whose names are known.
"""

from __future__ import annotations

import contextlib
import csv
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic, UsageError
from graphdsl.training.files import replacing, verify_folder
from graphdsl.training.results import Results

DIGITS = {"f4": 7, "f8": 15}
"""Significant digits of a float by its type: all that it holds, and none that it does not."""

Columns = dict[str, Array]


def verify_path(path: Path) -> None:
    """Raise unless a file of a format there is can be put there, and written with what there is."""
    if path.suffix.lower() not in WRITERS:
        help = (f"name a file that ends in {', '.join(WRITERS)}",)
        message = f"'{path}': arrays are not written in this format"
        raise UsageError(Diagnostic("E0828", message, (), help))
    verify_folder(path)
    if path.is_dir():
        help = ("name a file that is new, or one to replace",)
        raise DataError(Diagnostic("E0823", f"'{path}' is a folder, not a file", (), help))
    if path.suffix.lower() == ".parquet":
        _arrow(path)


def write_results(path: Path, results: Results, classes: Sequence[str] = ()) -> dict[str, Any]:
    """Write results in the format of the path's ending; the shape of each.

    `classes` name the elements along a last axis of as many. Raises `UsageError` for results that
    the format cannot hold, `DataError` where the disk refuses: what stood there is untouched then.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    with replacing(path) as file:
        WRITERS[path.suffix.lower()](path, file, _noted(results, shapes), classes)
    return shapes


def _noted(results: Results, shapes: dict[str, tuple[int, ...]]) -> Results:
    """The same results; the shape of each is put into `shapes` on the way."""

    def chunks() -> Iterator[dict[str, Array]]:
        for chunk in results.chunks():
            for name, array in chunk.items():
                whole = array.shape
                if name in results.by_row:
                    whole = (results.rows, *whole[1:])
                shapes.setdefault(name, whole)
            yield chunk

    return Results(results.names, results.by_row, results.rows, chunks)


# --- arrays --------------------------------------------------------------------------------------


def _write_npy(path: Path, file: BinaryIO, results: Results, classes: Sequence[str]) -> None:
    if len(results.names) != 1:
        raise _misfit(path, f"a .npy file holds one array; there are {', '.join(results.names)}")
    _spool({results.names[0]: file}, results)


def _write_npz(path: Path, file: BinaryIO, results: Results, classes: Sequence[str]) -> None:
    """One file for each array beside this one, and then all in the archive: chunks come in turns,
    the members of an archive one after the other."""
    with contextlib.ExitStack() as stack:
        spools = {
            name: stack.enter_context(tempfile.TemporaryFile(dir=path.parent))
            for name in results.names
        }
        _spool(spools, results)
        archive = stack.enter_context(zipfile.ZipFile(file, "w"))
        for name, spool in spools.items():
            spool.seek(0)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                shutil.copyfileobj(spool, member)


def _spool(files: Mapping[str, IO[bytes]], results: Results) -> None:
    """Each array as .npy into its file: a header that tells of all rows, and then the chunks."""
    for number, chunk in enumerate(results.chunks()):
        for name, file in files.items():
            array = np.ascontiguousarray(chunk[name]).reshape(chunk[name].shape)
            if not number:
                _write_header(file, array, results.rows if name in results.by_row else None)
            if not number or name in results.by_row:
                file.write(array.reshape(-1).view(np.uint8).data if array.size else b"")


def _write_header(file: IO[bytes], array: Array, rows: int | None) -> None:
    shape = array.shape if rows is None else (rows, *array.shape[1:])
    descr = np.lib.format.dtype_to_descr(array.dtype)
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


# --- tables --------------------------------------------------------------------------------------


def _write_csv(path: Path, file: BinaryIO, results: Results, classes: Sequence[str]) -> None:
    for text in csv_text(path, results, classes):
        file.write(text.encode())


def csv_text(path: Path, results: Results, classes: Sequence[str] = ()) -> Iterator[str]:
    """A header and a line for each row, chunk by chunk."""
    for number, columns in enumerate(_tables(path, results, classes)):
        lines = _Lines()
        writer = csv.writer(lines, lineterminator="\n")
        if not number:
            writer.writerow(columns)
        texts = [list(map(number_text, column)) for column in columns.values()]
        writer.writerows(zip(*texts, strict=True))
        yield "".join(lines)


class _Lines(list[str]):
    """Takes what a writer of lines writes."""

    write = list.append


def _write_parquet(path: Path, file: BinaryIO, results: Results, classes: Sequence[str]) -> None:
    arrow, parquet = _arrow(path)
    writer = None
    try:
        for columns in _tables(path, results, classes):
            arrays = {name: arrow.array(column) for name, column in columns.items()}
            table = arrow.table(arrays)
            writer = writer or parquet.ParquetWriter(file, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _tables(path: Path, results: Results, classes: Sequence[str]) -> Iterator[Columns]:
    """Each chunk as columns of equal length."""
    if results.by_row and len(results.by_row) < len(results.names):
        odd = next(name for name in results.names if name not in results.by_row)
        raise _misfit(path, f"'{odd}' has no value for each row")
    for chunk in results.chunks():
        columns: Columns = {}
        for name, array in chunk.items():
            columns |= _columns(name, array, classes)
        if len({len(column) for column in columns.values()}) > 1:
            raise _misfit(path, "the outputs differ in their number of rows")
        yield columns


def _columns(name: str, array: Array, classes: Sequence[str]) -> Columns:
    if array.ndim <= 1:
        return {name: array.reshape(-1)}
    within = array.shape[1:]
    flat = array.reshape(len(array), int(np.prod(within)))
    if array.ndim == 2 and array.shape[1] == len(classes):
        return {f"{name}[{label}]": flat[:, i] for i, label in enumerate(classes)}
    places = np.ndindex(*within)
    return {f"{name}[{','.join(map(str, at))}]": flat[:, i] for i, at in enumerate(places)}


def number_text(value: Any) -> str:
    """One element as text."""
    if value.dtype.kind == "b":
        return "true" if value else "false"
    if value.dtype.kind != "f":
        return str(value)
    return f"{float(value):.{DIGITS[value.dtype.str[1:]]}g}"


def _arrow(path: Path) -> tuple[Any, Any]:
    """pyarrow and its parquet writer; raises `DataError` where they are not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        message = f"'{path}': parquet files are written by pyarrow, which is not installed"
        help = ("install it: pip install 'graphdsl-lang[parquet]'", "or write a .npz or .csv file")
        raise DataError(Diagnostic("E0608", message, (), help)) from None
    return pyarrow, pyarrow.parquet


def _misfit(path: Path, why: str) -> UsageError:
    help = ("write a .npz file: it holds several arrays of any shape",)
    return UsageError(Diagnostic("E0828", f"'{path}': {why}", (), help))


Writer = Callable[[Path, BinaryIO, Results, Sequence[str]], None]

WRITERS: dict[str, Writer] = {
    ".npy": _write_npy,
    ".npz": _write_npz,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
"""How a file of each ending is written."""
