"""What a notebook shows of a model: a compilation comes in, a bundle of media types goes out."""

from __future__ import annotations

from graphdsl.driver import Compilation
from graphdsl.views.report.drawing import draw_graph

SVG = "image/svg+xml"
TEXT = "text/plain"


def bundle_model(said: str, compilation: Compilation) -> dict[str, str]:
    """The graph as SVG where this machine can lay it out; `said` in any case, and then why there
    is no drawing."""
    drawing = draw_graph(compilation)
    if not drawing.svg:
        return {TEXT: "\n".join((said, *drawing.notes))}
    svg = drawing.svg.decode()
    return {TEXT: said, SVG: svg[svg.index("<svg") :]}  # a page has no room for XML's prologue
