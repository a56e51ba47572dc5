"""How many threads BLAS uses while a model trains.

On small products a second thread costs more than it brings, and where another process keeps a
core busy it waits for that core with every product: the digits network then takes a hundred
times as long. The choice depends on the model and the batch alone, so that the same run gives the
same bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

from graphdsl.session import Session

LARGE = 2**22
"""Multiplications of one product of a batch, about, from which on several threads pay."""


@contextmanager
def blas_threads(session: Session, rows: int) -> Iterator[None]:
    """One thread while training on batches of `rows` rows, if the model is small for that."""
    work = rows * sum(array.size for array in session.memory.params.values())
    if work >= LARGE:
        yield
        return
    with threadpool_limits(1, user_api="blas"):
        yield
