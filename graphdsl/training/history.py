"""`History`: what each epoch came to, and how training ended; as CSV and JSON lines on disk."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from graphdsl.training.files import Appended, write_text
from graphdsl.training.media import SVG, TEXT, Asked, choose_media
from graphdsl.training.plain import finite

Ending = Literal["epochs", "early", "interrupted", "diverged", "failed"]
Row = dict[str, float]
CSV, JSONL = "history.csv", "history.jsonl"


@dataclass(slots=True)
class History:
    """The rows of a training run.

    A row holds `epoch` (from 1), `step` (in all), `seconds` (in all), the row-weighted mean of the
    training loss as `train.J`, and what was measured on the valid part as `valid.J`, `valid.m`, ….
    """

    epochs: list[Row] = field(default_factory=list)
    best: int | None = None
    """The epoch whose weights were kept, where a valid part chose one."""
    watch: str | None = None
    """The column that chose it, such as `valid.accuracy`."""
    ending: Ending = "epochs"
    stopped_by: str | None = None
    """The criterion of `stop` that ended it early, as a file says it."""
    final: dict[str, dict[str, float]] = field(default_factory=dict)
    """Losses and metrics of the kept weights by part: `valid` and `test`."""
    seconds: float = 0.0
    drawing: ClassVar[Callable[[History], str] | None] = None
    """What makes an SVG of the curves, empty where there are none: set by who can draw."""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""
        return self.ending == "interrupted"

    @property
    def columns(self) -> list[str]:
        """The names of a row's values."""
        return list(dict.fromkeys(name for row in self.epochs for name in row))

    def column(self, name: str) -> list[float]:
        """One value of every epoch; raises `KeyError` if no epoch has it."""
        return [row[name] for row in self.epochs]

    def summary(self) -> dict[str, object]:
        """How it ended, as plain data."""
        last = self.epochs[-1] if self.epochs else {}
        return {
            "epochs": len(self.epochs),
            "steps": int(last.get("step", 0)),
            "best": self.best,
            "watch": self.watch,
            "ending": self.ending,
            "stopped_by": self.stopped_by,
            "seconds": round(self.seconds, 3),
            **self.final,
        }

    def __repr__(self) -> str:
        last = self.epochs[-1] if self.epochs else {}
        count = len(self.epochs)
        said = [f"{count:,} epoch{'' if count == 1 else 's'}"]
        said += [f"{name} {last[name]:.6g}" for name in last if "." in name]
        said += [f"kept epoch {self.best}"] if self.best is not None else []
        said += [self.ending] if self.ending != "epochs" else []
        return f"<History: {', '.join(said)}>"

    def _repr_mimebundle_(self, include: Asked = None, exclude: Asked = None) -> dict[str, str]:
        """What a notebook shows: the curves, and text."""
        draw, media = History.drawing, choose_media(include, exclude)
        svg = draw(self) if draw is not None and SVG in media else ""
        return ({TEXT: repr(self)} if TEXT in media else {}) | ({SVG: svg} if svg else {})

    def table(self) -> str:
        """The epochs as CSV text: a line of names, then one for each."""
        columns = self.columns
        return _csv([columns, *_cells(columns, self.epochs)])

    def write(self, folder: Path) -> None:
        """Write `history.csv` and `history.jsonl`; raises `DataError` if the disk refuses."""
        write_text(folder / CSV, self.table())
        write_text(folder / JSONL, "".join(map(_line, self.epochs)))


@dataclass(slots=True)
class HistoryLog:
    """Keeps a run's `history.csv` and `history.jsonl` up to date, an epoch at a time.

    A row is one write at the end of each file, so that it costs next to nothing; after a crash the
    files are written anew from the checkpoint. All raise `DataError` if the disk refuses.
    """

    folder: Path
    _columns: list[str] = field(default_factory=list)
    _files: list[Appended] = field(default_factory=list)

    def begin(self, history: History) -> None:
        """Write what a run goes on from, if it is no beginning."""
        self.close()
        self._columns = history.columns
        if history.epochs:
            history.write(self.folder)
            self._files = [Appended(self.folder / name) for name in (CSV, JSONL)]

    def add(self, history: History) -> None:
        """Add the last row."""
        row = history.epochs[-1]
        if not row.keys() <= set(self._columns):
            self.begin(history)
            return
        table, lines = self._files
        table.write(_csv(_cells(self._columns, [row])))
        lines.write(_line(row))

    def close(self) -> None:
        """Close the files."""
        while self._files:
            self._files.pop().close()


def _csv(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _cells(columns: Sequence[str], rows: Iterable[Row]) -> list[list[object]]:
    return [[row.get(name, "") for name in columns] for row in rows]


def _line(row: Row) -> str:
    return json.dumps(finite(row), ensure_ascii=False) + "\n"
