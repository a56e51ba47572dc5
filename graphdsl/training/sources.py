"""Data files: a path comes in, a `Table` of named columns goes out, nothing unpacked before need.

How a file is read is told by its name: see `numpy_files`, `idx_files`, `csv_table`, `parquet_file`.
"""

from __future__ import annotations

from pathlib import Path

from graphdsl.engines.feeds import refusal
from graphdsl.language.diagnostics import DataError, did_you_mean
from graphdsl.language.system_faults import reading_help
from graphdsl.training.columns import Column, Table, broken
from graphdsl.training.csv_table import read_csv
from graphdsl.training.idx_files import is_idx, read_idx, read_idx_column, stem
from graphdsl.training.numpy_files import read_npy, read_npz
from graphdsl.training.parquet_file import read_parquet

FORMATS = ".npz, .csv, .parquet, IDX (.idx, .idx.gz, …-idx3-ubyte.gz), a folder of .npy or IDX"


def read_table(path: Path) -> Table:
    """The table at `path`; raises `DataError`, naming the file, if there is none to be read."""
    try:
        if path.is_dir():
            return _read_folder(path)
        if not path.exists():
            raise refusal("E0609", f"there is no file '{path}'", *_near(path))
        _verify_file(path)
        if is_idx(path):
            return read_idx(path)
        match path.suffix.lower():
            case ".npz":
                return read_npz(path)
            case ".csv":
                return read_csv(path)
            case ".parquet":
                return read_parquet(path)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        message = f"'{path}' cannot be read: {reason}"
        raise refusal("E0609", message, *reading_help(problem)) from None
    raise _unknown(path)


def _verify_file(path: Path) -> None:
    if not path.is_file():
        raise refusal("E0609", f"'{path}' is not a file")
    if path.stat().st_size == 0:
        raise broken(str(path), "it is empty")


def _unknown(path: Path) -> DataError:
    help = [f"sources are: {FORMATS}"]
    if path.suffix.lower() == ".npy":
        help.insert(0, f"a folder of .npy files is a source: name '{path.parent}' itself")
    kind = f"'{path.suffix}' files" if path.suffix else "files without a suffix"
    return refusal("E0608", f"'{path}': {kind} are no data source", *help)


def _near(path: Path) -> tuple[str, ...]:
    try:
        names = [one.name for one in path.parent.iterdir()][:1000]
    except OSError:
        return ()
    return did_you_mean(path.name, names)


def _read_folder(folder: Path) -> Table:
    """Every `.npy` and IDX file of a folder as a column, by its name without the ending."""
    columns: dict[str, Column] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix != ".npy" and not is_idx(path):
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            raise refusal("E0508", f"'{path}' is a link that leads out of its folder")
        _verify_file(path)
        name = path.stem if path.suffix == ".npy" else stem(path)
        if name in columns:
            why = f"two of its files are the column '{name}'"
            raise broken(str(folder), why, "keep one of them in the folder")
        columns[name] = read_npy(path) if path.suffix == ".npy" else read_idx_column(path)
    if not columns:
        why = "the folder holds no .npy files, and no IDX files"
        raise broken(str(folder), why, f"sources are: {FORMATS}")
    return Table(str(folder), columns)
