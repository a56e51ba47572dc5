"""Where a value stands in the data that only a running program could find fault with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from graphdsl.language.diagnostics import DataError
from graphdsl.ops.runtime import IndexFault
from graphdsl.training.dataset import Part
from graphdsl.training.deferred import Deferred, Rows
from graphdsl.training.stream import Stream


@contextmanager
def located(*parts: Part | None, stream: Stream | None = None) -> Iterator[None]:
    """A context whose errors of indices out of range name the input, the row and the column, or
    the batch of a stream."""
    try:
        yield
    except DataError as error:
        fault = error.__context__
        if not isinstance(fault, IndexFault):
            raise
        found = [note for part in parts if part is not None for note in _notes(part, fault.found)]
        if stream is not None:
            found = [f"met in {stream.place}"]
        help = (*found[:2], *_mend(fault))
        # a row of the data says more than that of a batch
        in_batch = stream is not None or not found
        noted = [replace(d, help=(*(d.help if in_batch else ()), *help)) for d in error.diagnostics]
        raise DataError(noted) from None


def _mend(fault: IndexFault) -> tuple[str, ...]:
    """What to do about it; an axis that is empty has no index at all."""
    if not fault.size:
        return ()
    return (
        f"mend these rows, or number from 0, as category(…) does; {fault.size} is the size of the "
        "axis that is indexed: the model may need a larger one",
    )


def _notes(part: Part, value: int) -> Iterator[str]:
    """Where the integers of a part have a value first, a line for each input."""
    for name, rows in part.arrays.items():
        if rows.dtype.kind != "i":
            continue
        row = _first(rows, value)
        if row is not None:
            yield f"{value} stands in input '{name}', {_place(part, name, row)}"


def _first(rows: Rows, value: int) -> int | None:
    """The first row that holds a value."""
    start = 0
    for block in rows.blocks() if isinstance(rows, Deferred) else (rows,):
        found = np.flatnonzero((block == value).reshape(len(block), -1).any(axis=1))
        if len(found):
            return start + int(found[0])
        start += len(block)
    return None


def _place(part: Part, name: str, row: int) -> str:
    if part.origin is None:
        return f"row {row:,}"
    place = part.origin.place(int(part.origin.rows[row]))
    columns: Mapping[str, str] = part.origin.columns
    return f"column '{columns[name]}', {place}" if name in columns else place
