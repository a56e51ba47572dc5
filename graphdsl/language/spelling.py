"""A plain value -> the text that the language has for it."""

from __future__ import annotations

import math
from collections.abc import Mapping


def spell(value: object) -> str:
    """Numbers, truth values, texts (in quotes), lists of these and maps from texts to them.

    NumPy's scalars and arrays, and paths, count as what they hold. Raises `ValueError`, which
    says what the value is, for anything else, such as a text that no string of a file can hold.
    """
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        value = value.tolist()
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if not math.isnan(value):
            return repr(value)
        case str() if '"' in value or "\n" in value:
            raise ValueError("a text that holds '\"' or the end of a line")
        case str():
            return f'"{value}"'
        case list() | tuple():
            return f"[{', '.join(map(spell, value))}]"
        case Mapping():
            return f"{{{', '.join(f'{spell(str(k))}: {spell(v)}' for k, v in value.items())}}}"
    if hasattr(value, "__fspath__"):
        return spell(value.__fspath__())
    raise ValueError("nan" if isinstance(value, float) else f"of the type {type(value).__name__}")
