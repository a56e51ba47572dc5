"""How layers look: colours by what they are."""

from __future__ import annotations

from collections.abc import Mapping

from graphdsl.views.drawing.boxes import LOOKS, Look
from graphdsl.views.network.layers import Layer

_KINDS: Mapping[str, Look] = {
    "input": LOOKS["input"],
    "dense": LOOKS["op"],
    "map": LOOKS["op"],
    "merge": LOOKS["op"],
    "box": LOOKS["block"],
    "normalisation": Look("#f4f4f4", "#6b6b6b", style="dashed"),
}


def look_of(layer: Layer) -> Look:
    """The colours of a layer; results have a look of their own."""
    return LOOKS["output"] if layer.end else _KINDS[layer.kind]
