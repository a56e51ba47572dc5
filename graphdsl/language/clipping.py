"""Texts that may be too long for a message, a comment or a table -> their beginnings."""

from __future__ import annotations


def clip(text: str, most: int = 40) -> str:
    """The text, cut off where it has more than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def one_line(text: str, most: int) -> str:
    """The text with its runs of space made one, clipped."""
    return clip(" ".join(text.split()), most)
