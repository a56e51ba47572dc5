"""What a data source gives, a `Table` of named columns, and the errors of one that is broken."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from graphdsl.engines.feeds import refusal
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic

Kind = Literal["number", "text", "other"]

UNREADABLE = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What NumPy and zipfile raise for a damaged, encrypted or unknown archive."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its shape (rows first), what it holds, and how to get it.

    `note` says where a text column stops being numbers; `fault` is why it cannot be used.
    """

    shape: tuple[int, ...]
    kind: Kind
    load: Callable[[], Array] = field(repr=False)
    note: str = ""
    fault: Diagnostic | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A source's columns by name, in its order."""

    name: str
    columns: Mapping[str, Column]

    def array(self, name: str) -> Array:
        """A column's elements as they are stored; raises `DataError` if they cannot be had."""
        column = self.columns[name]
        if column.fault is not None:
            raise DataError(column.fault)
        try:
            return column.load()
        except UNREADABLE as problem:
            raise broken(self.name, f"'{name}' cannot be read: {problem}") from None
        except MemoryError:
            raise too_large(f"'{name}' of '{self.name}'") from None


def broken(name: str, why: str, *help: str) -> DataError:
    """The error for a file that is not what its name says."""
    return refusal("E0610", f"'{name}' is no readable data file: {why}", *help)


def too_large(what: str, nbytes: int | None = None) -> DataError:
    """The error for what does not fit the machine."""
    size = f" ({nbytes:,} bytes)" if nbytes is not None else ""
    return refusal("E0613", f"{what}{size} is more than this machine's memory can hold")
