"""A model as a neural network, in a file: a compilation and a path come in, a picture goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import graphviz

from graphdsl.driver import Compilation
from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic
from graphdsl.session import Session
from graphdsl.views import labels, picture
from graphdsl.views.drawing.dot import FONT, plain, title_text
from graphdsl.views.network.columns import add_columns
from graphdsl.views.network.layers import Layer
from graphdsl.views.network.options import NetworkOptions
from graphdsl.views.network.recognise import recognise
from graphdsl.views.network.repeats import collapse
from graphdsl.views.network.units import Units, is_small, merge_sums

MOST_LAYERS = 400
"""Beyond this a layout takes minutes and nobody can read it."""


def render_network(
    compilation: Compilation,
    path: str | Path,
    options: NetworkOptions | None = None,
    session: Session | None = None,
) -> None:
    """Draw the network that a file describes, as it is used: without labels, loss and dropout.

    Weights are those of the session's parameters; without a session, those that the file says.
    Raises `ModelError` where a node is no part of a network, `UsageError` for an unknown format,
    `DataError` where it cannot be drawn or written.
    """
    path = Path(path)
    format = picture.check_path(path)
    layers = find_layers(compilation, options or NetworkOptions())
    if len(layers) > MOST_LAYERS and format != "dot":
        message = f"'{path}' was not drawn: {len(layers):,} layers are more than a picture can show"
        help = (
            f"up to {MOST_LAYERS:,} are drawn; a .dot file takes any number",
            "write what is repeated as a 'repeat': turns that are alike are drawn as one",
        )
        raise DataError(Diagnostic("E0826", message, (), help))
    picture.write_picture(path, draw_network(compilation, layers, options, session))


def find_layers(compilation: Compilation, options: NetworkOptions) -> tuple[Layer, ...]:
    """The layers to draw, of turns that are alike the first."""
    docs = labels.docs_by_name(compilation.program.statements)
    found = (
        replace(layer, tooltip=f"{layer.tooltip}\n{docs[layer.name]}")
        if layer.name in docs
        else layer
        for layer in recognise(compilation.graph(), options.normalisation)
    )
    return collapse(tuple(found))


def draw_network(
    compilation: Compilation,
    layers: tuple[Layer, ...],
    options: NetworkOptions | None = None,
    session: Session | None = None,
) -> str:
    """The DOT text of a network: unit by unit if it is small, else layer by layer."""
    small, program = is_small(layers), compilation.program
    direction = (options or NetworkOptions()).direction
    drawing = graphviz.Digraph(
        title_text(Path(program.source.name).stem),
        graph_attr={
            "rankdir": direction,
            "nodesep": "0.3",
            "ranksep": "0.45",
            "pad": "0.2",
            "bgcolor": "white",
            "fontname": FONT,
            "tooltip": plain(program.doc or program.source.name),
        },
        node_attr={"shape": "plain", "fontname": FONT, "fontsize": "13"},
        edge_attr={"color": "#555555", "arrowsize": "0.7", "fontname": FONT, "fontsize": "10"},
    )
    if small:
        Units(merge_sums(layers), _numbers(compilation, session), direction).add_to(drawing)
    else:
        add_columns(drawing, layers, direction)
    text: str = drawing.source
    return text


def _numbers(compilation: Compilation, session: Session | None) -> Mapping[str, Array]:
    """The parameters whose numbers are shown: a session's, or those of a file that says them all,
    and draws none at random."""
    if session is not None:
        return session.memory.params
    if any(variable.init.draw is not None for variable in compilation.graph().params):
        return {}
    return Session(compilation).memory.params
