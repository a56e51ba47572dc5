"""A run as TensorBoard event files: losses, metrics, the rate, the size of every gradient.

The package `tensorboard` writes them; it is imported when a run asks for it.
"""

from __future__ import annotations

import math
import os
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.training.files import make_folder, unwritable
from graphdsl.training.history import History, Row
from graphdsl.training.layer_log import LayerLog
from graphdsl.training.progress import Run

_COUNTED = ("epoch", "step", "seconds")


def verify_tensorboard(folder: Path | None = None) -> None:
    """Raise `UsageError` if the package is not installed, `DataError` if the folder that is named
    cannot be made."""
    _load_records()
    if folder is not None:
        make_folder(folder)


@dataclass
class EventLog:
    """A listener that appends a row's values to event files, each at its step.

    `layers` has to be told of an epoch before this is. Events are in the
    file as they are told, so that a board that is open follows.
    """

    folder: Path
    layers: LayerLog
    _file: _EventFile | None = None
    _told: int = field(default=0)

    def on_start(self, run: Run) -> None:
        """Begin a file."""
        self._file = _EventFile(self.folder)
        self._tell_layers()

    def on_epoch(self, row: Row) -> None:
        """Write the row."""
        step = int(row["step"])
        for name, value in row.items():
            if name not in _COUNTED:
                part, _, measured = name.partition(".")
                # one chart for a value, a curve in it for each part
                self._add(f"{measured}/{part}" if measured else name, value, step)
        self._add("run/seconds", row["seconds"], step)
        self._tell_layers()

    def on_end(self, history: History) -> None:
        """Write what the kept weights came to, and close."""
        step = int(history.epochs[-1]["step"]) if history.epochs else 0
        for part, measures in history.final.items():
            for name, value in measures.items():
                self._add(f"kept/{part}.{name}", value, step)
        if self._file is not None:
            self._file.close()

    def _tell_layers(self) -> None:
        for row in self.layers.rows[self._told :]:
            for name, size in row.gradients.items():
                self._add(f"gradient/{name}", size, row.step)
            for name, ratio in row.updates.items():
                self._add(f"update/{name}", ratio, row.step)
            self._add("run/learning rate", row.rate, row.step)
        self._told = len(self.layers.rows)

    def _add(self, tag: str, value: float | None, step: int) -> None:
        if value is None or not math.isfinite(value) or self._file is None:
            return
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._file.write(
            step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        )


class _EventFile:
    """One event file, written as it is told.

    TensorBoard's own writer has a thread, where a full disk is a traceback and no error of the run.
    """

    def __init__(self, folder: Path) -> None:
        records = _load_records()
        now, host = time.time_ns(), socket.gethostname()
        name = f"events.out.tfevents.{now // 10**9:010d}.{host}.{os.getpid()}.{now % 10**9:09d}"
        self._path = folder / name
        make_folder(folder)
        try:
            self._records = records(open(self._path, "xb", buffering=0))  # noqa: SIM115
        except OSError as problem:
            raise unwritable(self._path, problem) from None
        self.write(file_version="brain.Event:2")

    def write(self, **fields: Any) -> None:
        """Add an event of these fields; raises `DataError` where the disk refuses, once."""
        from tensorboard.compat.proto.event_pb2 import Event

        if self._records.closed:
            return
        try:
            self._records.write(Event(wall_time=time.time(), **fields).SerializeToString())
        except OSError as problem:
            self.close()  # half an event is its end for a reader
            raise unwritable(self._path, problem) from None

    def close(self) -> None:
        """Close it; what was written stays."""
        self._records.close()


def _load_records() -> Any:
    try:
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError:
        help = ("pip install 'graphdsl-lang[tensorboard]'",)
        message = "event files are written by tensorboard, which is not installed"
        raise UsageError(Diagnostic("E0871", message, (), help)) from None
    return RecordWriter
