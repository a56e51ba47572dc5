"""How many threads BLAS uses while a model trains.

On small products a second thread costs more than it brings, and where another process keeps a
core busy it waits for that core with every product: the digits network then takes a hundred
times as long. What counts is the whole model, not its largest product: the rows of a batch times
all parameters, one multiplication each, as in a forward sweep through dense layers. The choice
depends on the model and the batch alone, so that the same run gives the same bits. Outside of
training the number is what it was: it belongs to the whole process.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from graphdsl.engines import blas
from graphdsl.engines.loaded import Run
from graphdsl.session import Session

LARGE = 2**22
"""Rows of a batch times parameters from which on a model is trained by several threads."""

SMALL = 2**13
"""Rows times parameters up to which OpenBLAS takes one thread of its own accord, whichever of the
model's products they are: one with a vector is the first to take more, from 9,216 on."""


def blas_threads(session: Session, rows: int) -> AbstractContextManager[object]:
    """One thread while training on batches of `rows` rows, if the model is small."""
    return blas.one_thread() if _count_work(session, rows) < LARGE else nullcontext()


def on_one_thread(run: Run, session: Session, rows: int) -> Run:
    """A step on `rows` rows as a function that takes one thread, where that makes a difference."""
    return blas.on_one_thread(run) if SMALL < _count_work(session, rows) < LARGE else run


def _count_work(session: Session, rows: int) -> int:
    """The multiplications of a forward sweep, if every parameter is a dense layer's: each of them
    meets each row once."""
    return rows * sum(array.size for array in session.memory.params.values())
