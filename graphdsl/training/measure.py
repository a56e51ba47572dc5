"""Losses, metrics and outputs over a whole part, computed in chunks in evaluation mode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphdsl.driver import Purpose
from graphdsl.graph.graph import Graph
from graphdsl.graph.kernel import Array
from graphdsl.graph.sizes import symbol
from graphdsl.session import Session
from graphdsl.training.batches import chunks
from graphdsl.training.dataset import Part, batch_symbol
from graphdsl.training.options import Size


def measured(graph: Graph) -> list[str]:
    """The loss and the metrics that are single numbers, which a mean can be taken of."""
    results = [r for r in graph.results if r.role != "output"]
    results.sort(key=lambda r: r.role != "loss")
    return [r.name for r in results if not graph.nodes[r.node].type.shape]


def evaluate(session: Session, part: Part, eval_batch: Size = 1024) -> dict[str, float]:
    """Row-weighted means of the loss and the scalar metrics over a part, in evaluation mode.

    Results that depend on an input the part has not got are left out. Raises `DataError` if the
    arrays do not fit.
    """
    fed = [*part.arrays, *part.whole]
    names = session.reachable(fed, measured(session.graph))
    if not names or (part.arrays and not part.rows):
        return {}
    purpose, totals, rows = Purpose(tuple(names)), np.zeros(len(names)), 0
    for feeds, count in chunks(part, eval_batch):
        values = session.results(purpose, _read(session, purpose, feeds))
        totals += [float(values[name]) * count for name in names]
        rows += count
    return dict(zip(names, (totals / rows).tolist(), strict=True))


def predict(
    session: Session, part: Part, eval_batch: Size = 1024, names: Sequence[str] | None = None
) -> dict[str, Array]:
    """The outputs (or the nodes in `names`) for every row of a part, in evaluation mode.

    A result with the batch axis first comes back with all rows, any other as its last chunk gave
    it. Raises `UsageError` for an unknown name.
    """
    graph = session.graph
    if names is None:
        outputs = [r.name for r in graph.results if r.role == "output"]
        names = session.reachable([*part.arrays, *part.whole], outputs)
    for name in names:
        session.check_node(name)
    if not names:
        return {}
    purpose = Purpose(tuple(names))
    pieces: dict[str, list[Array]] = {name: [] for name in names}
    for feeds, _ in chunks(part, eval_batch):
        for name, value in session.results(purpose, _read(session, purpose, feeds)).items():
            pieces[name].append(value)
    rows = batch_symbol(session.inputs)
    by_row = {
        name
        for name in names
        if rows and graph.nodes[graph.names[name]].type.shape[:1] == (symbol(rows),)
    }
    return {n: np.concatenate(p) if n in by_row else p[-1] for n, p in pieces.items() if p}


def _read(session: Session, purpose: Purpose, feeds: dict[str, Array]) -> dict[str, Array]:
    """The feeds that a purpose reads, or else all: a symbol may be bound by no other."""
    read = session.needed_inputs(session.compilation.compiled(purpose).graph)
    kept = {name: array for name, array in feeds.items() if name in read}
    return kept if batch_symbol(read) == batch_symbol(session.inputs) else feeds
