"""When a run is saved, and where: a folder of checkpoints, the last few and the best weights.

checkpoints/step-000000.safetensors   the run as it begins, until there is another
checkpoints/step-000123.safetensors   the run between two steps, whole (see `checkpoint`)
checkpoints/best.safetensors          the best weights so far, where a valid part chooses

The highest number is the newest: a file that named it would have to be kept in step with it.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from graphdsl.language.diagnostics import DataError, Diagnostic
from graphdsl.session import Session
from graphdsl.training import checkpoint, weights
from graphdsl.training.checkpoint import Checkpoint
from graphdsl.training.files import make_folder, remove_leftovers
from graphdsl.training.history import History, HistoryLog
from graphdsl.training.position import Progress
from graphdsl.training.snapshot import Snapshot

CHECKPOINTS, BEST = "checkpoints", "best.safetensors"
KEEP = 2
"""Checkpoints that are kept, where nothing else is said."""
_NAME = re.compile(r"step-([0-9]{6,18})\.safetensors")
SHARE = 50
"""Checkpoints by time are so far apart that saving takes 1 part in so many of the time."""
FIRST = 5.0
"""Seconds before the first checkpoint by time; the next ones wait as long as the run is old, until
that is as long as was asked for: a young run, too, loses no more than half of itself."""


@dataclass(frozen=True, slots=True)
class Every:
    """How often a run is saved: by steps, by epochs, or by seconds. It is always at its end."""

    steps: int = 0
    epochs: int = 0
    seconds: float = 0.0

    @classmethod
    def default(cls) -> Every:
        """Once a minute, and sooner in the first."""
        return cls(seconds=60.0)


@dataclass(slots=True)
class Keeper:
    """The checkpoints of one run; `start` is the one that it goes on from, if any.

    `run` is the hash of what the run is (see `recorded`). All that writes raises `DataError` if
    the disk refuses; what was there before is then untouched.
    """

    folder: Path
    run: str
    every: Every = field(default_factory=Every.default)
    keep: int = KEEP
    start: Checkpoint | None = None
    resumable: bool = False
    """Whether the folder holds what a run can go on from, other than its beginning."""
    made: bool = False
    """Whether the folder was made for this run, and goes where it comes to nothing."""
    restored: tuple[Path, ...] = ()
    """Files of the folder that were missing, and were written anew."""
    log: HistoryLog = field(init=False)
    _began: float = field(init=False)
    _next: float = field(init=False)
    _last: int = 0
    _best: int | None = None

    def __post_init__(self) -> None:
        self.log = HistoryLog(self.folder)
        self._began = time.perf_counter()
        self._next = self._began + min(self.every.seconds, FIRST)

    def begin(self, history: History) -> None:
        """Clear away what a killed process left, and write the history it goes on from."""
        for folder in (self.folder, self.folder / CHECKPOINTS):
            remove_leftovers(folder)
        self.log.begin(history)

    def end(self) -> None:
        """Close what is open."""
        self.log.close()

    def due_at_step(self, t: int) -> bool:
        """Whether to save after the trainer's step `t`."""
        if self.every.seconds:
            return time.perf_counter() >= self._next
        # with gradients gathered over several batches, t stands still between them
        return bool(self.every.steps) and t % self.every.steps == 0 and t != self._last

    def due_at_epoch(self, epochs: int) -> bool:
        """Whether to save after so many epochs."""
        return bool(self.every.epochs) and epochs % self.every.epochs == 0

    def save(self, session: Session, snapshot: Snapshot, progress: Progress) -> Path:
        """Write a checkpoint and the best weights, then remove what is no longer kept."""
        began = time.perf_counter()
        folder = self.folder / CHECKPOINTS
        make_folder(folder)
        path = self.folder / checkpoint_name(progress.t)
        checkpoint.write(path, session, snapshot, progress, self.run)
        if progress.best not in (None, self._best):
            said = {"epoch": str(progress.best)}
            weights.write(folder / BEST, session, snapshot.tensors(), said)
            self._best = progress.best
        for old in self._no_longer_kept():
            with suppress(OSError):  # one too many is no harm
                old.unlink()
        self.resumable, self._last = True, progress.t
        now = time.perf_counter()
        wait = min(self.every.seconds, now - self._began)
        self._next = now + max(wait, SHARE * (now - began))
        return path

    def _no_longer_kept(self) -> list[Path]:
        """All but the last few; the beginning, which the settings are enough for, is none of them
        once there is another."""
        first, *later = find_checkpoints(self.folder)
        if later and first.name == Path(BEGINNING).name:
            return [first, *later[: -self.keep]]
        return [first, *later][: -self.keep]


def checkpoint_name(t: int) -> str:
    """The name, in a run's folder, of the checkpoint after the trainer's step `t`."""
    return f"{CHECKPOINTS}/step-{t:06}.safetensors"


BEGINNING = checkpoint_name(0)


def find_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run's folder, from the oldest to the newest."""
    try:
        paths = list((folder / CHECKPOINTS).iterdir()) if (folder / CHECKPOINTS).is_dir() else []
    except OSError as problem:
        message = f"'{folder / CHECKPOINTS}' cannot be read: {problem.strerror}"
        raise DataError(Diagnostic("E0626", message)) from None
    numbers = {path: match for path in paths if (match := _NAME.fullmatch(path.name))}
    return sorted(numbers, key=lambda path: int(numbers[path][1]))


def newest(folder: Path, session: Session, run: str) -> Checkpoint | None:
    """The newest checkpoint of a run, None if it has none; raises `DataError` if it is unfit."""
    found = find_checkpoints(folder)
    return checkpoint.read(found[-1], session, run) if found else None
