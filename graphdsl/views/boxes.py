"""A node's box as a Graphviz label: words and a role come in, an HTML-like table goes out.

The function stands in a box, the name to the left of it. Along the box's upper edge there is a port
for each operand that has a box of its own, `0`, `1`, … from left to right, so that edges enter in
the operands' order whatever the layout; they leave by the port `out`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from graphdsl.language.excerpt import visible


@dataclass(frozen=True, slots=True)
class Look:
    """How a role looks: its colours, and what tells it apart in grey."""

    fill: str = "#ffffff"
    line: str = "#333333"
    border: int = 1
    style: str = ""
    double: bool = False
    bars: bool = False


LOOKS: Mapping[str, Look] = {
    "op": Look(),
    "input": Look("#d6e6f5", "#2b6ca3", style="rounded"),
    "param": Look("#fbe3c0", "#a8690f", bars=True),
    "frozen": Look("#f6efe4", "#a8690f", bars=True, style="dashed"),
    "state": Look("#e6dcf2", "#6c4a9c", bars=True, style="rounded"),
    "constant": Look("#ededed", "#6b6b6b", style="dashed"),
    "output": Look("#d9efd8", "#2f7d32", double=True),
    "metric": Look("#fdf3b8", "#8a7a00", double=True, style="rounded"),
    "loss": Look("#f8d3d0", "#b3261e", double=True, border=3),
}
"""All are rectangles: corners, bars and the number of lines tell the roles apart without colour."""

OUT = "out"


def box(function: str, name: str | None, role: str, ports: int) -> str:
    """The label of a node with `ports` edges that enter it."""
    look = LOOKS[role]
    inside = _padded(_text(function))
    if look.bars:
        inside = _cell(inside, f' SIDES="LR" BORDER="1" COLOR="{look.line}"')
        inside = _table(f"<TR>{inside}</TR>", ' CELLSPACING="3"')
    if look.double:
        inside = _table(f"<TR>{_cell(inside, '')}</TR>", _frame(look, 1, 0))
    rows = _port_row(ports) + f"<TR>{_cell(inside, _span(ports))}</TR>"
    framed = _table(rows, _frame(look, look.border, 2 if look.double else 0) + f' PORT="{OUT}"')
    if name is None:
        return f"<{framed}>"
    named = f'<TD VALIGN="MIDDLE">{_text(name)}  </TD>'
    return f"<{_table(f'<TR>{named}<TD>{framed}</TD></TR>', '')}>"


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


def _padded(text: str) -> str:
    cell = _cell(text, ' CELLPADDING="5" WIDTH="30" HEIGHT="24"')
    return _table(f"<TR>{cell}</TR>", "")


def _port_row(ports: int) -> str:
    cells = [f'<TD PORT="{number}" WIDTH="14" HEIGHT="1"></TD>' for number in range(ports)]
    return f"<TR>{''.join(cells)}</TR>" if cells else ""


def _span(ports: int) -> str:
    return f' COLSPAN="{ports}"' if ports > 1 else ""


def _text(text: str) -> str:
    """Text that stays text: no markup, no escapes of Graphviz's, nothing invisible."""
    return escape(visible(text)).replace("\\", "&#92;").replace("&#x27;", "&#39;")
