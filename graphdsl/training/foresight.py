"""What a run will take of the memory, looked at before it begins: a trainer, its data and settings
come in, and the run is refused here rather than an epoch later.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphdsl.driver import Purpose
from graphdsl.engines.feeds import bind_sizes
from graphdsl.engines.limits import naive_bytes
from graphdsl.engines.memory import LARGE
from graphdsl.graph.flat_arrays import Kind, is_kind
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError
from graphdsl.session import Session
from graphdsl.training.dataset import Dataset, Part
from graphdsl.training.deferred import Rows
from graphdsl.training.measure import measures, read_by
from graphdsl.training.options import Size, eval_batch
from graphdsl.training.trainer import Trainer

_BY_HAND = "steps of your own keep no copies: model.trainer().step(…)"


def verify_copies(trainer: Trainer) -> None:
    """Raise `DataError` where there is no room for the copies that a run can go back to: the best
    weights, and the last good ones with the optimizer's states."""
    memory = trainer.session.memory
    weights = _sum_bytes(memory.arrays, "param", "state")
    good = weights + _sum_bytes(memory.arrays, "slot")
    memory.check_room("the copies that a run can go back to take", weights + good, _BY_HAND)


def load_programs(trainer: Trainer, dataset: Dataset, batch: int, chunk: Size | None) -> None:
    """Load what computes much at once: the training step for so many rows, and what is measured of
    the parts held out, `chunk` rows at once. Raises `DataError` where one has no room beside the
    others. Batches of a program's own are known only when they come."""
    session = trainer.session
    if dataset.stream is None:
        _load(session, trainer.purpose, dataset.train, batch)
    for name in ("valid", "test"):
        part = dataset.parts.get(name)
        purpose = measures(session, part) if part is not None else None
        if part is not None and purpose is not None:
            size = eval_batch(session.compilation, chunk)
            rows = part.rows if size == "all" else min(size, part.rows)
            _load(session, purpose, part, rows)


def _load(session: Session, purpose: Purpose, part: Part, rows: int) -> None:
    """Load a program for so many rows of a part, if the model computes much of them: what is small
    is compiled when it is needed."""
    fed = {**_stand_ins(part.arrays, rows), **part.whole}
    try:
        sizes = bind_sizes(fed, session.inputs)
        if naive_bytes(session.graph, sizes) <= LARGE:
            return
        read = bind_sizes(read_by(session, purpose, fed), session.inputs)
    except (DataError, KeyError, ZeroDivisionError):
        return  # it does not fit: who feeds it says so, and in which row
    with session.lock:
        session.executable(purpose, read)


def _stand_ins(arrays: Mapping[str, Rows], rows: int) -> dict[str, Array]:
    """Arrays of as many rows as these would have, without elements of their own."""
    return {
        name: np.broadcast_to(np.zeros((), array.dtype), (rows, *array.shape[1:]))
        for name, array in arrays.items()
    }


def _sum_bytes(arrays: Mapping[str, Array], *kinds: Kind) -> int:
    return sum(array.nbytes for name, array in arrays.items() if is_kind(name, *kinds))
