"""Arrays as text: what a model computes comes in, lines to read or JSON go out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphdsl.training.output_files import number_text
from graphdsl.training.plain import finite

if TYPE_CHECKING:
    from graphdsl.graph.kernel import Array


def named_lines(values: Mapping[str, Array]) -> str:
    """`name = value`, one after the other; arrays of two axes and more below their names."""
    return "\n".join(
        f"{name} = {_text(value)}".replace("= \n", "=\n", 1) for name, value in values.items()
    )


def _text(value: Array) -> str:
    import numpy as np

    if value.ndim == 0:
        return number_text(value[()])
    text = np.array2string(value, separator=", ", formatter={"all": number_text})
    return text if value.ndim == 1 else f"\n{text}"


def plain(value: Array | float) -> Any:
    """Numbers and lists for JSON."""
    return finite(value if isinstance(value, float) else value.tolist())
