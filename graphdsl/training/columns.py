"""What a data source gives, a `Table` of named columns, and the errors of one that is broken."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from graphdsl.engines.feeds import refusal
from graphdsl.engines.machine import find_lack
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic

Kind = Literal["number", "text", "other"]

UNREADABLE = (
    *(OSError, ValueError, EOFError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What NumPy and zipfile raise for a damaged, encrypted or unknown archive."""

MAPPED = "or store each column as .npy, and name their folder: these files are mapped, not read"
"""What helps where data is larger than memory."""
NO_ROWS = "training takes one row or more: give the data some, or name other data"
"""What helps where data has none."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its shape (rows first), what it holds, and how to get it.

    `note` says where a text column stops being numbers, and `mixed` where one that holds numbers
    too holds text; `fault` is why it cannot be used. Loading it takes `nbytes`; what is `mapped`
    stays in its file: its elements are read when they are looked at.
    """

    shape: tuple[int, ...]
    kind: Kind
    load: Callable[[], Array] = field(repr=False)
    note: str = ""
    fault: Diagnostic | None = None
    mapped: bool = False
    nbytes: int = 0
    mixed: Diagnostic | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A source's columns by name, in its order.

    `lines` are the lines of a text file that the rows begin on, for messages.
    """

    name: str
    columns: Mapping[str, Column]
    lines: Sequence[int] | None = None

    def array(self, name: str) -> Array:
        """A column's elements as they are stored; raises `DataError` if they cannot be had."""
        column = self.columns[name]
        if column.fault is not None:
            raise DataError(column.fault)
        self.verify_room([name])
        try:
            array = column.load()
        except UNREADABLE as problem:
            raise broken(self.name, f"'{name}' cannot be read: {problem}") from None
        except MemoryError:
            raise too_large(f"'{name}' of '{self.name}'") from None
        if array.shape != column.shape:
            found = f"'{name}' has the shape {list(array.shape)} and declares {list(column.shape)}"
            raise broken(self.name, found)
        return array

    def verify_room(self, names: Iterable[str]) -> None:
        """Raise `DataError` where columns take more than the machine has, before any is loaded."""
        sizes = {name: self.columns[name].nbytes for name in names if name in self.columns}
        nbytes = sum(sizes.values())
        if lack := find_lack(nbytes):
            largest = max(sizes, key=lambda name: sizes[name])
            beside = " beside the other columns that are read" if len(sizes) > 1 else ""
            raise too_large(f"'{largest}' of '{self.name}'{beside}", nbytes, lack)

    def place(self, row: int) -> str:
        """A row as a message names it: counted from 0, with its line in a text file."""
        line = f" (line {self.lines[row]})" if self.lines is not None else ""
        return f"row {row:,}{line} of '{self.name}'"


def kind_of(dtype: np.dtype[Any]) -> Kind:
    """What elements of a type are to a model."""
    return "number" if dtype.kind in "biuf" else "text" if dtype.kind in "US" else "other"


def broken(name: str, why: str, *help: str) -> DataError:
    """The error for a file that is not what its name says."""
    advice = help or ("write or fetch the file anew: it is damaged, or of another kind",)
    return refusal("E0610", f"'{name}' is no readable data file: {why}", *advice)


def too_large(what: str, nbytes: int | None = None, lack: str = "") -> DataError:
    """The error for what does not fit the machine; `lack` says what that has."""
    size = f" ({nbytes:,} bytes)" if nbytes is not None else ""
    message = f"{what}{size} is more than memory can hold{lack and f': {lack}'}"
    return refusal("E0613", message, "take fewer rows or columns", MAPPED)
