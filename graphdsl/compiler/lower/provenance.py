"""What is said of sizes that disagree: axes come in, labels and a note that name origins go out.

A size whose line is underlined already is told by that; a computed value's size is underlined where
it was written; what is left goes into one note, "64 from line 4, 32 from line 5".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graphdsl.compiler.lower.origins import Origin, find_origin, tell_line
from graphdsl.graph.build import Expr
from graphdsl.graph.sizes import Size
from graphdsl.language.diagnostics import Label
from graphdsl.language.source import Span

if TYPE_CHECKING:
    from graphdsl.compiler.lower.context import Frame

MAX_SIDES = 3
"""Sizes of one fault that are followed back."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the sizes that disagree: an axis of a node and what the text calls it, if that is
    short; `declared` where the name itself says on which line to look."""

    value: Expr
    axis: int = 0
    name: str = ""
    declared: bool = False

    @property
    def size(self) -> Size:
        """The size itself."""
        return self.value.type.shape[self.axis]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is added to a diagnostic: further places, and what they do not tell."""

    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()


def explain_sizes(
    frame: Frame, sides: Sequence[Side], fault: Span, shown: Sequence[Label] = ()
) -> Explanation:
    """Where the sizes of `sides` come from, beside what is `shown` of the fault already."""
    found = []
    for side in sides[:MAX_SIDES]:
        origin = find_origin(frame, side.value, side.axis, fault.source)
        if origin is not None:
            found.append((side, origin))
    labels: dict[tuple[str, int, int], Label] = {}
    untold = False
    for side, origin in found:
        if side.declared or _is_on_line(origin.span, fault):
            lines = [fault, *(label.span for label in shown)]
            told = any(_is_on_line(origin.span, line) for line in lines)
            untold = untold or not told or bool(origin.how)
        else:
            span, text = origin.span, _tell(side, origin, _tell_calls(frame, origin, fault))
            key = (span.source.name, span.start, span.end)
            labels.setdefault(key, Label(span, text, primary=False))
    notes = (_note(frame, found, fault),) if untold else ()
    return Explanation(tuple(labels.values()), notes)


def find_unlike(left: Side, right: Side) -> list[Side]:
    """The sizes at fault where two shapes should be the same: the last two that differ, else the
    first of the axes that one has more. The axes of `left` and `right` themselves do not count."""
    sizes, others = left.value.type.shape, right.value.type.shape
    for back in range(1, min(len(sizes), len(others)) + 1):
        if sizes[-back] != others[-back]:
            axes = (len(sizes) - back, len(others) - back)
            return [replace(s, axis=a) for s, a in zip((left, right), axes, strict=True)]
    longer = left if len(sizes) > len(others) else right
    more = abs(len(sizes) - len(others))
    return [replace(longer, axis=axis) for axis in range(more)]


def _tell(side: Side, origin: Origin, calls: str) -> str:
    whose = f" of {side.name}" if side.name else ""
    how = f": {origin.how}" if origin.how else ""
    return f"the {side.size}{whose} comes from here{calls}{how}"


def _note(frame: Frame, found: Sequence[tuple[Side, Origin]], fault: Span) -> str:
    """`64 from line 4, 32 from line 5 ('hidden' of line 3)`."""
    places: dict[str, list[str]] = {}
    for side, origin in found:
        if _is_on_line(origin.span, fault) and not origin.how:
            continue
        sizes = places.setdefault(_tell_place(frame, origin, fault), [])
        if str(side.size) not in sizes:
            sizes.append(str(side.size))
    return ", ".join(f"{' and '.join(sizes)} {place}" for place, sizes in places.items())


def _tell_place(frame: Frame, origin: Origin, fault: Span) -> str:
    if _is_on_line(origin.span, fault):
        return f"is {origin.how}"
    how = f" ({origin.how})" if origin.how else ""
    line = tell_line(origin.span, fault.source)
    return f"from {line}{_tell_calls(frame, origin, fault)}{how}"


def _tell_calls(frame: Frame, origin: Origin, fault: Span) -> str:
    """The outermost call or turn that leads to the origin and not to the fault."""
    common = 0
    for ours, theirs in zip(frame.trail, origin.trail, strict=False):
        if ours.span is not theirs.span or ours.text != theirs.text:
            break
        common += 1
    for level in origin.trail[common : common + 1]:
        return f", {level.text} ({tell_line(level.span, fault.source)})"
    return ""


def _is_on_line(span: Span, fault: Span) -> bool:
    return span.source is fault.source and span.line == fault.line
