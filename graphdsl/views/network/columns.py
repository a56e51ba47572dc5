"""A large network, layer by layer: layers come in, tall capsules, boxes and bundles of edges go
out, and a frame around what is repeated."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from graphdsl.graph.sizes import Shape
from graphdsl.language.clipping import clip
from graphdsl.views.drawing.boxes import LONGEST_NAME, text
from graphdsl.views.drawing.dot import plain
from graphdsl.views.network.layers import Layer, Link
from graphdsl.views.network.looks import look_of

TIMES = " × "
BUNDLE = {"penwidth": "4", "color": "#7d8a91", "arrowsize": "0.6", "fontsize": "10"}
SINGLE = {"penwidth": "1.6", "color": "#7d8a91"}
FRAME = {
    **{"style": "rounded", "color": "#9aa5ab", "bgcolor": "#f6f8f9", "margin": "14"},
    **{"fontsize": "16", "fontcolor": "#37545f", "labeljust": "r", "labelloc": "b"},
}
LOWEST, STEP, TALLEST = 46, 13, 190
"""Heights of a capsule in points: that of one unit, for each doubling of units, the most."""


def add_columns(drawing: Any, layers: Sequence[Layer], direction: str) -> None:
    """Draw every layer, and what leads from one to another; of a drawing from top to bottom the
    columns are rows."""
    across = direction == "TB"
    _add_framed(drawing, list(layers), 0, across)
    merges = {layer.id for layer in layers if layer.kind == "merge"}
    for layer in layers:
        for number, link in enumerate(layer.links):
            looks = {"id": f"n{link.source}-n{layer.id}-{number}", **_bundle(link, across)}
            drawing.edge(*_ends(link.source, layer.id, merges, across), **looks)


def _ends(source: int, target: int, merges: Collection[int], across: bool) -> tuple[str, str]:
    """Where an edge touches its layers: their capsules, and not what is written around them."""
    if not across:
        return _capsule(source, merges), _capsule(target, merges)
    if target in merges:  # a way around other layers, whose ends are not to be forced
        return f"n{source}", f"n{target}"
    return f"n{source}:s", f"n{target}:n"


def _capsule(id: int, merges: Collection[int]) -> str:
    return f"n{id}" if id in merges else f"n{id}:at"


def _add_framed(drawing: Any, layers: list[Layer], depth: int, across: bool) -> None:
    """Layers of one frame, those of frames inside it in their order."""
    drawn: set[str] = set()
    for layer in layers:
        if len(layer.frames) == depth:
            drawing.node(f"n{layer.id}", _label(layer, across), **_shape(layer))
            continue
        frame = layer.frames[depth]
        if frame.id not in drawn:
            drawn.add(frame.id)
            with drawing.subgraph(name=f"cluster_{frame.id}") as inner:
                inner.attr(label=f"×{frame.count}", **FRAME)
                inside = [one for one in layers if frame in one.frames[depth : depth + 1]]
                _add_framed(inner, inside, depth + 1, across)


def _shape(layer: Layer) -> dict[str, str]:
    looks = {"id": f"n{layer.id}", "tooltip": plain(layer.tooltip)}
    if layer.kind != "merge":
        return looks
    look = look_of(layer)
    return looks | {
        **{"shape": "circle", "fixedsize": "true", "width": "0.42", "style": "filled"},
        **{"fillcolor": look.fill, "color": look.line},
        **{"penwidth": "2.5" if layer.end else "1.2", "fontsize": "18"},
    }


def _label(layer: Layer, across: bool) -> str:
    if layer.kind == "merge":
        return f"<{text(layer.functions[0])}>"
    rows = ['<TR><TD HEIGHT="9"></TD></TR>'] if across else []  # for the tips of edges
    rows += [_row(f"<B>{text(clip(layer.name, LONGEST_NAME))}</B>")] if layer.name else []
    rows.append(_row(_figure(layer, across)))
    rows += [_row(_small(line)) for line in _below(layer)]
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0">{"".join(rows)}</TABLE>>'


def _figure(layer: Layer, across: bool) -> str:
    """A capsule of units, or a box with what it computes."""
    look = look_of(layer)
    style = ' STYLE="ROUNDED"' if look.style != "dashed" else ' STYLE="ROUNDED,DASHED"'
    frame = f'BORDER="{2 if layer.end else 1}" COLOR="{look.line}" BGCOLOR="{look.fill}"{style}'
    if _is_box(layer):
        content = "<BR/>".join(text(function) for function in layer.functions)
        size = 'HEIGHT="52" CELLPADDING="8"'
    else:
        content = ("&#160;" if across else "<BR/>").join(_circles(layer, across))
        long, short = ("WIDTH", "HEIGHT") if across else ("HEIGHT", "WIDTH")
        size = f'{long}="{_height(layer)}" {short}="40"'
    return (
        f'<TABLE PORT="at" {frame} CELLBORDER="0" CELLSPACING="0">'
        f"<TR><TD {size}>{content}</TD></TR></TABLE>"
    )


def _is_box(layer: Layer) -> bool:
    return layer.kind in ("box", "normalisation")


def _below(layer: Layer) -> list[str]:
    """What stands under a layer: how many units, and what each does with its sum."""
    sizes = sizes_text(layer.shape) or "1"
    if _is_box(layer):
        return [sizes] if layer.kind == "box" else []
    if not layer.functions:
        return [sizes]
    if len(layer.shape) <= 1 and all(function.isidentifier() for function in layer.functions):
        return [TIMES.join([sizes, ", ".join(layer.functions)])]
    return [sizes, ", ".join(layer.functions)]


def _circles(layer: Layer, across: bool) -> list[str]:
    """Circles that stand for the units: three and the last, all of a few."""
    few = layer.width if isinstance(layer.width, int) and layer.width <= 3 else None
    return ["○"] * few if few is not None else ["○", "○", "⋯" if across else "⋮", "○"]


def _height(layer: Layer) -> int:
    """Taller for more units, though not in proportion."""
    units = layer.width if isinstance(layer.width, int) else 2
    return round(min(LOWEST + STEP * math.log2(max(units, 1)), TALLEST))


def _bundle(link: Link, across: bool) -> dict[str, str]:
    """How an edge looks: as wide as what weighs it, with that beside it."""
    if link.weights is None:
        return SINGLE
    name = clip(link.weights.name, LONGEST_NAME)
    lines = (f"<B>{text(name)}</B>", text(sizes_text(link.weights.sizes)))
    label = "<BR/>".join(f"&#160;{line}" if across else line for line in lines)
    return {"label": f"<{label}>", **BUNDLE}


def sizes_text(sizes: Shape) -> str:
    """`64 × 512`."""
    return TIMES.join(map(str, sizes))


def _row(html: str) -> str:
    return f"<TR><TD>{html}</TD></TR>"


def _small(said: str) -> str:
    return f'<FONT POINT-SIZE="11">{text(said)}</FONT>'
