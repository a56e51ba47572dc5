"""The training loop: epochs of steps, measured on the valid part, the best weights kept."""

from __future__ import annotations

from collections.abc import Sequence

from graphdsl.graph.kernel import Array
from graphdsl.session import Session
from graphdsl.training.data import Dataset, Part
from graphdsl.training.history import History
from graphdsl.training.options import FitSettings, Size
from graphdsl.training.progress import Listener
from graphdsl.training.trainer import Trainer


def fit(
    trainer: Trainer,
    dataset: Dataset,
    settings: FitSettings,
    listener: Listener | None = None,
    history: History | None = None,
) -> History:
    """Train; the history, with the model left at its best weights.

    `history` is filled as training goes on, for a caller who wants it even if this raises.
    """
    raise NotImplementedError


def evaluate(session: Session, part: Part, eval_batch: Size = 1024) -> dict[str, float]:
    """Row-weighted means of the loss and the scalar metrics over a part, in evaluation mode."""
    raise NotImplementedError


def predict(
    session: Session, part: Part, eval_batch: Size = 1024, names: Sequence[str] | None = None
) -> dict[str, Array]:
    """The outputs (or the nodes in `names`) for every row of a part, in evaluation mode."""
    raise NotImplementedError
