"""Batches that a program makes: any iterable of mappings, gone through once an epoch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any

from graphdsl.engines.feeds import refusal
from graphdsl.language.diagnostics import Diagnostic, UsageError


class Stream:
    """An iterable of batches. `once` says that it is an iterator, which cannot begin anew."""

    def __init__(self, batches: Iterable[Mapping[str, Any]]) -> None:
        self.batches = batches
        self.once = isinstance(batches, Iterator)
        self._begun = 0
        self._given = 0

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        if self._begun and self.once:
            raise _used_up(self._begun + 1)
        self._begun += 1
        self._given = 0
        for batch in self.batches:
            self._given += 1
            yield batch
        if not self._given:
            message = f"the iterable of batches gave none in epoch {self._begun}"
            help = "give fit a list, or an object whose __iter__ begins anew each time"
            raise refusal("E0618", message, help)

    @property
    def place(self) -> str:
        """The batch that was given last, as a message names it."""
        return f"batch {self._given} of epoch {self._begun}"

    def verify_epochs(self, epochs: int) -> None:
        """Raise `UsageError` if the batches cannot be gone through so many times."""
        if self.once and epochs > 1:
            raise _used_up(epochs)


class SizedStream(Stream):
    """A stream that knows how many batches an epoch has."""

    def __len__(self) -> int:
        assert isinstance(self.batches, Sized)
        return len(self.batches)


def stream_of(batches: Iterable[Mapping[str, Any]]) -> Stream:
    """The stream of an iterable of batches, with its length if it says one."""
    return SizedStream(batches) if isinstance(batches, Sized) else Stream(batches)


def _used_up(epochs: int) -> UsageError:
    message = f"an iterator gives its batches once, and training takes them for {epochs} epochs"
    help = (
        "pass epochs=1 to train on what it gives",
        "give fit a list, or an object whose __iter__ begins anew each time",
    )
    return UsageError(Diagnostic("E0624", message, (), help))
