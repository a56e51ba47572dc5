"""`History`: what each epoch came to, and how training ended; as CSV and JSON lines on disk."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from graphdsl.training.files import write_text
from graphdsl.training.plain import finite

Ending = Literal["epochs", "early", "interrupted", "diverged", "failed"]
Row = dict[str, float]


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
    final: dict[str, dict[str, float]] = field(default_factory=dict)
    """Losses and metrics of the kept weights by part: `valid` and `test`."""
    seconds: float = 0.0

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
            "seconds": round(self.seconds, 3),
            **self.final,
        }

    def write(self, folder: Path) -> None:
        """Write `history.csv` and `history.jsonl`; raises `DataError` if the disk refuses."""
        write_text(folder / "history.csv", self._csv(self.columns))
        lines = [json.dumps(finite(row), ensure_ascii=False) + "\n" for row in self.epochs]
        write_text(folder / "history.jsonl", "".join(lines))

    def _csv(self, columns: Sequence[str]) -> str:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(columns)
        table.writerows([row.get(name, "") for name in columns] for row in self.epochs)
        return text.getvalue()
