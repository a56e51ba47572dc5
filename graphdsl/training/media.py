"""The media types that a notebook shows: what it asks for comes in, the types to make go out."""

from __future__ import annotations

from collections.abc import Collection

TEXT, SVG = "text/plain", "image/svg+xml"

Asked = Collection[str] | None
"""Media types that are asked for or declined; None and nothing say that nobody cares."""


def choose_media(include: Asked, exclude: Asked) -> frozenset[str]:
    """Which of text and drawing are wanted: those of `include`, by default both, without those of
    `exclude`."""
    return frozenset({TEXT, SVG}.intersection(include or (TEXT, SVG)).difference(exclude or ()))
