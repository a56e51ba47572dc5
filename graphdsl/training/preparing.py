"""What a program asks for by name, as what a run is made of: settings and data come in, a trainer,
a dataset and the settings of the run go out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from graphdsl.session import Session
from graphdsl.training.data import load_dataset
from graphdsl.training.dataset import Dataset
from graphdsl.training.options import FitSettings, fit_settings, split_overrides
from graphdsl.training.trainer import Trainer

Data = Mapping[str, Any] | str | Path | Iterable[Mapping[str, Any]]
"""Arrays by input, a path, or batches."""


def make_trainer(session: Session, settings: Mapping[str, Any], seed: int) -> Trainer:
    """A trainer at its first step; raises `UsageError` for settings that are none or don't fit."""
    chosen = fit_settings(session.compilation, settings, seed)
    return Trainer(session, chosen.recipe, chosen.accumulate)


def prepare_fit(
    session: Session, data: Data | None, settings: Mapping[str, Any], seed: int
) -> tuple[Trainer, Dataset, FitSettings]:
    """A run's trainer, data and settings; `settings` override those of `train` and of `data`.

    Raises as `make_trainer` and `load_dataset` do; the session's trainer is replaced only once
    there is data to train on.
    """
    of_train, of_data = split_overrides(settings)
    chosen = fit_settings(session.compilation, of_train, seed)
    dataset = load_dataset(session, of_data, data)
    return make_trainer(session, of_train, seed), dataset, chosen
