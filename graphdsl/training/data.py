"""From a `data` block, a path, arrays or batches to a dataset; from other rows to a part."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.session import Session
from graphdsl.training import assembly
from graphdsl.training.array_data import from_arrays
from graphdsl.training.columns import too_large
from graphdsl.training.dataset import Dataset, Part
from graphdsl.training.learned import Learned
from graphdsl.training.placed import Placed
from graphdsl.training.stream import stream_of


def load_dataset(
    session: Session,
    settings: Mapping[str, Any] | None = None,
    data: Dataset | Mapping[str, Any] | str | Path | Iterable[Mapping[str, Any]] | None = None,
) -> Dataset:
    """The data a model trains on.

    `settings` override those of the `data` block (paths in them are the caller's, taken from the
    working directory). `data` takes the source's place: a path; arrays by input, split as the
    block says; or an iterable of batches. Raises `ModelError` where the block is at fault,
    `DataError` where the data is, `UsageError` where there is none.
    """
    settings = settings or {}
    match data:
        case Dataset():
            return data
        case None | str() | Path():
            with _room_for(session, data):
                return assembly.from_source(session, settings, data)
        case Mapping():
            return from_arrays(session, settings, data)
    if not isinstance(data, Iterable):
        message = f"data is a path, arrays by input or an iterable of batches, not {data!r:.60}"
        raise UsageError(Diagnostic("E0833", message))
    return Dataset(Part({}, 0), stream=stream_of(data))


def load_part(
    session: Session,
    path: str | Path,
    inputs: Collection[str] | None = None,
    learned: Learned | None = None,
) -> Part:
    """Other rows, such as new ones to predict for, through the expressions of the `data` block.

    Statistics and codes are those of `learned`, which a dataset has; without it they are computed
    anew from the block's own training part, which is read only if they are needed. `inputs`
    restricts which inputs are bound, so that a file without the answers will do. Raises as
    `load_dataset` does, and `DataError` for a category that the training part has not got.
    """
    with _room_for(session, path):
        return assembly.other_rows(session, Path(path), inputs, learned)


@contextmanager
def _room_for(session: Session, path: str | Path | None) -> Iterator[None]:
    """A context whose lack of memory is told of the data, where nothing within knows more."""
    block = session.compilation.lowered().data
    try:
        yield
    except MemoryError:
        what = "the data" if path is None else f"'{path}'"
        with Placed(block.span if block is not None else None):
            raise too_large(f"{what}, as the model takes it,") from None
