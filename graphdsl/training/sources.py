"""Data files: a path comes in, a `Table` of named columns goes out, nothing unpacked before need.

How a file is read is told by its name: see `numpy_files`, `idx_files`, `csv_table`, `parquet_file`.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from pathlib import Path

from graphdsl.engines.feeds import refusal
from graphdsl.language.diagnostics import DataError, did_you_mean
from graphdsl.language.system_faults import reading_help
from graphdsl.training.columns import Column, Table, broken, too_large
from graphdsl.training.csv_table import read_csv
from graphdsl.training.idx_files import is_idx, read_idx, read_idx_column, stem
from graphdsl.training.numpy_files import read_npy, read_npz
from graphdsl.training.parquet_file import read_parquet

SHOWN_FROM = 1000
"""Names of a folder that are looked at for a message."""

FORMATS = ".npz, .csv, .parquet, IDX (.idx, .idx.gz, …-idx3-ubyte.gz), a folder of .npy or IDX"


def read_table(path: Path) -> Table:
    """The table at `path`; raises `DataError`, naming the file, if there is none to be read."""
    try:
        if path.is_dir():
            return _read_folder(path)
        if not path.exists():
            raise _missing(path)
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
    except MemoryError:
        raise too_large(f"'{path}'") from None
    raise _unknown(path)


def _verify_file(path: Path) -> None:
    if not path.is_file():
        raise refusal("E0609", f"'{path}' is not a file", "copy what it gives into one")
    if path.stat().st_size == 0:
        raise broken(str(path), "it is empty")
    with path.open("rb"):  # readers take a file that may not be read for a damaged one
        pass


def _unknown(path: Path) -> DataError:
    help = [f"sources are: {FORMATS}"]
    if path.suffix.lower() == ".npy":
        help.insert(0, f"a folder of .npy files is a source: name '{path.parent}' itself")
    kind = f"'{path.suffix}' files" if path.suffix else "files without a suffix"
    return refusal("E0608", f"'{path}': {kind} are no data source", *help)


def _missing(path: Path) -> DataError:
    """The error for a path that nothing is at, with what is near it."""
    message = f"there is no file '{path}'"
    if path.is_symlink():
        return refusal("E0609", f"'{path}' is a link that leads to no file", "mend the link")
    if not path.parent.is_dir():
        return refusal(
            "E0609", message, f"there is no folder '{path.parent}' either: mend the path"
        )
    with suppress(OSError):
        names = sorted(one.name for one in islice(path.parent.iterdir(), SHOWN_FROM))
        near = did_you_mean(path.name, names)
        sources = [name for name in names if _is_source(path.parent / name)]
        if near or sources:
            some = f"data beside it: {', '.join(sources[:8])}{', …' if len(sources) > 8 else ''}"
            return refusal("E0609", message, *(near or (some,)))
    return refusal("E0609", message, f"'{path.parent}' holds no data: mend the path")


def _is_source(path: Path) -> bool:
    return path.suffix.lower() in (".npz", ".csv", ".parquet") or is_idx(path)


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
