"""Amounts of memory as text: `"1 GB"` comes in, a number of bytes goes out."""

from __future__ import annotations

import re

UNITS = {
    "B": 1,
    **{f"{prefix}B": 1000**power for power, prefix in enumerate("kMGT", 1)},
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGT", 1)},
}
_AMOUNT = re.compile(rf"([0-9]+(?:\.[0-9]+)?) ?({'|'.join(UNITS)})")


def parse_amount(value: object) -> int | None:
    """The bytes that a whole number, or a number with a unit, stands for; None for all else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value > 0 else None
    found = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    nbytes = int(float(found[1]) * UNITS[found[2]])
    return nbytes or None
