"""The page that plays backpropagation: a session and feeds come in, one HTML file's text goes out.

Without feeds the page shows symbols: formulas and shapes, no numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphdsl.driver import Compilation
from graphdsl.graph.graph import Graph
from graphdsl.language.diagnostics import DataError, Diagnostic, UsageError
from graphdsl.language.tokens import KEYWORDS
from graphdsl.session import Session
from graphdsl.training.files import write_text
from graphdsl.views import labels
from graphdsl.views.drawing.notes import type_note
from graphdsl.views.drawing.sources import Drawn, find_drawn
from graphdsl.views.drawing.update import Update
from graphdsl.views.observed import Observed, find_target, observe, sketch
from graphdsl.views.page import contents
from graphdsl.views.page.numbers import WHOLE, WHOLE_OF_MANY, number_or_tensor
from graphdsl.views.page.shell import Page, check_page, page_text
from graphdsl.views.page.steps import tell_steps
from graphdsl.views.trace.record import Trace
from graphdsl.views.trace.recorder import record

SCRIPTS = (
    *("model.js", "layered.js", "placing.js", "compound.js", "measure.js", "shapes.js", "scene.js"),
    *("camera.js", "player.js", "formula.js", "source.js", "panel.js", "search.js", "keys.js"),
    "main.js",
)
MOST_BOXES = 20_000
"""Beyond this the file is too large for a browser to be quick."""
MANY = 400
"""Boxes beyond which fewer elements of each tensor are carried along."""


def write_page(
    session: Session,
    path: Path,
    fed: Mapping[str, Any],
    of: str | None = None,
    training: bool = False,
) -> None:
    """Write the page of a model that is fed; of one that is fed nothing though it has inputs, the
    page of its symbols. Cotangents are of `of`, by default the loss or else the one scalar result.
    With `training` everything is as a training step computes it.

    Raises `UsageError` where `of` is no scalar or `path` no page, `DataError` for feeds that do
    not fit or are not all that `of` depends on, and where the file cannot be written.
    """
    check_page(path)
    write_text(path, graph_page(session, fed, of, training))


def graph_page(
    session: Session, fed: Mapping[str, Any], of: str | None = None, training: bool = False
) -> str:
    """The text of the page; raises as `write_page` does."""
    program = session.compilation.program
    data = page_data(session, fed, of, training)
    return page_text(
        Page(
            title=data["title"],
            about=(program.doc or "").partition("\n")[0],
            data=data,
            body="graph.html",
            styles=("graph.css", "drawing.css"),
            scripts=SCRIPTS,
            tools="graph-tools.html",
            help="graph-help.html",
        )
    )


def page_data(
    session: Session, fed: Mapping[str, Any], of: str | None = None, training: bool = False
) -> dict[str, Any]:
    """What the page's script is given."""
    compilation, graph = session.compilation, session.compilation.graph(training)
    with_values = bool(fed) or not graph.inputs
    program, drawn = compilation.program, find_drawn(Update(graph))
    _check_boxes(len(drawn.shown))
    target, notes = _find_target(graph, of)
    if of is not None:
        session.verify_node(of, training)
    if with_values:
        seen = observe(session, fed, of=target, training=training)
    else:
        seen = sketch(graph, target)
        notes.append(_unfed(compilation))
    trace = record(seen, compilation)
    files = contents.find_files(program.source, drawn)
    groups, home = contents.tell_groups(drawn)
    nodes = list(contents.tell_nodes(drawn, files, labels.docs_by_name(program.statements), home))
    _add_made_names(nodes, trace)
    _add_values(nodes, seen, drawn, with_values)
    return {
        "title": program.source.name.rpartition("/")[2],
        "symbols": not with_values,
        "nodes": nodes,
        "groups": groups,
        "files": contents.tell_files(files),
        "steps": tell_steps(trace, drawn, with_values),
        "notes": [*notes, *trace.notes],
        "keywords": sorted(KEYWORDS),
    }


def _check_boxes(count: int) -> None:
    if count > MOST_BOXES:
        message = f"the page was not made: {count:,} boxes are more than it can show"
        help = (f"up to {MOST_BOXES:,} are shown; make the model smaller: --set NAME=VALUE",)
        raise DataError(Diagnostic("E0826", message, (), help))


def _find_target(graph: Graph, of: str | None) -> tuple[str | None, list[str]]:
    """What is differentiated; where nobody says and nothing is the one to take, why not."""
    try:
        return find_target(graph, of), []
    except UsageError as fault:
        return None, [f"There is no reverse sweep: {one.message}." for one in fault.diagnostics]


def _unfed(compilation: Compilation) -> str:
    graph = compilation.graph()
    names = ", ".join(graph.nodes[id].name or "" for id in graph.inputs)
    said = f"No values were given ({names}): formulas and shapes alone."
    return said if compilation.lowered().data is None else f"{said} --rows 4 takes the data's."


def _add_made_names(nodes: list[dict[str, Any]], trace: Trace) -> None:
    """The names that formulas use for boxes that the file has no name for."""
    made = {row.node: row.variable for row in trace.forward}
    for node in nodes:
        if node["name"] is None and node["id"] in made:
            node["alias"] = made[node["id"]]


def _add_values(
    nodes: list[dict[str, Any]], seen: Observed, drawn: Drawn, with_values: bool
) -> None:
    """Values and cotangents; where there are none, the shapes that they would have."""
    whole = WHOLE if len(drawn.shown) <= MANY else WHOLE_OF_MANY
    for node in nodes:
        id = node["id"]
        type = drawn.graph.nodes[id].type
        for key, arrays in (("value", seen.values), ("cotangent", seen.cotangents)):
            if id in arrays:
                node[key] = (
                    number_or_tensor(arrays[id], whole)
                    if with_values
                    else {"short": type_note(type, drawn.graph.float)}
                )
