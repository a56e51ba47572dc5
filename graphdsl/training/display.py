"""What a person sees while a model trains, on a terminal: a live display.

It reads the trainer's step from a thread of its own, four times a second. rich is imported when a
display opens: elsewhere it would only be waited for.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, TextIO

from graphdsl.training.history import History, Row
from graphdsl.training.progress import (
    JsonLines,
    Lines,
    Listener,
    Run,
    Silent,
    list_measures,
    outcome,
)
from graphdsl.training.rate import Rate, find_rate

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live
    from rich.table import Table

Kind = Literal["auto", "live", "plain", "json", "quiet"]


def listener(kind: Kind = "auto", stream: TextIO | None = None) -> Listener:
    """A listener that writes to `stream`, or else to stderr.

    "auto" is live on a terminal and plain elsewhere.
    """
    out: Any = Forgiving(stream if stream is not None else sys.stderr)
    if kind == "auto":
        kind = "live" if out.isatty() else "plain"
    match kind:
        case "live":
            return Display(out)
        case "plain":
            return Lines(out)
        case "json":
            return JsonLines(out)
    return Silent()


class Forgiving:
    """A stream that drops what cannot be written: no run is lost because nobody watches it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Display:
    """A live display: how far the epoch and the run are, the last row, the rates, the time left."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._live: Live | None = None
        self._run: Run | None = None
        self._rate: Rate | float | None = None
        self._row: Row = {}
        self._began = 0.0
        self._before = 0
        """The steps of a run that goes on, which were taken before."""

    def on_start(self, run: Run) -> None:
        """Open the display."""
        from rich.console import Console
        from rich.live import Live

        self._run, self._before, self._began = run, run.steps, time.perf_counter()
        self._rate = find_rate(run.trainer.session)
        console = Console(file=self.stream)
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=4, transient=True
        )
        self._live.start()

    def on_epoch(self, row: Row) -> None:
        """Show this row from now on."""
        self._row = row

    def on_end(self, history: History) -> None:
        """Close the display; one line stays."""
        if self._live is not None:
            self._live.stop()
        if self._run is not None:
            print(outcome(history), file=self.stream, flush=True)

    def _render(self) -> Group:
        from rich.columns import Columns
        from rich.console import Group
        from rich.table import Table

        assert self._run is not None
        run, seconds = self._run, max(time.perf_counter() - self._began, 1e-9)
        pace = (run.steps - self._before) / seconds
        shown = Table.grid()
        shown.add_row(_bars(run, pace))
        facts = [*list_measures(self._row), *self._learning_rate(run), f"{pace:,.0f} steps/s"]
        shown.add_row(Columns(facts, padding=(0, 2)))  # which divides none of them
        # a line to spare: a terminal writes ^C where the cursor is, and behind a full line that
        # would begin another, which nobody takes away
        return Group(shown, "")

    def _learning_rate(self, run: Run) -> Iterator[str]:
        """The rate of the step under way, if the optimizer has one."""
        rate, trainer = self._rate, run.trainer
        if callable(rate):
            rate = rate(max(trainer.t, 1), trainer.epoch, trainer.total_steps)
        if rate is not None:
            yield f"lr {rate:.3g}"


def _bars(run: Run, pace: float) -> Table:
    """How far the epoch and the run are, as bars where the number of steps is known; `pace` is in
    steps a second."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    table, done, per_epoch = Table.grid(padding=(0, 1)), run.steps, run.steps_per_epoch
    name = run.name[-24:]
    if per_epoch is None:
        table.add_row(name, f"{done:,} steps", "")
        return table
    whole = max(per_epoch * run.epochs, 1)
    epoch = min(done // per_epoch + 1, run.epochs)
    within = done - (epoch - 1) * per_epoch
    left = (whole - done) / pace if pace else math.inf
    bar = ProgressBar(per_epoch, within, width=30)
    table.add_row(f"epoch {epoch}/{run.epochs}", bar, f"step {within}/{per_epoch}")
    table.add_row(name, ProgressBar(whole, done, width=30), _left(left))
    return table


def _left(seconds: float) -> str:
    if not math.isfinite(seconds):
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} left"
