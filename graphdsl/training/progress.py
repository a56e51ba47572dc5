"""What a person sees while a model trains: a live display, plain lines, or JSON lines.

Nothing here is called from within an epoch: the live display reads the trainer's step from a
thread of its own, four times a second. rich is imported when a display opens: elsewhere it would
only be waited for.
"""

from __future__ import annotations

import json
import math
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TextIO

from graphdsl.training.history import History, Row
from graphdsl.training.plain import finite
from graphdsl.training.trainer import Trainer

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

Kind = Literal["auto", "live", "plain", "json", "quiet"]
MOST_LINES = 100
"""Lines that a plain report of a run has at most, about."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run about to begin. `trainer.t` counts its steps while it goes on, at no cost.

    `steps_per_epoch` is None where an iterable of batches does not say; `rows` are those of each
    part; `first_step` is the trainer's step before the run.
    """

    trainer: Trainer
    epochs: int
    steps_per_epoch: int | None
    rows: dict[str, int]
    name: str
    first_step: int = 0

    @property
    def steps(self) -> int:
        """The steps taken so far."""
        return self.trainer.t - self.first_step


class Listener(Protocol):
    """Is told of a run's beginning, of each epoch's row, and of its end, however it ends."""

    def on_start(self, run: Run) -> None: ...

    def on_epoch(self, row: Row) -> None: ...

    def on_end(self, history: History) -> None: ...


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


class Silent:
    """Says nothing."""

    def on_start(self, run: Run) -> None:
        """Nothing."""

    def on_epoch(self, row: Row) -> None:
        """Nothing."""

    def on_end(self, history: History) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Several:
    """Tells several listeners, in order."""

    listeners: tuple[Listener, ...]

    def on_start(self, run: Run) -> None:
        """Pass it on."""
        for one in self.listeners:
            one.on_start(run)

    def on_epoch(self, row: Row) -> None:
        """Pass it on."""
        for one in self.listeners:
            one.on_epoch(row)

    def on_end(self, history: History) -> None:
        """Pass it on; what one of them raises keeps no other from its end."""
        with ExitStack() as stack:
            for one in reversed(self.listeners):
                stack.callback(one.on_end, history)


class Lines:
    """One line an epoch, fewer where there are many epochs."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._every = 1
        self._last: Row | None = None
        self._shown = 0.0

    def on_start(self, run: Run) -> None:
        """Say what is trained on."""
        rows = ", ".join(f"{count:,} to {_DOES[name]}" for name, count in run.rows.items())
        self._every = max(1, math.ceil(run.epochs / MOST_LINES))
        self._write(f"training {run.name}: rows: {rows}; at most {run.epochs} epochs")

    def on_epoch(self, row: Row) -> None:
        """A line, unless so many are to come that this one is left out."""
        self._last = row
        if row["epoch"] == 1 or row["epoch"] % self._every == 0:
            self._show(row)

    def on_end(self, history: History) -> None:
        """The last epoch, and how training ended."""
        if self._last is not None and self._shown != self._last["epoch"]:
            self._show(self._last)
        self._write(outcome(history))

    def _show(self, row: Row) -> None:
        self._shown = row["epoch"]
        self._write(f"epoch {int(row['epoch'])}  {measures(row)}")

    def _write(self, line: str) -> None:
        print(line, file=self.stream, flush=True)


class JsonLines:
    """Each event as one JSON object on a line of its own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def on_start(self, run: Run) -> None:
        """`{"event": "start", …}`."""
        self._write(
            event="start",
            model=run.name,
            epochs=run.epochs,
            steps_per_epoch=run.steps_per_epoch,
            rows=run.rows,
        )

    def on_epoch(self, row: Row) -> None:
        """`{"event": "epoch", …}` with the row's values."""
        self._write(event="epoch", **row)

    def on_end(self, history: History) -> None:
        """`{"event": "end", …}` with the history's summary."""
        self._write(event="end", **history.summary())

    def _write(self, **event: object) -> None:
        print(json.dumps(finite(event), ensure_ascii=False), file=self.stream, flush=True)


class Display:
    """A live display: how far the epoch and the run are, the last row, the pace, the time left."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._live: Live | None = None
        self._run: Run | None = None
        self._row: Row = {}
        self._began = 0.0

    def on_start(self, run: Run) -> None:
        """Open the display."""
        from rich.console import Console
        from rich.live import Live

        self._run, self._began = run, time.perf_counter()
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

    def _render(self) -> Table:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        run = self._run
        assert run is not None
        table = Table.grid(padding=(0, 1))
        per_epoch, done = run.steps_per_epoch, run.steps
        seconds = max(time.perf_counter() - self._began, 1e-9)
        pace = f"{done / seconds:,.0f} steps/s"
        if per_epoch is not None:
            whole = max(per_epoch * run.epochs, 1)
            epoch = min(done // per_epoch + 1, run.epochs)
            left = (whole - done) * seconds / done if done else math.inf
            within = done - (epoch - 1) * per_epoch
            bar = ProgressBar(per_epoch, within, width=30)
            table.add_row(f"epoch {epoch}/{run.epochs}", bar, f"step {within}/{per_epoch}")
            table.add_row(run.name[-24:], ProgressBar(whole, done, width=30), _left(left))
        else:
            table.add_row(run.name[-24:], f"{done:,} steps", "")
        shown = Table.grid()
        shown.add_row(table)
        shown.add_row(Text(f"{measures(self._row)}  {pace}".strip()))
        return shown


_DOES = {"train": "train on", "valid": "validate on", "test": "test on"}


def measures(row: Row) -> str:
    """A row's losses and metrics on one line, such as `train.J 0.0312  valid.J 0.105`."""
    named = {name: value for name, value in row.items() if "." in name}
    return "  ".join(f"{name} {value:.4g}" for name, value in named.items())


def outcome(history: History) -> str:
    """How a run ended, in one line."""
    ending = {
        "epochs": "trained",
        "early": "stopped early",
        "interrupted": "interrupted",
        "diverged": "diverged",
        "failed": "failed",
    }[history.ending]
    if history.stopped_by is not None:
        ending += f" by {history.stopped_by},"
    line = f"{ending} after {len(history.epochs)} epochs in {history.seconds:.2f} s"
    if history.best is not None:
        line += f"; best epoch {history.best}"
    return line


def _left(seconds: float) -> str:
    if not math.isfinite(seconds):
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} left"
