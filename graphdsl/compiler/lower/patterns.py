"""Patterns of qualified names, as `l2("*.W")` takes them."""

from __future__ import annotations

from fnmatch import fnmatchcase


def matches(name: str, pattern: str) -> bool:
    """Whether the name is one of the pattern's: `*` is any text, `?` any letter.

    Brackets stand for themselves, so that `o[3].W` is a parameter of the third turn, and `o[*].W`
    those of all.
    """
    return fnmatchcase(name, pattern.replace("[", "[[]"))
