"""Diagnostics as text: a `Diagnostic` comes in, the lines a person reads go out.

error[E0204]: the inner sizes of '@' differ: 64 and 32
  --> digits.gdl:12:9
   |
 5 | param W1: [32, hidden] ~ he_normal()
   |           ------------ W1 is f32[32, 128]
12 | h = relu(x @ W1 + b1)
   |          ^^^^^^ x is f32[N, 64]
   |
   = help: 'x @ W1' needs W1 to be [64, …]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphdsl.language.excerpt import Excerpt, excerpt, visible

if TYPE_CHECKING:
    from graphdsl.language.diagnostics import Diagnostic, Label, Trail
    from graphdsl.language.source import Source

_RED, _YELLOW, _BLUE, _CYAN = "1;31", "1;33", "1;34", "1;36"


@dataclass(frozen=True, slots=True)
class _Style:
    """How parts are coloured, if at all."""

    color: bool
    fault: str

    def paint(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.color and text else text


def render_diagnostic(diagnostic: Diagnostic, color: bool) -> str:
    """The diagnostic with its excerpts, trail and help; ANSI colours only if `color`."""
    style = _Style(color, _RED if diagnostic.severity == "error" else _YELLOW)
    kind = style.paint(f"{diagnostic.severity}[{diagnostic.code}]", style.fault)
    message = visible(diagnostic.message).replace("\n", "\n  ")
    lines = [f"{kind}: {style.paint(message, '1') if color else message}"]
    width = _gutter_width(diagnostic)
    lines += _blocks(diagnostic, width, style)
    notes = list(_notes(diagnostic, width, style))
    if notes and diagnostic.labels:
        lines.append(_gutter("", width, style))
    return "\n".join(lines + notes)


def _gutter_width(diagnostic: Diagnostic) -> int:
    return max((len(str(label.span.line)) for label in diagnostic.labels), default=1)


def _gutter(number: str, width: int, style: _Style) -> str:
    return style.paint(f"{number:>{width}} |", _BLUE)


def _notes(diagnostic: Diagnostic, width: int, style: _Style) -> Iterator[str]:
    margin = " " * (width + 1)
    sign = style.paint("=", _BLUE)
    for step in diagnostic.trail:
        yield f"{margin}{sign} {style.paint('in:', _CYAN)} {visible(step.text)} ({_place(step)})"
    for kind, texts in (("note", diagnostic.notes), ("help", diagnostic.help)):
        for text in texts:
            text = visible(text).replace("\n", "\n" + " " * (len(margin) + len(f"= {kind}: ")))
            yield f"{margin}{sign} {style.paint(f'{kind}:', _CYAN)} {text}"


def _place(marked: Label | Trail) -> str:
    return visible(str(marked.span))


def _blocks(diagnostic: Diagnostic, width: int, style: _Style) -> Iterator[str]:
    """An excerpt of each source that has labels, that of the primary label first."""
    labels = sorted(diagnostic.labels, key=lambda one: not one.primary)
    sources: list[Source] = []
    for label in labels:
        if not any(label.span.source is one for one in sources):
            sources.append(label.span.source)
    for number, source in enumerate(sources):
        here = [label for label in labels if label.span.source is source]
        arrow = style.paint(":::" if number else "-->", _BLUE)
        yield f"{' ' * width}{arrow} {_place(here[0])}"
        yield _gutter("", width, style)
        yield from _lines(here, width, style)


def _lines(labels: list[Label], width: int, style: _Style) -> Iterator[str]:
    """The lines that have labels, each once, with the underlines below."""
    by_line: dict[int, list[Label]] = {}
    for label in sorted(labels, key=lambda one: (one.span.start, one.span.end)):
        by_line.setdefault(label.span.line, []).append(label)
    for number, here in by_line.items():
        for shown in excerpt(number, here):
            yield f"{_gutter(str(number), width, style)} {shown.text}".rstrip()
            for row in _underlines(shown, style):
                yield f"{_gutter('', width, style)} {row}"


def _underlines(shown: Excerpt, style: _Style) -> Iterator[str]:
    """A row for each label; labels without text share the row of the next one."""
    row, at = "", 0
    for label, (start, end) in zip(shown.labels, shown.columns, strict=True):
        if row and start < at:
            yield row
            row, at = "", 0
        sign, code = ("^", style.fault) if label.primary else ("-", _BLUE)
        text = visible(label.text).replace("\n", " ")
        mark = sign * (end - start) + (f" {text}" if text else "")
        row += " " * (start - at) + style.paint(mark, code)
        at = end
        if text:
            yield row
            row, at = "", 0
    if row:
        yield row
