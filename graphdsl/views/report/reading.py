"""A run's folder as a report has it: a path comes in, what can still be read goes out.

Without its settings a folder is no run's, and that is an error; anything else may be missing or
damaged, and then the report says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from graphdsl.driver import Compilation
from graphdsl.language.diagnostics import DataError, UsageError
from graphdsl.training.files import read_bytes
from graphdsl.training.history import JSONL, Ending, History, Row
from graphdsl.training.recorded import (
    Recorded,
    compile_recorded,
    read_recorded,
    read_settings,
    way_back,
)
from graphdsl.training.run_folder import METRICS, held

MOST_EPOCHS = 2**53
"""Floats can tell no more of them apart."""
ENDED_AT_ONCE = "It came to no epoch: there is nothing to draw."


@dataclass(frozen=True, slots=True)
class ReportedRun:
    """A run; `notes` say what is not as it should be, in sentences."""

    folder: Path
    name: str
    recorded: Recorded
    settings: Mapping[str, Any]
    """All of `settings.json`: what was recorded, and what else a reader may want."""
    history: History
    ended: bool
    compilation: Compilation | None
    """The model as it was; None where that can no longer be had."""
    text: str
    """The model's text, empty where its file is gone."""
    notes: tuple[str, ...]


def read_run(folder: Path) -> ReportedRun:
    """The run in a folder; raises `DataError` where there is none."""
    recorded, settings = read_recorded(folder), read_settings(folder)
    notes: list[str] = []
    history = History(epochs=_read_rows(folder, notes))
    if not history.epochs and not notes:
        notes.append(ENDED_AT_ONCE)
    ended = _read_end(folder, recorded, history, notes)
    text = _read_text(folder, recorded, notes)
    compilation = _compile(folder, recorded, notes) if text else None
    name = folder.resolve().name or str(folder)
    return ReportedRun(
        folder, name, recorded, settings, history, ended, compilation, text, tuple(notes)
    )


# --- history -------------------------------------------------------------------------------------


def _read_rows(folder: Path, notes: list[str]) -> list[Row]:
    """The rows that can be read."""
    try:
        lines = read_bytes(folder / JSONL).splitlines()
    except FileNotFoundError:
        notes.append(f"There is no {JSONL} in the folder.")
        return []
    except OSError as problem:
        notes.append(f"{JSONL} cannot be read: {problem.strerror}.")
        return []
    rows: list[Row] = []
    bad: list[int] = []
    for number, line in enumerate(lines, 1):
        row = _read_row(line)
        if row is None or (rows and row["epoch"] <= rows[-1]["epoch"]):
            bad.append(number)
        else:
            rows.append(row)
    if bad:
        others = f" and {len(bad) - 1:,} more" if len(bad) > 1 else ""
        said = f"line {bad[0]}{others} cannot be read and {'are' if others else 'is'} left out"
        notes.append(f"{JSONL} is damaged: {said}.")
    return rows


def _read_row(line: bytes) -> Row | None:
    """A row of numbers with its epoch, null as nan; None for anything else."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    found = {name: value for name, value in row.items() if _is_number(value)}
    epoch = found.get("epoch")
    if len(found) < len(row) or epoch is None or not 0 <= epoch < MOST_EPOCHS:
        return None
    return {name: math.nan if value is None else float(value) for name, value in found.items()}


def _is_number(value: object) -> bool:
    """Whether JSON holds a number here that a float can hold, or null for one that is not finite"""
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < 2**63
    return value is None or isinstance(value, float)


# --- the end -------------------------------------------------------------------------------------


def _read_end(folder: Path, recorded: Recorded, history: History, notes: list[str]) -> bool:
    """Put into a history how the run ended; whether it did."""
    try:
        said = json.loads(read_bytes(folder / METRICS).decode("utf-8"))
        if not isinstance(said, dict) or said.get("ending") not in get_args(Ending):
            raise ValueError("it does not say how the run ended")
    except FileNotFoundError:
        notes.append(_unfinished(folder, recorded))
        return False
    except (OSError, ValueError, RecursionError) as problem:
        notes.append(f"{METRICS} cannot be read: {problem}; {way_back(recorded, folder)}.")
        return False
    history.ending = cast(Ending, said["ending"])
    last = history.epochs[-1]["epoch"] if history.epochs else 0
    best = said.get("best")
    history.best = best if type(best) is int and 0 < best <= last else None
    history.watch = said["watch"] if isinstance(said.get("watch"), str) else None
    history.stopped_by = said["stopped_by"] if isinstance(said.get("stopped_by"), str) else None
    seconds = said.get("seconds")
    history.seconds = float(seconds) if seconds is not None and _is_number(seconds) else 0.0
    history.final = dict(_final(said))
    return True


def _final(said: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, float]]]:
    """What the kept weights came to, by part."""
    for part, values in said.items():
        if isinstance(values, dict):
            numbers = {name: value for name, value in values.items() if _is_number(value)}
            yield part, {k: math.nan if v is None else float(v) for k, v in numbers.items()}


def _unfinished(folder: Path, recorded: Recorded) -> str:
    try:
        with held(folder):
            pass
    except UsageError:
        return "The run is under way: this is how far it has got."
    except DataError:
        pass  # a folder that nobody may look at is under no way
    help = f"graphdsl run {recorded.model} --resume {folder} goes on with it"
    return f"The run has not ended; it was cut short. {help}."


# --- the model -----------------------------------------------------------------------------------


def _read_text(folder: Path, recorded: Recorded, notes: list[str]) -> str:
    try:
        return read_bytes(folder / recorded.file).decode("utf-8", errors="replace")
    except OSError as problem:
        said = f"The model's file cannot be read ({problem.strerror})"
        notes.append(f"{said}: {way_back(recorded, folder)}.")
        return ""


def _compile(folder: Path, recorded: Recorded, notes: list[str]) -> Compilation | None:
    try:
        return compile_recorded(folder, recorded)
    except DataError as error:
        first = error.diagnostics[0]
        notes.append(f"There is no drawing and there are no gradients: {first.message}.")
        return None
