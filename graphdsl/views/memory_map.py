"""A plan as a picture: a schedule comes in, SVG text goes out.

Time runs to the right, a step a column; a buffer is a rectangle from the step that writes it to the
one that reads it last, at its place in the arena, in the colour of its sweep. A line above shows
the bytes that live at each step; where it is highest the peak is marked. The steps of workers that
run at once are the same columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from graphdsl.compiler.schedule import Schedule
from graphdsl.graph.graph import Sweep
from graphdsl.language.excerpt import visible
from graphdsl.views.timeline import Buffer, Timeline, find_timeline

COLORS: Mapping[Sweep, tuple[str, str]] = {
    "forward": ("#bcd7ef", "#2b6ca3"),
    "reverse": ("#f6cfc4", "#b3472d"),
    "update": ("#cfe6c9", "#3f7d36"),
}
"""The inside and the edge of a buffer, by the sweep that writes it first."""
LINE = "#222222"
DASHED = ' stroke-dasharray="3 2"'
MOST = 5_000
"""Buffers that are drawn; of more, the largest ones."""
LETTER = 6.2
"""The width of a letter of a label, about."""

LEFT, TOP, WIDTH, HEIGHT = 90, 74, 1000, 520
"""Of the field that the buffers are drawn in, in pixels."""
MARGIN, FOOT = 30, 64


def draw_plan(schedule: Schedule, title: str) -> str:
    """The memory map of a schedule as SVG."""
    width, height = LEFT + WIDTH + MARGIN, TOP + HEIGHT + FOOT
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="DejaVu Sans, Arial, sans-serif" '
        f'font-size="12">'
    )
    line = find_timeline(schedule)
    field = _Field(max(1, len(line.steps)), max(1, schedule.arena_bytes))
    parts = [
        head,
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *_heading(schedule, line, title),
        *_axes(field),
        *_buffers(field, line),
        *_meeting(field, line),
        *_live(field, line),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Field:
    """From steps and bytes to pixels."""

    def __init__(self, steps: int, nbytes: int) -> None:
        self.steps = steps
        self.nbytes = nbytes

    def x(self, step: float) -> float:
        """The left edge of a step's column."""
        return LEFT + WIDTH * step / self.steps

    def y(self, offset: float) -> float:
        """The height of a place in the arena; offset 0 is at the foot."""
        return TOP + HEIGHT * (1 - offset / self.nbytes)


def _heading(schedule: Schedule, line: Timeline, title: str) -> Iterator[str]:
    yield _text(LEFT, 24, title, size=16, weight="bold")
    naive = schedule.naive_bytes
    said = f"{len(line.steps):,} steps, "
    if line.workers:
        said += f"{line.shared:,} of them by {line.workers} workers at once, "
    said += f"{len(line.buffers):,} buffers in an arena of "
    said += f"{schedule.arena_bytes:,} bytes; {naive:,} if every result had its own"
    yield _text(LEFT, 44, said)
    at = LEFT
    for sweep, (fill, edge) in COLORS.items():
        yield _rect((at, 53, 12, 12), fill, edge)
        yield _text(at + 17, 63, sweep)
        at += 90
    yield _path([(at, 59), (at + 22, 59)], LINE, 1.5)
    yield _text(at + 28, 63, "bytes that live")
    if any(buffer.is_scratch for buffer in line.buffers):
        yield _rect((at + 140, 53, 12, 12), "none", LINE, DASHED)
        yield _text(at + 157, 63, "scratch of a kernel")
    if line.workers:
        yield _path([(at + 300, 53), (at + 300, 65)], LINE, 0.8)
        yield _text(at + 307, 63, "the workers meet")


def _axes(field: _Field) -> Iterator[str]:
    yield _rect((LEFT, TOP, WIDTH, HEIGHT), "#fafafa", "#bbbbbb")
    unit, name = _unit(field.nbytes)
    for value in _ticks(field.nbytes / unit):
        at = field.y(value * unit)
        yield _path([(LEFT, at), (LEFT + WIDTH, at)], "#e3e3e3", 0.7)
        yield _text(LEFT - 7, at + 4, f"{value:g} {name}", anchor="end")
    for value in _ticks(field.steps):
        if value == int(value):
            yield _text(field.x(value), TOP + HEIGHT + 18, f"{int(value):,}", anchor="middle")
    yield _text(LEFT + WIDTH / 2, TOP + HEIGHT + 38, "step", anchor="middle")


def _buffers(field: _Field, line: Timeline) -> Iterator[str]:
    """The largest ones first: what is small and begins beside them stays in sight."""

    def area(buffer: Buffer) -> int:
        return buffer.slot.type.nbytes * (1 + buffer.slot.end - buffer.slot.start)

    drawn = sorted(line.buffers, key=area, reverse=True)
    for buffer in drawn[:MOST]:
        yield _buffer(field, buffer)
    if len(drawn) > MOST:
        said = f"the {MOST:,} largest of {len(drawn):,} buffers are drawn"
        yield _text(LEFT + WIDTH, TOP + HEIGHT + 56, said, anchor="end")


def _buffer(field: _Field, buffer: Buffer) -> str:
    slot, note = buffer.slot, buffer.note
    x, y = field.x(slot.start), field.y(slot.offset + slot.type.nbytes)
    width, height = field.x(slot.end + 1) - x, field.y(slot.offset) - y
    what = f"{buffer.name}: scratch of {note}" if buffer.is_scratch else f"{buffer.name}: {note}"
    place = f"{slot.type.nbytes:,} bytes at {slot.offset:,}, steps {slot.start} to {slot.end}"
    fill, edge = COLORS[buffer.sweep]
    label = _label(note.partition(" ")[0].rstrip(":"), buffer.name, width, height)
    dashed = DASHED if buffer.is_scratch else ""
    return (
        f"<g><title>{_escaped(f'{what}: {place}')}</title>"
        + _rect((x, y, width, height), fill, edge, dashed)
        + (_text(x + 3, y + min(height, 16) - 4, label, size=10) if label else "")
        + "</g>"
    )


def _label(said: str, name: str, width: float, height: float) -> str:
    """What fits into a rectangle: the value's name or its op, else the buffer's, else nothing."""
    fitting = (text for text in (said, name) if text and len(text) * LETTER < width - 5)
    return next(fitting, "") if height >= 11 else ""


def _meeting(field: _Field, line: Timeline) -> Iterator[str]:
    """Where workers have ended and one thread goes on."""
    if line.workers:
        at = field.x(line.shared)
        yield _path([(at, TOP), (at, TOP + HEIGHT)], LINE, 0.8)


def _live(field: _Field, line: Timeline) -> Iterator[str]:
    """The bytes that live at each step, and where they are most."""
    curve = line.live()
    if not curve:
        return
    points = [(field.x(0), field.y(0))]
    for step, nbytes in curve:
        points += [(field.x(step), points[-1][1]), (field.x(step), field.y(nbytes))]
    yield _path([*points, (field.x(field.steps), points[-1][1])], LINE, 1.5)
    step, most = line.peak()
    at, top = field.x(step + 0.5), field.y(most)
    yield _path([(at, top), (at, TOP + HEIGHT)], LINE, 0.8, ' stroke-dasharray="4 3"')
    yield f'<circle cx="{at:.2f}" cy="{top:.2f}" r="3.5" fill="{LINE}"/>'
    said = f"peak: {most:,} bytes live at step {step} ({line.steps[step]})"
    right = at > LEFT + WIDTH / 2
    anchor, x = ("end", min(at + 4, LEFT + WIDTH)) if right else ("start", at - 4)
    yield _text(x, TOP + HEIGHT + 56, said, anchor=anchor, weight="bold")


def _unit(nbytes: int) -> tuple[int, str]:
    for power, name in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if nbytes >= 2 << power:
            return 1 << power, name
    return 1, "B"


def _ticks(most: float) -> list[float]:
    """Five to ten round numbers from 0 on."""
    step = 10.0 ** (len(str(int(most))) - 1)
    step = next(s for s in (step / 10, step / 5, step / 2, step, 2 * step) if most / s <= 10)
    return [step * i for i in range(int(most / step) + 1)]


def _rect(place: tuple[float, float, float, float], fill: str, edge: str, more: str = "") -> str:
    x, y, width, height = place
    return (
        f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" fill="{fill}" '
        f'fill-opacity="0.85" stroke="{edge}" stroke-width="0.6"{more}/>'
    )


def _path(points: Sequence[tuple[float, float]], color: str, width: float, more: str = "") -> str:
    line = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    return f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="{width}"{more}/>'


def _text(
    x: float, y: float, text: str, size: int = 12, anchor: str = "start", weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}" fill="{LINE}">{_escaped(text)}</text>'
    )


def _escaped(text: str) -> str:
    """Text that stays text: no markup, nothing invisible."""
    return escape(visible(text))
