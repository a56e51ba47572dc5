"""The graph in a page or a notebook: a compilation comes in, an SVG goes out, or why there is none.

In a page it is an image of its own, which can neither run nor load anything.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, replace

from graphdsl.driver import Compilation
from graphdsl.language.diagnostics import GraphdslError, UsageError
from graphdsl.views.drawing.dot import write_dot
from graphdsl.views.drawing.options import Options
from graphdsl.views.drawing.scene import Scene
from graphdsl.views.picture import NotDrawn, draw_svg
from graphdsl.views.render import MOST_BOXES, draw

MANY_BOXES = 24
"""Beyond this blocks are folded: who reads a report wants the whole at a glance."""
UNSEEN = re.compile(rb'<!--.*?-->|<title>.*?</title>|xlink:title="[^"]*"', re.DOTALL)
"""What an image does not show: comments, and titles, which name the file."""
FOLDED = "Blocks are folded; graphdsl render draws what is in them."


@dataclass(frozen=True, slots=True)
class Drawing:
    """`svg`, empty where there is none; `notes` on what was folded, or why nothing was drawn."""

    svg: bytes
    notes: tuple[str, ...]

    @property
    def address(self) -> str:
        """The drawing as the address of an image."""
        return f"data:image/svg+xml;base64,{b64encode(self.svg).decode()}"

    def is_like(self, other: Drawing) -> bool:
        """Whether the same is seen, and said, of both; never where nothing is drawn."""
        seen, others = (UNSEEN.sub(b"", one.svg) for one in (self, other))
        return bool(seen) and seen == others and self.notes == other.notes


def draw_graph(compilation: Compilation) -> Drawing:
    """Draw a model; its blocks are folded where there are many boxes."""
    try:
        scene = draw(compilation, Options())
        if _count(scene) > MANY_BOXES:
            scene = _fold(compilation) or scene
    except GraphdslError as error:
        return Drawing(b"", (f"The graph was not drawn: {error.diagnostics[0].message}.",))
    if _count(scene) > MOST_BOXES:
        said = f"The graph was not drawn: {_count(scene):,} boxes are more than a picture can show."
        return Drawing(b"", (said,))
    try:
        return Drawing(draw_svg(write_dot(scene)), scene.remarks)
    except NotDrawn as fault:
        return Drawing(b"", (f"The graph was not drawn: {fault}.",))


def _fold(compilation: Compilation) -> Scene | None:
    """The drawing with all folded that can be; None where nothing can."""
    try:
        scene = draw(compilation, Options(collapse=("all",)))
    except UsageError:
        return None
    return replace(scene, remarks=(*scene.remarks, FOLDED))


def _count(scene: Scene) -> int:
    return sum(1 for _ in scene.boxes())
