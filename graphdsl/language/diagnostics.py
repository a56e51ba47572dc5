"""What went wrong and where: diagnostics as values, the error tree, their rendering as text.

A fault becomes a `Diagnostic` with spans; `Report` gathers those of one file; `render` makes the
text a person reads and `to_json` the same as data. Every error this package raises for a user's
mistake is a `GraphdslError`; a fault of its own is an `InternalError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

from graphdsl.language.rendering import render_diagnostic
from graphdsl.language.source import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Label:
    """A span to underline and what to say of it; `^^^` if primary, `---` otherwise."""

    span: Span
    text: str = ""
    primary: bool = True


@dataclass(frozen=True, slots=True)
class Trail:
    """One step of the way from the top of the file to the fault: a call, a turn, an import."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault: a stable code, what is wrong, where, and what to do about it."""

    code: str
    message: str
    labels: tuple[Label, ...] = ()
    help: tuple[str, ...] = ()
    trail: tuple[Trail, ...] = ()
    severity: Severity = "error"

    @property
    def primary(self) -> Label | None:
        """The label that says where the fault is."""
        return next((label for label in self.labels if label.primary), None)

    def __str__(self) -> str:
        return render(self)


class GraphdslError(Exception):
    """A user's mistake, told as one or more diagnostics; never shown as a traceback."""

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        found = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        super().__init__("\n\n".join(render(one) for one in found))
        self.diagnostics = found


class ModelError(GraphdslError):
    """The model file is at fault."""


class DataError(GraphdslError):
    """A data file, a weights file or a fed array is at fault."""


class UsageError(GraphdslError):
    """A call or a command line is at fault."""


class DivergedError(GraphdslError):
    """Training met a loss that is not finite."""


class InternalError(Exception):
    """A fault of graphdsl itself."""


@dataclass(slots=True)
class Report:
    """Gathers the diagnostics of one file while it is read."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    _seen: set[object] = field(default_factory=set)

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep `diagnostic` unless the same fault is there: however often a block is called or
        a loop turns, each fault of its text is told once."""
        label = diagnostic.primary
        place = (label.span.source.name, label.span.start, label.span.end) if label else None
        key = (diagnostic.code, place, None if place else diagnostic.message)
        if key not in self._seen:
            self._seen.add(key)
            self.diagnostics.append(diagnostic)

    @property
    def errors(self) -> list[Diagnostic]:
        """The errors, in the order of their places in the text."""
        return sorted((d for d in self.diagnostics if d.severity == "error"), key=_place)

    @property
    def warnings(self) -> list[Diagnostic]:
        """The warnings, in the order of their places in the text."""
        return sorted((d for d in self.diagnostics if d.severity == "warning"), key=_place)

    def raise_errors(self) -> None:
        """Raise `ModelError` with every error gathered, if there is one."""
        if errors := self.errors:
            raise ModelError(errors)


def _place(diagnostic: Diagnostic) -> int:
    label = diagnostic.primary
    return label.span.start if label else -1


def suggest(word: str, known: Iterable[str]) -> str | None:
    """The known word nearest to `word`, if one is near enough to be what was meant."""
    names = list(known)
    folded = {name.lower(): name for name in names}
    if word.lower() in folded:
        return folded[word.lower()]
    # of a single letter nothing can be near; a slip changes a third of a word's length at most
    slip = max(1, len(word) // 3)
    names = [name for name in names if len(word) > 1 and abs(len(name) - len(word)) <= slip]
    near = get_close_matches(word, names, n=1, cutoff=0.6 if len(word) > 3 else 0.5)
    return near[0] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """A `help` line naming the nearest known word, or nothing."""
    near = suggest(word, known)
    return (f"did you mean '{near}'?",) if near else ()


def render(diagnostic: Diagnostic, color: bool = False) -> str:
    """The diagnostic as text, in the layout that compilers have taught people to read."""
    return render_diagnostic(diagnostic, color)


def to_json(diagnostics: Sequence[Diagnostic]) -> list[dict[str, Any]]:
    """The diagnostics as plain data: the same content as `render`, for programs.

    Lines and columns count from 1 and ends are exclusive; what has no place has None in theirs.
    """
    return [_plain(one) for one in diagnostics]


def _plain(diagnostic: Diagnostic) -> dict[str, Any]:
    main = diagnostic.primary or next(iter(diagnostic.labels), None)
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_plain_span(main.span if main else None),
        "labels": [
            {**_plain_span(one.span), "text": one.text, "primary": one.primary}
            for one in diagnostic.labels
        ],
        "help": list(diagnostic.help),
        "trail": [{**_plain_span(one.span), "text": one.text} for one in diagnostic.trail],
    }


def _plain_span(span: Span | None) -> dict[str, Any]:
    if span is None:
        return dict.fromkeys(("file", "line", "column", "end_line", "end_column"))
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": end_line,
        "end_column": end_column,
    }
