"""Losses, metrics and outputs over whole parts, computed in chunks; nothing is updated."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from graphdsl.driver import Purpose
from graphdsl.engines.feeds import verify_names
from graphdsl.graph.graph import Graph
from graphdsl.graph.kernel import Array
from graphdsl.graph.reach import find_reachable
from graphdsl.graph.sizes import symbol
from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.session import Session
from graphdsl.training.batches import chunks
from graphdsl.training.dataset import Part, batch_symbol, batched
from graphdsl.training.locating import located
from graphdsl.training.options import Size, eval_batch
from graphdsl.training.results import Results


def measured(graph: Graph) -> list[str]:
    """The loss and the metrics that are single numbers, which a mean can be taken of."""
    results = [r for r in graph.results if r.role != "output"]
    results.sort(key=lambda r: r.role != "loss")
    return [r.name for r in results if not graph.nodes[r.node].type.shape]


def outputs(graph: Graph) -> list[str]:
    """The names of what the file declares as `output`."""
    return [r.name for r in graph.results if r.role == "output"]


def asked_for(session: Session, named: str | Sequence[str] | None) -> list[str]:
    """What to predict: what is named, or else every output; raises `UsageError` for nothing."""
    found = [named] if isinstance(named, str) else named
    found = outputs(session.graph) if found is None else list(found)
    if not found:
        message = "the model declares no output" if named is None else "no output is named"
        other = "or name a node: --output z (outputs='z' from Python)"
        help = ("declare what to predict: output p = softmax(z)", other)
        raise UsageError(Diagnostic("E0829", message, (), help))
    return found


def computable(session: Session, fed: Collection[str], training: bool = False) -> list[str]:
    """The outputs, metrics and losses that depend only on what is fed; raises `UsageError` where
    there are none, `DataError` where what is fed is no input."""
    verify_names(fed, session.inputs)
    names = [result.name for result in session.graph.results]
    found = find_reachable(session.compilation.graph(training), list(fed), names)
    if not found:
        wanted = ", ".join(name for name in session.inputs if name not in fed)
        help = (f"feed {wanted} too",) if wanted else ("declare an output: output y = …",)
        message = "nothing to compute: every result depends on an input that is not fed"
        raise UsageError(Diagnostic("E0806", message, (), help))
    return found


def evaluate(
    session: Session, part: Part, batch: Size | None = None, training: bool = False
) -> dict[str, float]:
    """Row-weighted means of the loss and the scalar metrics over a part, `batch` rows at once, by
    default as many as the `train` block says.

    Results that depend on an input the part has not got are left out; where `training`, every
    chunk draws as at step 0. Raises `DataError` if the arrays do not fit.
    """
    purpose = measures(session, part, training)
    if purpose is None:
        return {}
    names = purpose.results
    totals, rows, size = np.zeros(len(names)), 0, eval_batch(session.compilation, batch)
    with located(part):
        for feeds, count in chunks(part, size):
            values = session.results(purpose, read_by(session, purpose, feeds))
            totals += [float(values[name]) * count for name in names]
            rows += count
    return dict(zip(names, (totals / rows).tolist(), strict=True))


def measures(session: Session, part: Part, training: bool = False) -> Purpose | None:
    """The loss and the scalar metrics that a part has the inputs for, if there are any."""
    graph = session.compilation.graph(training)
    names = find_reachable(graph, [*part.arrays, *part.whole], measured(session.graph))
    if not names or (part.arrays and not part.rows):
        return None
    return Purpose(tuple(names), training=training)


def predictions(
    session: Session,
    parts: Sequence[Part],
    names: Sequence[str],
    batch: Size | None = None,
    training: bool = False,
) -> Results:
    """The nodes in `names` for the rows of `parts`, `batch` at once, computed when asked for;
    where `training`, every chunk draws as at step 0.

    Raises `UsageError` for an unknown name, and for a node that is one value of all rows together
    where these come in several chunks.
    """
    names = tuple(dict.fromkeys(names))
    for name in names:
        session.verify_node(name, training)
    graph, rows = session.compilation.graph(training), batch_symbol(session.inputs)
    first = (symbol(rows),) if rows is not None else None
    by_row = {name for name in names if graph.nodes[graph.names[name]].type.shape[:1] == first}
    size = eval_batch(session.compilation, batch)
    count = sum(_chunk_count(part, size) for part in parts)
    if count > 1:
        _verify_by_row(graph, [name for name in names if name not in by_row], count)
    purpose, total = Purpose(names, training=training), sum(part.rows for part in parts)

    def compute() -> Iterator[dict[str, Array]]:
        for part in parts:
            with located(part):
                for feeds in _feeds(part, size):
                    yield session.results(purpose, read_by(session, purpose, feeds))

    return Results(names, frozenset(by_row), total, compute)


def _verify_by_row(graph: Graph, names: Sequence[str], count: int) -> None:
    """Raise `UsageError` for what chunks would not agree on: it mixes rows."""
    by_row = batched({graph.nodes[id].name or "": graph.nodes[id].type for id in graph.inputs})
    mixed = graph.depending(graph.names[name] for name in by_row)
    for name in names:
        if graph.names[name] in mixed:
            type = graph.nodes[graph.names[name]].type
            message = f"'{name}', {type}, has no axis of rows, and the rows come in {count} batches"
            help = (
                "take all rows at once: --batch all (batch='all' from Python)",
                "`graphdsl evaluate` gives the means of losses and metrics",
            )
            raise UsageError(Diagnostic("E0845", message, (), help))


def _chunk_count(part: Part, size: Size) -> int:
    return 1 if size == "all" or not part.arrays else max(-(-part.rows // size), 1)


def _feeds(part: Part, size: Size) -> Iterator[dict[str, Array]]:
    """The feeds of each chunk; of a part without rows, arrays without rows."""
    if part.arrays and not part.rows:
        yield {name: array[0:0] for name, array in part.arrays.items()} | dict(part.whole)
        return
    for feeds, _ in chunks(part, size):
        yield feeds


def read_by(session: Session, purpose: Purpose, feeds: dict[str, Array]) -> dict[str, Array]:
    """The feeds that a purpose reads, or else all: a symbol may be bound by no other."""
    read = session.compilation.compiled(purpose).inputs
    kept = {name: array for name, array in feeds.items() if name in read}
    return kept if batch_symbol(read) == batch_symbol(session.inputs) else feeds
