"""A model's computation graph as a file: a compilation and a path come in, a picture goes out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from graphdsl.driver import Compilation
from graphdsl.engines import feeds
from graphdsl.graph.graph import Graph
from graphdsl.graph.reach import verify_node
from graphdsl.language.diagnostics import DataError, Diagnostic
from graphdsl.session import Session
from graphdsl.views import labels, picture
from graphdsl.views.drawing.compose import Composer, Noted
from graphdsl.views.drawing.dot import write_dot
from graphdsl.views.drawing.folding import fold
from graphdsl.views.drawing.groups import grow
from graphdsl.views.drawing.lane import NO_LANE, find_lane
from graphdsl.views.drawing.notes import type_note, value_notes
from graphdsl.views.drawing.options import Options
from graphdsl.views.drawing.scene import Scene
from graphdsl.views.drawing.selection import select
from graphdsl.views.drawing.sources import Drawn, find_drawn
from graphdsl.views.drawing.update import Update, find_update
from graphdsl.views.observed import Observed, find_target, observe, sketch, verify_scalar

MOST_BOXES = 1500
"""Beyond this a layout takes minutes and nobody can read it."""


def render(
    compilation: Compilation,
    path: str | Path,
    options: Options | None = None,
    session: Session | None = None,
) -> tuple[str, ...]:
    """Draw the graph as the file says it, before anything is rewritten; remarks on what was folded
    because there is so much of it. Values are those of the session's parameters.

    Raises `UsageError` for an unknown format, name or scalar, `DataError` where values are missing
    or do not fit, or where it cannot be drawn or written.
    """
    path = Path(path)
    format = picture.check_path(path)
    scene = draw(compilation, options or Options(), session)
    boxes = sum(1 for _ in scene.boxes())
    if boxes > MOST_BOXES and format != "dot":
        message = f"'{path}' was not drawn: {boxes:,} boxes are more than a picture can show"
        help = (
            f"up to {MOST_BOXES:,} are drawn; a .dot file takes any number",
            "--only NAME --depth 10 draws a part; --set NAME=VALUE may make the model smaller",
        )
        raise DataError(Diagnostic("E0826", message, (), help))
    picture.write_picture(path, write_dot(scene))
    return scene.remarks


def draw(compilation: Compilation, options: Options, session: Session | None = None) -> Scene:
    """The scene that the options ask for; raises as `render` does."""
    graph = compilation.graph(options.update)
    update = find_update(compilation) if options.update else Update(graph)
    drawn = find_drawn(update)
    for name in options.only:
        verify_node(graph, name)
    if options.only:
        drawn = select(drawn, [graph.names[name] for name in options.only], options.depth)
    notes = _type_notes(update.graph) if options.shapes else {}
    seen = _observe(compilation, options, session, graph, drawn)
    valued = options.values is not None
    if seen is not None and valued:
        notes = _merged(notes, {id: value_notes(array) for id, array in seen.values.items()})
    program = compilation.program
    noted = Noted(
        {**labels.roles(update.graph), **update.roles},
        labels.docs_by_name(program.statements),
        notes,
        NO_LANE if seen is None or seen.of is None else find_lane(seen, options.shapes, valued),
        valued,
    )
    tree = grow(update.graph, drawn.shown, update.levels)
    folding, remarks = fold(tree, drawn, options.collapse, options.expand)
    parts = Composer(folding, noted).parts()
    name = Path(program.source.name).stem
    return Scene(name, program.doc or program.source.name, parts, options.direction, remarks)


def _observe(
    compilation: Compilation,
    options: Options,
    session: Session | None,
    graph: Graph,
    drawn: Drawn,
) -> Observed | None:
    """What is to be seen of values and of the reverse sweep; None if it is nothing."""
    of = _target(graph, options)
    if options.values is None:
        return None if of is None else sketch(graph, of)
    session = session or Session(compilation)
    read = {graph.nodes[id].name for id in graph.inputs if id in drawn.shown}
    feeds.verify_names(options.values, session.inputs)
    feeds.verify_all_fed(options.values, {k: t for k, t in session.inputs.items() if k in read})
    return observe(session, options.values, of=of, training=options.update)


def _target(graph: Graph, options: Options) -> str | None:
    """The scalar that is differentiated, if anything is."""
    if not options.grad:
        return None
    of = find_target(graph, options.of)
    verify_node(graph, of)
    verify_scalar(graph, of)
    return of


def _type_notes(graph: Graph) -> dict[int, tuple[str, ...]]:
    return {node.id: (type_note(node.type, graph.float),) for node in graph.nodes}


def _merged(
    first: Mapping[int, tuple[str, ...]], second: Mapping[int, tuple[str, ...]]
) -> dict[int, tuple[str, ...]]:
    """The notes of both; what both say is said once."""
    return {
        id: tuple(dict.fromkeys((*first.get(id, ()), *second.get(id, ()))))
        for id in first.keys() | second.keys()
    }
