"""Words of the command line -> values: numbers, lists, `NAME=VALUE`, `KEY=VALUE`.

Each raises `argparse.ArgumentTypeError` for a word that is nothing of the kind.
"""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass
from typing import Any

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of the `data` or `train` block, as text, and the option that gives it."""

    key: str
    text: str
    option: str = "--with"


def pair(text: str) -> Pair:
    """`NAME=VALUE` as its two sides."""
    name, sign, said = text.partition("=")
    if not (name and sign and said):
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form NAME=VALUE")
    return name.strip(), said.strip()


def setting(text: str) -> Setting:
    """`KEY=VALUE` as a setting, the value perhaps empty."""
    key, sign, said = text.partition("=")
    if not (key.strip() and sign):
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form KEY=VALUE")
    return Setting(key.strip(), said.strip())


def constant(text: str) -> tuple[str, Any]:
    """`NAME=VALUE` with the value read."""
    name, said = pair(text)
    try:
        return name, value(said)
    except ValueError as bad:
        raise argparse.ArgumentTypeError(f"{text}: {bad}") from None


def size(text: str) -> tuple[str, int]:
    """`NAME=SIZE` as its two sides."""
    name, said = pair(text)
    return name, natural(said)


def natural(text: str) -> int:
    """A whole number, 0 or more."""
    return _whole(text, 0)


def positive(text: str) -> int:
    """A whole number, 1 or more."""
    return _whole(text, 1)


def batch(text: str) -> int | str:
    """A number of rows, or `all`."""
    return text if text == "all" else _whole(text, 1, ", or all")


def _whole(text: str, least: int, other: str = "") -> int:
    """A whole number from `least` on; `other` is what else the word might have been."""
    if text.isdecimal() and (len(text) > 19 or int(text) >= 2**63):
        raise argparse.ArgumentTypeError(f"'{text:.40}' does not fit 64 bits: 2^63 - 1 at most")
    if not text.isdecimal() or int(text) < least:
        message = f"'{text}' is no whole number, {least} or more{other}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


_WHOLE = re.compile(r"[+-]?\d+(_\d+)*")
_SPELLED = {"nan": "NaN", "inf": "Infinity"}
_JSON_WORDS = re.compile(r"\b(nan|inf)\b")
"""Numbers that JSON spells in its own way."""


def value(text: str) -> Any:
    """A number, `true`, `false` or a list of these; raises `ValueError`."""
    if text in ("true", "false"):
        return text == "true"
    if text.startswith("["):
        try:
            return json.loads(_JSON_WORDS.sub(lambda word: _SPELLED[word[0]], text))
        except (ValueError, RecursionError):
            raise ValueError("this is no list of numbers, such as [1, 2.5] or [[1], [2]]") from None
    if _WHOLE.fullmatch(text):
        if len(text) > 30 or not -(2**63) <= int(text) < 2**63:
            raise ValueError("this integer does not fit 64 bits")
        return int(text)
    try:
        return float(text)
    except ValueError:
        raise ValueError("this is no number, list or truth value") from None
