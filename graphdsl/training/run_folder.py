"""The folder a training run leaves behind: model, settings, weights, history, metrics."""

from __future__ import annotations

from pathlib import Path

from graphdsl.session import Session
from graphdsl.training.data import Dataset
from graphdsl.training.history import History
from graphdsl.training.options import FitSettings

WEIGHTS = "weights.safetensors"


def create(out: str | Path | None, model_name: str) -> Path:
    """A new folder: `out`, which must be new or empty, or else the next `runs/MODEL-N`.

    Raises `UsageError` if `out` holds something, `DataError` if the folder cannot be made.
    """
    raise NotImplementedError


def write_start(
    folder: Path, session: Session, dataset: Dataset, settings: FitSettings, seed: int
) -> None:
    """Write `model.gdl` and `settings.json`: what is needed to run it again."""
    raise NotImplementedError


def write_end(folder: Path, session: Session, history: History) -> None:
    """Write `weights.safetensors` (what the model holds: the best, where a valid part chose),
    `history.csv`, `history.jsonl` and `metrics.json`."""
    raise NotImplementedError
