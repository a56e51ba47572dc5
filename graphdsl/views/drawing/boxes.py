"""A box as a Graphviz label: what stands in it and beside it comes in, an HTML-like table goes out.

The function stands in a box, the name outside it: to the left, or above where the drawing runs from
left to right. Along the edge where operands enter there is a port for each, `0`, `1`, … in their
order, so that edges enter in that order whatever the layout; they leave by the port `out`. A
cotangent is the mirror image: beside the box, its name on the other side, its ports `r0`, `r1`, …
along the edge where the value leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from graphdsl.language.clipping import clip
from graphdsl.language.excerpt import visible
from graphdsl.views.drawing.scene import Box, Cotangent


@dataclass(frozen=True, slots=True)
class Look:
    """How a role looks: its colours, and what tells it apart in grey."""

    fill: str = "#ffffff"
    line: str = "#333333"
    border: int = 1
    style: str = ""
    double: bool = False
    bars: str = ""
    """The sides along which there is a second line: L, R, T, B."""


LOOKS: Mapping[str, Look] = {
    "op": Look(),
    "input": Look("#d6e6f5", "#2b6ca3", style="rounded"),
    "param": Look("#fbe3c0", "#a8690f", bars="LR"),
    "frozen": Look("#f6efe4", "#a8690f", bars="LR", style="dashed"),
    "state": Look("#e6dcf2", "#6c4a9c", bars="LR", style="rounded"),
    "constant": Look("#ededed", "#6b6b6b", style="dashed"),
    "output": Look("#d9efd8", "#2f7d32", double=True),
    "metric": Look("#fdf3b8", "#8a7a00", double=True, style="rounded"),
    "loss": Look("#f8d3d0", "#b3261e", double=True, border=3),
    "block": Look("#dfe7ea", "#37545f", bars="TB"),
    "carried": Look("#f7f7f7", "#333333", style="rounded,dashed"),
    "sweep": Look("#fdeee3", "#9a3b12", bars="TB", style="dashed"),
}
"""All are rectangles: corners, bars and the number of lines tell the roles apart without colour."""

COTANGENT = Look("#fff7f0", "#9a3b12", style="rounded,dashed")
"""How what stands in the reverse lane looks."""

OUT, BACK = "out", "back"
"""The ports by which a value and a cotangent leave."""

LONGEST = 38
"""Characters of a term in the reverse lane; the whole of it is in what a pointer shows."""
LONGEST_NAME, LONGEST_FUNCTION = 48, 60
"""Characters of a name beside a box, and of a function in it."""
SMALL = 10
"""The size of what is noted, in points; names have 13."""


def label(box: Box, direction: str, consumers: int) -> str:
    """The label of a box in a drawing of that direction, whose cotangent has that many parts."""
    if box.look == "cut":
        cell = _cell(text(box.function), _port(OUT))
        return f"<{_table(f'<TR>{cell}</TR>', '')}>"
    vertical = direction == "TB"
    outside = _outside(box.name, box.notes, "RIGHT", vertical)
    value = _value(box, vertical)
    cells = [outside, _cell(value, "")]
    if box.cotangent is not None:
        cotangent = _cotangent(box.cotangent, vertical, consumers)
        mirrored = _outside(box.cotangent.name, box.cotangent.notes, "LEFT", vertical)
        cells += [_cell("", ' WIDTH="8" HEIGHT="6"'), _cell(cotangent, ""), mirrored]
    if not outside and box.cotangent is None:
        return f"<{value}>"
    return f"<{_table(_line([cell for cell in cells if cell], vertical), '')}>"


def _value(box: Box, vertical: bool) -> str:
    """The box itself, with the ports by which operands enter."""
    look = LOOKS[box.look]
    inside = _padded((clip(box.function, LONGEST_FUNCTION),))
    if look.bars:
        inside = _cell(inside, f' SIDES="{look.bars}" BORDER="1" COLOR="{look.line}"')
        inside = _table(f"<TR>{inside}</TR>", ' CELLSPACING="3"')
    if look.double:
        inside = _table(f"<TR>{_cell(inside, '')}</TR>", _frame(look, 1, 0))
    ports = _ports("", sum(not entry.carried for entry in box.entering), vertical)
    content = _line([*ports, _cell(inside, ""), *_balance(ports, vertical)], not vertical)
    return _table(content, _frame(look, look.border, 2 if look.double else 0) + _port(OUT))


def _cotangent(cotangent: Cotangent, vertical: bool, consumers: int) -> str:
    """The box beside it; what it is the sum of enters where the value leaves."""
    ports = _ports("r", consumers, vertical)
    inside = _cell(_padded([clip(term, LONGEST) for term in cotangent.terms]), "")
    content = _line([*_balance(ports, vertical), inside, *ports], not vertical)
    return _table(content, _frame(COTANGENT, 1, 0) + _port(BACK))


def _outside(name: str, notes: Sequence[str], side: str, vertical: bool) -> str:
    """A name with what is noted below it, against its box on that side; or nothing."""
    align = f' ALIGN="{side if vertical else "LEFT"}"'
    clear = ' HEIGHT="17" VALIGN="TOP"' if notes else ""  # of what hangs below the name's line
    cells = [_cell(text(clip(name, LONGEST_NAME)), f"{align}{clear}")] if name else []
    small = (f'<FONT POINT-SIZE="{SMALL}">{text(note)}</FONT>' for note in notes)
    cells += [_cell(note, align) for note in small]
    if not cells:
        return ""
    table = _table("".join(f"<TR>{cell}</TR>" for cell in cells), "")
    return _cell(table, ' CELLPADDING="5"' if vertical else align)


def _line(cells: Sequence[str], across: bool) -> str:
    """Cells beside one another, or below."""
    if across:
        return f"<TR>{''.join(cells)}</TR>"
    return "".join(f"<TR>{cell}</TR>" for cell in cells)


def _ports(prefix: str, count: int, vertical: bool) -> tuple[str, ...]:
    """A cell with a port for each edge, in a row or in a column; none for no edges."""
    if not count:
        return ()
    size = 'WIDTH="14" HEIGHT="1"' if vertical else 'WIDTH="1" HEIGHT="14"'
    cells = [f'<TD PORT="{prefix}{number}" {size}></TD>' for number in range(count)]
    return (_cell(_table(_line(cells, vertical), ""), ""),)


def _balance(ports: tuple[str, ...], vertical: bool) -> tuple[str, ...]:
    """What stands across from the ports: a box that is stretched stays even."""
    size = ' HEIGHT="1"' if vertical else ' WIDTH="1"'
    return (_cell("", size),) if ports else ()


def _frame(look: Look, border: int, padding: int) -> str:
    style = f' STYLE="{look.style.upper()}"' if look.style else ""
    colors = f' COLOR="{look.line}" BGCOLOR="{look.fill}"'
    return f' BORDER="{border}" CELLPADDING="{padding}"{style}{colors}'


def _table(rows: str, attributes: str) -> str:
    given = attributes
    for name in ("BORDER", "CELLBORDER", "CELLSPACING", "CELLPADDING"):
        if f" {name}=" not in given:
            given += f' {name}="0"'
    return f"<TABLE{given}>{rows}</TABLE>"


def _cell(content: str, attributes: str) -> str:
    return f"<TD{attributes}>{content}</TD>"


def _padded(lines: Sequence[str]) -> str:
    content = "<BR/>".join(map(text, lines))
    cell = _cell(content, ' CELLPADDING="5" WIDTH="30" HEIGHT="24"')
    return _table(f"<TR>{cell}</TR>", "")


def _port(name: str) -> str:
    return f' PORT="{name}"'


def text(said: str) -> str:
    """Text that stays text: no markup, no escapes of Graphviz's, nothing invisible."""
    return escape(visible(said)).replace("\\", "&#92;").replace("&#x27;", "&#39;")
