"""Values for a file's constants from outside it, from Python or the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphdsl.compiler.lower.values import MAX_INTEGER, is_constant
from graphdsl.language.diagnostics import Diagnostic, UsageError

MAX_RANK = 32
"""How deep lists may be nested."""


def read_overrides(given: Mapping[str, Any]) -> dict[str, Any]:
    """Constants as the compiler holds them: Python numbers, and tuples of them for lists.

    Takes NumPy's scalars and arrays for the numbers they are. Raises `UsageError` with each value
    that is no constant.
    """
    read = {name: _plain(value) for name, value in given.items()}
    faults = [
        Diagnostic("E0305", f"the constant '{name}' cannot be {_said(given[name])}", (), (_HELP,))
        for name, value in read.items()
        if not is_constant(value) or not _fits(value)
    ]
    if faults:
        raise UsageError(faults)
    return read


_HELP = "a constant is a number of 64 bits, a truth value or a list of them"


def _plain(value: Any, depth: int = 0) -> Any:
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        value = value.tolist()
    if isinstance(value, list | tuple) and depth < MAX_RANK:
        return tuple(_plain(item, depth + 1) for item in value)
    return value


def _fits(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_fits, value))
    return isinstance(value, float) or -MAX_INTEGER - 1 <= value <= MAX_INTEGER


def _said(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__} like this"
