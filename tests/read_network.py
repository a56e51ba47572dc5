"""A drawing of a network taken apart again: DOT text comes in; nodes and edges go out."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from graphdsl.driver import compile_source
from graphdsl.language.source import Source
from graphdsl.views.network.options import NetworkOptions
from graphdsl.views.network.render import draw_network, find_layers

NODE = re.compile(
    r"^\t+(n\d+(?:u\d+)?) \[label=<(.*?)> ((?:\w+=(?:\"(?:[^\"\\]|\\.)*\"|[^\s\"]+) ?)*)\]$",
    re.MULTILINE | re.DOTALL,
)
EDGE = re.compile(r"^\t(n[\du]+)(?::\w+)? -> (n[\du]+)(?::\w+)? \[(.*)\]$", re.MULTILINE)
LABEL = re.compile(r"label=<(.*?)> (?:\w+=|$)")


@dataclass
class Drawn:
    """A drawing of a network, read back."""

    text: str
    nodes: dict[str, tuple[str, ...]]
    """The lines of each node by its id."""
    looks: dict[str, str]
    edges: list[tuple[str, str, str]]
    """From, to, and what stands there, by the first lines of the nodes."""

    def named(self, name: str) -> tuple[str, ...]:
        """The lines of the one node that begins with a name."""
        (found,) = (lines for lines in self.nodes.values() if lines[:1] == (name,))
        return found


def lines_of(label: str) -> tuple[str, ...]:
    parts = re.split(r"<BR/>|</TR>|</TD>", label)
    plain = (html.unescape(re.sub(r"<[^>]*>", "", part)).strip("\xa0 ") for part in parts)
    return tuple(part for part in plain if part)


def take_apart(text: str) -> Drawn:
    found = {id: (lines_of(label), looks) for id, label, looks in NODE.findall(text)}
    nodes = {id: lines for id, (lines, _) in found.items()}
    called = {id: lines[0] if lines else id for id, lines in nodes.items()}
    edges = []
    for tail, head, looks in EDGE.findall(text):
        label = LABEL.search(looks)
        edges.append((called[tail], called[head], " ".join(lines_of(label[1])) if label else ""))
    return Drawn(text, nodes, {id: looks for id, (_, looks) in found.items()}, edges)


def draw(source: Source, **shown: object) -> Drawn:
    compilation, options = compile_source(source), NetworkOptions(**shown)
    layers = find_layers(compilation, options)
    return take_apart(draw_network(compilation, layers, options))


def of(text: str, **shown: object) -> Drawn:
    return draw(Source(text, "m.gdl"), **shown)
