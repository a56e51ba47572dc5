"""One entry of the catalogue of diagnostic codes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means, why it is so, how to mend it; `bad` and `good` are whole programs."""

    title: str
    why: str
    mend: str
    bad: str = ""
    good: str = ""
