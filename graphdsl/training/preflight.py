"""What can be known to be wrong before a run begins: its settings beside its data."""

from __future__ import annotations

from graphdsl.compiler.lower.criteria import Criterion, need_valid
from graphdsl.driver import Compilation
from graphdsl.language.diagnostics import DataError, Diagnostic, Label, UsageError
from graphdsl.training.columns import NO_ROWS
from graphdsl.training.dataset import Dataset
from graphdsl.training.options import FitSettings, verify_batch


def verify_fit(
    dataset: Dataset, settings: FitSettings, compilation: Compilation | None = None
) -> None:
    """Raise what can be known to be wrong before a run: nothing to train on, or to watch."""
    part, stop = dataset.train, settings.stop
    if dataset.stream is not None:
        dataset.stream.verify_epochs(settings.epochs)
    elif part.arrays:
        verify_batch(settings, part.rows)
    if dataset.stream is None and part.arrays and not part.rows:
        raise DataError(Diagnostic("E0616", "the train part is empty", (), (NO_ROWS,)))
    watching = need_valid(stop) if dataset.valid is None else None
    if watching is not None:
        message = f"{watching} watches the valid part, and there is none"
        help = (
            "give the data block a split: split = [0.8, 0.2]",
            "or train without it: --with stop= (stop=None from Python)",
        )
        raise UsageError(Diagnostic("E0811", message, _place_of(stop, compilation), help))


def _place_of(stop: Criterion | None, compilation: Compilation | None) -> tuple[Label, ...]:
    """Where the file says it, if it is the file that does."""
    train = compilation.lowered(training=True).train if compilation else None
    from_file = train is not None and train.stop == stop and "stop" in train.given
    return (Label(train.given["stop"]),) if train and from_file else ()
