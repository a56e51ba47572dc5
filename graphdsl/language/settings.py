"""The schema of the `data` and `train` blocks: their keys, what fits each, what each means.

`DATA` and `TRAIN` are the tables; the language reference is generated from them. A key of `data`
that is not in the table must be the name of an input, which the compiler checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose, isfinite
from typing import Literal

BlockName = Literal["data", "train"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One key: the kind of value it takes, what it does, and its value where it is left out."""

    key: str
    kind: str
    doc: str
    default: object = None


KINDS = {
    "path": "a path in double quotes",
    "column": "a column's name in double quotes",
    "count": "a whole number, 0 or more",
    "size": "a whole number, 1 or more, or 'all'",
    "fractions": "two or three positive fractions that sum to 1, such as [0.8, 0.2]",
    "bool": "true or false",
    "call": "a call, such as adam(lr = 1e-3)",
    "early": "a call of early, such as early(accuracy, patience = 5)",
}
"""Each kind of value, as a message says what was expected."""

DATA = (
    Setting("source", "path", "The file or folder the columns come from, beside the model's file."),
    Setting("train", "path", "The part to train on, where the parts stand in files of their own."),
    Setting("valid", "path", "The part to validate on, where it stands in a file of its own."),
    Setting("test", "path", "The part to test on, where it stands in a file of its own."),
    Setting(
        "split",
        "fractions",
        "The fractions of the rows in each part: train, valid and perhaps test.",
    ),
    Setting("split_seed", "count", "The seed the split is drawn from; never the training seed.", 0),
    Setting("stratify", "column", "The column whose classes every part gets in equal proportion."),
)

TRAIN = (
    Setting(
        "optimizer", "call", "The rule of the update; without one the file's own updates run alone."
    ),
    Setting("batch", "size", "How many rows a step is computed from; 'all' takes every row.", 32),
    Setting("epochs", "count", "How many times the training part is gone through.", 10),
    Setting("stop", "early", "Stop when a loss or metric no longer improves on the valid part."),
    Setting("seed", "count", "The seed of initial values, of the shuffling and of random ops.", 0),
    Setting(
        "eval_batch", "size", "How many rows are evaluated at once; 'all' takes every row.", 1024
    ),
    Setting("shuffle", "bool", "Whether each epoch takes the rows in another order.", True),
)

_TABLES: dict[str, dict[str, Setting]] = {
    "data": {setting.key: setting for setting in DATA},
    "train": {setting.key: setting for setting in TRAIN},
}


def lookup(block: BlockName, key: str) -> Setting | None:
    """The setting of a block by its key."""
    return _TABLES[block].get(key)


def keys(block: BlockName) -> tuple[str, ...]:
    """The keys of a block, in the order of its table."""
    return tuple(_TABLES[block])


def check_setting(setting: Setting, value: object) -> str | None:
    """What was expected, where `value`, which is evaluated already, does not fit `setting`.

    The word `all` is the string "all"; calls are the compiler's to check and fit always.
    """
    return None if _fits(setting.kind, value) else KINDS[setting.kind]


def _fits(kind: str, value: object) -> bool:
    match kind:
        case "path" | "column":
            return isinstance(value, str) and bool(value)
        case "count":
            return _is_int(value, 0)
        case "size":
            return value == "all" or _is_int(value, 1)
        case "bool":
            return isinstance(value, bool)
        case "fractions":
            return isinstance(value, Sequence) and _are_fractions(value)
    return True


def _is_int(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _are_fractions(values: Sequence[object]) -> bool:
    numbers = [
        float(one) for one in values if isinstance(one, int | float) and not isinstance(one, bool)
    ]
    if len(numbers) != len(values) or len(numbers) not in (2, 3):
        return False
    return all(isfinite(one) and one > 0 for one in numbers) and isclose(
        sum(numbers), 1, abs_tol=1e-9
    )
