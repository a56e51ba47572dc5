"""What a notebook shows of a model: a compilation comes in, a bundle of media types goes out."""

from __future__ import annotations

from collections.abc import Collection

from graphdsl.driver import Compilation
from graphdsl.training.media import SVG, TEXT
from graphdsl.views.report.drawing import draw_graph


def bundle_model(said: str, compilation: Compilation, media: Collection[str]) -> dict[str, str]:
    """Those of `media` that can be had: the graph as SVG where this machine can lay it out; `said`
    as text, and why there is no drawing where one was wanted."""
    bundle = {TEXT: said}
    if SVG in media:
        drawing = draw_graph(compilation)
        if drawing.svg:
            svg = drawing.svg.decode()
            bundle[SVG] = svg[svg.index("<svg") :]  # a page has no room for XML's prologue
        else:
            bundle[TEXT] = "\n".join((said, *drawing.notes))
    return {kind: text for kind, text in bundle.items() if kind in media}
