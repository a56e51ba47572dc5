"""The batches of an epoch, from the rows of a part or from an iterable of a program's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from graphdsl.engines import feeds
from graphdsl.engines.feeds import refusal
from graphdsl.engines.late_rows import LateRows
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError
from graphdsl.session import Session
from graphdsl.training.batches import Batches
from graphdsl.training.dataset import Dataset, batch_symbol
from graphdsl.training.stream import Stream

Fed = tuple[Mapping[str, Any], int]
"""What a step is fed, and its number of rows."""

Arriving = tuple[Mapping[str, Any], LateRows | None, int]
"""The same, with those rows between the two that are yet to be gathered into what is fed."""


def epoch_batches(
    session: Session, dataset: Dataset, batches: Batches, epoch: int
) -> Iterator[Fed]:
    """The batches of an epoch, counted from 0; raises `DataError` for what is no batch."""
    if dataset.stream is None:
        return batches.epoch(epoch)
    return _streamed(session, dataset.stream)


def arriving_batches(
    session: Session, dataset: Dataset, batches: Batches, epoch: int, apart: Callable[[], bool]
) -> Iterator[Arriving]:
    """The same, rows of which may be yet to be gathered, as `Batches.arriving` has it."""
    if dataset.stream is None:
        return batches.arriving(epoch, apart)
    return ((fed, None, count) for fed, count in _streamed(session, dataset.stream))


def _streamed(session: Session, stream: Stream) -> Iterator[Fed]:
    for batch in stream:
        try:
            fed = _fed(session, batch)
        except DataError as error:
            where = f"met in {stream.place}"
            noted = [replace(d, help=(*d.help, where)) for d in error.diagnostics]
            raise DataError(noted) from None
        yield fed


def _fed(session: Session, batch: Any) -> Fed:
    """A batch of a program's own, checked; raises `DataError` if it is none."""
    inputs = session.inputs
    if not isinstance(batch, Mapping):
        wanted = ", ".join(f'"{name}": …' for name in inputs)
        message = f"a batch is a mapping of arrays by input, not {type(batch).__name__}"
        raise refusal("E0618", message, f"give {{{wanted}}} for each step")
    arrays, sizes = session.feed(batch)
    feeds.verify_all_fed(arrays, inputs)
    verify_rows(arrays)
    return arrays, sizes.get(batch_symbol(inputs) or "", 1)


def verify_rows(arrays: Mapping[str, Array]) -> None:
    """Raise `DataError` for a batch of which an array has no elements."""
    empty = next((name for name, array in arrays.items() if array.size == 0), None)
    if empty is not None:
        message = f"the batch is empty: '{empty}' has the shape {list(arrays[empty].shape)}"
        raise refusal("E0817", message, "a step needs one row or more")


def steps_per_epoch(dataset: Dataset, batches: Batches) -> int | None:
    """How many batches an epoch has; None where an iterable does not say."""
    if dataset.stream is None:
        return len(batches)
    return len(dataset.stream) if hasattr(dataset.stream, "__len__") else None
