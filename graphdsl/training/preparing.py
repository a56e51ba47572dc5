"""What a program asks for by name, as what a run is made of: settings and data come in, a trainer,
a dataset and the settings of the run go out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from graphdsl.compiler.lower.signs import find_turn
from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.language.settings import DATA, SCALE
from graphdsl.session import Session
from graphdsl.training.data import load_dataset
from graphdsl.training.dataset import Dataset
from graphdsl.training.options import FitSettings, fit_settings, split_overrides
from graphdsl.training.trainer import Trainer

Data = Mapping[str, Any] | str | Path | Iterable[Mapping[str, Any]]
"""Arrays by input, a path, or batches."""


def make_trainer(session: Session, settings: Mapping[str, Any], seed: int) -> Trainer:
    """A trainer at its first step; raises `UsageError` for settings that are none or don't fit, and
    warns of those that turn a step round, as of a file's."""
    chosen = fit_settings(session.compilation, settings, seed)
    _warn_of_turns(settings)
    return Trainer(session, chosen.recipe, chosen.accumulate)


def prepare_fit(
    session: Session, data: Data | None, settings: Mapping[str, Any], seed: int
) -> tuple[Trainer, Dataset, FitSettings]:
    """A run's trainer, data and settings; `settings` override those of `train` and of `data`.

    Raises and warns as `make_trainer` and `load_dataset` do, and `UsageError` for settings that say
    nothing of such data; the session's trainer is replaced only once there is data to train on.
    """
    of_train, of_data = split_overrides(settings)
    _verify_used(of_data, data)
    chosen = fit_settings(session.compilation, of_train, seed)
    dataset = load_dataset(session, of_data, data)
    _warn_of_turns(of_train)
    return Trainer(session, chosen.recipe, chosen.accumulate), dataset, chosen


def _warn_of_turns(settings: Mapping[str, Any]) -> None:
    """Warn who called the model's method, of factors that turn a rate or a decay round."""
    for key, factors in settings.items():
        for pattern, factor in (factors or {}).items() if key.startswith(SCALE) else ():
            message = find_turn(key.removeprefix(SCALE), factor)
            if message is not None:
                help = (f'{key} = {{"{pattern}": {-factor:g}}}',)
                caution = Diagnostic("W0112", message, (), help, severity="warning")
                warnings.warn(str(caution), RuntimeWarning, stacklevel=5)


def _verify_used(settings: Mapping[str, Any], data: Data | None) -> None:
    """Raise `UsageError` for a setting that would be passed over for what is given as data."""
    if data is None:
        return
    what, unused, help = _passed_over(data)
    key = next((key for key in unused if settings.get(key) is not None), None)
    if key is not None:
        message = f"'{key}' says nothing of data that is {what}"
        raise UsageError(Diagnostic("E0848", message, (), (help,)))


def _passed_over(data: Data) -> tuple[str, Sequence[str], str]:
    """What data is, the settings that have no effect on such, and what to do instead."""
    match data:
        case str() | Path():
            help = "the path is the source: leave the setting out"
            return "a path", ("source", "train"), help
        case Mapping():
            help = "arrays are divided by fractions: split=[0.6, 0.2, 0.2]"
            return "arrays by input", ("source", "train", "valid", "test"), help
    help = "every batch is trained on: leave the setting out, or give the rows as arrays"
    return "an iterable of batches", [setting.key for setting in DATA], help
