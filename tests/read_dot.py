"""A drawing taken apart again: DOT text comes in; boxes, edges and clusters go out."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from graphdsl.driver import compile_source
from graphdsl.graph.types import DType
from graphdsl.language.source import Source
from graphdsl.views.drawing import boxes
from graphdsl.views.drawing.dot import write_dot
from graphdsl.views.drawing.options import make_options
from graphdsl.views.render import draw

NODE = re.compile(r'^\t+"?([\w-]+)"? \[label=<(<.*?>)> id="?([\w-]+)"? tooltip=', re.MULTILINE)
END = r'"?([\w-]+)"?:(\w+):?\w*'
EDGE = re.compile(rf"^\t{END} -> {END} \[(.*)\]$", re.MULTILINE)
LINE = re.compile(
    r'^\t+(?:(subgraph) cluster_|"?([\w-]+)"? \[label=<<|.*label=<((?!<).*?)> labeljust|(\})$)',
    re.MULTILINE,
)


@dataclass
class Frame:
    """A rectangle with what stands in it and what stands outside."""

    text: str
    ports: list[str]
    border: int


@dataclass
class Box:
    """A node of a drawing."""

    function: str
    name: str
    notes: list[str]
    frame: Frame
    before: bool
    """Whether the name stands before the rectangle."""
    cotangent: Frame | None = None
    cotangent_name: str = ""
    cotangent_notes: list[str] = field(default_factory=list)

    @property
    def terms(self) -> str:
        """The sum in the reverse lane."""
        assert self.cotangent is not None
        return self.cotangent.text


@dataclass(frozen=True)
class Edge:
    """An edge as it is seen: from where it leaves to where its arrow points."""

    tail: str
    head: str
    port: str
    looks: str


@dataclass
class Drawing:
    """A drawing, read back from its DOT text."""

    text: str
    boxes: dict[str, Box]
    edges: list[Edge]
    """Of values."""
    back: list[Edge]
    """Of cotangents."""
    frames: dict[str, list[str]] = field(default_factory=dict)
    """The frames around boxes, outer ones first, by title: the ids of what stands in each."""
    remarks: tuple[str, ...] = ()

    def id(self, name: str) -> str:
        """The id of the one box with this name, or else this function."""
        named = [id for id, box in self.boxes.items() if name == box.name]
        found = named or [id for id, box in self.boxes.items() if name == box.function]
        assert len(found) == 1, (name, found)
        return found[0]

    def box(self, name: str) -> Box:
        """The box with this name beside it."""
        return self.boxes[self.id(name)]

    def operands(self, name: str) -> list[str]:
        """The names or functions of what enters a box, from left to right."""
        return self.operands_of(self.id(name))

    def operands_of(self, head: str) -> list[str]:
        """The same of the box with this id."""
        found = (e for e in self.edges if e.head == head and e.port.isdecimal())
        entering = sorted(found, key=lambda edge: int(edge.port))
        return [self._called(edge.tail) for edge in entering]

    def pulled(self, name: str) -> list[str]:
        """The names or functions of the boxes whose cotangents make up that of a box."""
        head = self.id(name)
        return [self._called(edge.tail) for edge in self.back if edge.head == head]

    def inside(self, title: str) -> list[str]:
        """The names or functions of the boxes in a frame."""
        return [self._called(id) for id in self.frames[title]]

    def carried(self) -> list[tuple[str, str]]:
        """What goes to the next turn: the box that makes it, and the one that stands for it."""
        return [(e.tail, e.head) for e in self.edges if "dotted" in e.looks]

    def _called(self, id: str) -> str:
        return self.boxes[id].name or self.boxes[id].function


def plain(markup: str) -> str:
    """The text of a label without its markup."""
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def read(source: Source, *, float: str = "f32", **shown: Any) -> Drawing:
    """The drawing of a model, taken apart."""
    scene = draw(compile_source(source, float=DType[float]), make_options(**shown))
    drawing = take_apart(write_dot(scene))
    drawing.remarks = scene.remarks
    return drawing


def of(text: str, **shown: Any) -> Drawing:
    """The drawing of a model's text."""
    return read(Source(text, "m.gdl"), **shown)


def take_apart(text: str) -> Drawing:
    """The boxes and the edges of a DOT text."""
    found = {}
    for id, label, written in NODE.findall(text):
        assert id == written, "a box has the id of its node"
        found[id] = read_label(label)
    edges, back = [], []
    for tail, out, head, port, looks in EDGE.findall(text):
        if "dir=back" in looks:
            tail, out, head, port = head, port, tail, out
        reverse = boxes.COTANGENT.line in looks
        (back if reverse else edges).append(Edge(tail, head, port, looks))
    return Drawing(text, found, edges, back, _frames(text))


def _frames(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    around: list[str] = []
    for opened, box, title, closed in LINE.findall(text):
        if opened:
            around.append("")
        elif title:
            around[-1] = plain(title)
            found[around[-1]] = []
        elif box:
            for one in around:
                found[one].append(box)
        elif closed:
            around.pop()
    return found


def read_label(label: str) -> Box:
    """A box's parts; a rectangle is what carries the port that edges leave by."""
    whole = ElementTree.fromstring(label.replace("&nbsp;", " "))
    frames = {port: _frame(whole, port) for port in (boxes.OUT, boxes.BACK)}
    value = frames[boxes.OUT]
    if value is None:  # what stands for an operand that is not drawn
        return Box("".join(whole.itertext()), "", [], Frame("", [], 0), False)
    sides = [_lines(cell) for cell in whole.findall("./TR/TD") if cell.find(".//*[@PORT]") is None]
    names = [lines for lines in sides if lines]
    cells = whole.findall("./TR/TD")
    before = bool(cells) and cells[0].find(".//*[@PORT]") is None
    own = names[0] if before and names else []
    other = names[-1] if names and (len(names) > 1 or not before) else []
    return Box(value.text, *_named(own), value, before, frames[boxes.BACK], *_named(other))


def _frame(whole: ElementTree.Element, port: str) -> Frame | None:
    for table in whole.iter("TABLE"):
        if table.get("PORT") == port:
            ports = [cell.attrib["PORT"] for cell in table.iter("TD") if "PORT" in cell.attrib]
            text = "\n".join(line for cell in table.iter("TD") for line in _own_lines(cell))
            return Frame(text, ports, int(table.attrib["BORDER"]))
    return None


def _own_lines(cell: ElementTree.Element) -> list[str]:
    """The lines that stand in a cell itself, not in a table within it."""
    parts = [cell.text or "", *(child.tail or "" for child in cell if child.tag == "BR")]
    return [part for part in parts if part]


def _lines(cell: ElementTree.Element) -> list[tuple[str, bool]]:
    """The lines of a name's cell, each with whether it is a note, which is smaller."""
    found = []
    for inner in cell.iter("TD"):
        if inner.text:
            found.append((inner.text, False))
        found += [(font.text or "", True) for font in inner.findall("FONT")]
    return found


def _named(lines: list[tuple[str, bool]]) -> tuple[str, list[str]]:
    names = [text for text, small in lines if not small]
    return (names[0] if names else ""), [text for text, small in lines if small]
