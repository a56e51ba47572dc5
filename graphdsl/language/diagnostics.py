"""What went wrong and where: diagnostics as values, the error tree, their rendering as text.

A fault becomes a `Diagnostic` with spans; `Report` gathers those of one file; `render` makes the
text a person reads and `to_json` the same as data. Every error this package raises for a user's
mistake is a `GraphdslError`; a fault of its own is an `InternalError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from graphdsl.language.near import nearest
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
    notes: tuple[str, ...] = ()
    """What is worth knowing of the fault: where the sizes that disagree were written."""

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
        place = _stretch(diagnostic)
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


def merge(faults: Sequence[Diagnostic], later: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The faults of two phases in the order of their places; of a place that is at fault already
    the later phase knows only what stands in for it."""
    told = {_stretch(one) for one in faults}
    new = [one for one in later if one.primary is None or _stretch(one) not in told]
    return sorted([*faults, *new], key=_place)


def _stretch(diagnostic: Diagnostic) -> tuple[str, int, int] | None:
    label = diagnostic.primary
    return (label.span.source.name, label.span.start, label.span.end) if label else None


def did_you_mean(word: str, *scopes: Iterable[str]) -> tuple[str, ...]:
    """A `help` line naming the nearest known word, or nothing; scopes from the inside out."""
    near = nearest(word, *scopes)
    return (f"did you mean '{near}'?",) if near else ()


def render(diagnostic: Diagnostic, color: bool = False) -> str:
    """The diagnostic as text, in the layout that compilers have taught people to read."""
    return render_diagnostic(diagnostic, color)


def to_json(diagnostics: Sequence[Diagnostic]) -> list[dict[str, Any]]:
    """The diagnostics as plain data: the same content as `render`, for programs.

    Lines and columns count from 1 and ends are exclusive; what has no place, or only an option of
    the command line that it stands in, has None in theirs.
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
        "notes": list(diagnostic.notes),
        "help": list(diagnostic.help),
        "trail": [{**_plain_span(one.span), "text": one.text} for one in diagnostic.trail],
    }


def _plain_span(span: Span | None) -> dict[str, Any]:
    nowhere = dict.fromkeys(("file", "line", "column", "end_line", "end_column"))
    if span is None:
        return nowhere
    if not span.source.has_lines:
        return {**nowhere, "file": span.source.name}
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": end_line,
        "end_column": end_column,
    }
