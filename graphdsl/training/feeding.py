"""The batches of an epoch, from the rows of a part or from an iterable of a program's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphdsl.engines import feeds
from graphdsl.language.diagnostics import DataError, Diagnostic
from graphdsl.session import Session
from graphdsl.training.batches import Batches
from graphdsl.training.dataset import Dataset, batch_symbol

Fed = tuple[Mapping[str, Any], int]
"""What a step is fed, and its number of rows."""


def epoch_batches(
    session: Session, dataset: Dataset, batches: Batches, epoch: int
) -> Iterator[Fed]:
    """The batches of an epoch, counted from 0; raises `DataError` for what is no batch."""
    if dataset.stream is None:
        yield from batches.epoch(epoch)
        return
    inputs = session.inputs
    name = batch_symbol(inputs)
    for batch in dataset.stream:
        if not isinstance(batch, Mapping):
            message = f"a batch is a mapping of arrays by input, not {type(batch).__name__}"
            raise DataError(Diagnostic("E0618", message))
        arrays, sizes = session.feed(batch)
        feeds.check_all_fed(arrays, inputs)
        yield arrays, sizes.get(name or "", 1)


def steps_per_epoch(dataset: Dataset, batches: Batches) -> int | None:
    """How many batches an epoch has; None where an iterable does not say."""
    if dataset.stream is None:
        return len(batches)
    return len(dataset.stream) if hasattr(dataset.stream, "__len__") else None
