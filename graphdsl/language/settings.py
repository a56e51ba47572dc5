"""The schema of the `data` and `train` blocks: their keys, what fits each, what each means.

`DATA` and `TRAIN` are the tables; the language reference is generated from them. A key of `data`
that is not in the table must be the name of an input, which the compiler checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isclose, isfinite
from typing import Literal, TypeGuard

from graphdsl.language.amounts import parse_amount

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
    "several": "a whole number, 1 or more",
    "positive": "a finite number above 0",
    "portion": "a number from 0 to less than 1",
    "factors": 'a map of patterns to numbers, such as {"*.W": 0.1}',
    "size": "a whole number, 1 or more, or 'all'",
    "memory": 'an amount of memory, such as "500 MB", "64 MiB" or 1_000_000 (bytes)',
    "fractions": "two or three positive fractions that sum to 1, such as [0.8, 0.2]",
    "bool": "true or false",
    "call": "a call, such as adam(lr = 1e-3)",
    "criterion": "a call of early, plateau or after, or several joined by 'and' and 'or'",
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
    Setting(
        "split_by",
        "column",
        "The column that says of each row which part has it, in place of 'split'.",
    ),
    Setting("stratify", "column", "The column whose classes every part gets in equal proportion."),
)

TRAIN = (
    Setting(
        "optimizer", "call", "The rule of the update; without one the file's own updates run alone."
    ),
    Setting("batch", "size", "How many rows a step is computed from; 'all' takes every row.", 32),
    Setting("epochs", "count", "How many times the training part is gone through.", 10),
    Setting(
        "stop",
        "criterion",
        "When to stop before the last epoch: when a loss or metric no longer improves, or after a "
        "while.",
    ),
    Setting("seed", "count", "The seed of initial values, of the shuffling and of random ops.", 0),
    Setting(
        "eval_batch", "size", "How many rows are evaluated at once; 'all' takes every row.", 1024
    ),
    Setting("shuffle", "bool", "Whether each epoch takes the rows in another order.", True),
    Setting(
        "accumulate", "several", "How many batches a step's gradient is the mean over, by rows.", 1
    ),
    Setting("clip_value", "positive", "What no element of the gradient goes beyond, up or down."),
    Setting("clip_norm", "positive", "What the norm of all gradients together does not go beyond."),
    Setting("average", "portion", "The decay of a running average of the weights, which is kept."),
    Setting(
        "memory",
        "memory",
        "What a step may compute in, parameters and states aside; where that is too little, values "
        "are computed again for the reverse sweep, not kept.",
    ),
    Setting(
        "scale_ARG", "factors", "Factors of the optimizer's argument ARG, for parameters by name."
    ),
)

SCALE = "scale_"
"""What a key begins with that gives factors of an argument of the optimizer."""

STEP_KEYS = ("accumulate", "clip_value", "clip_norm", "average")
"""The settings that say something of the optimizer's step, and nothing without one."""

_TABLES: dict[str, dict[str, Setting]] = {
    "data": {setting.key: setting for setting in DATA},
    "train": {setting.key: setting for setting in TRAIN},
}


def lookup(block: BlockName, key: str) -> Setting | None:
    """The setting of a block by its key: `scale_lr` is one of `scale_ARG`."""
    known = _TABLES[block]
    return known.get(f"{SCALE}ARG" if key.startswith(SCALE) else key)


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
            return is_whole(value, 0)
        case "size":
            return value == "all" or is_whole(value, 1)
        case "bool":
            return isinstance(value, bool)
        case "memory":
            return parse_amount(value) is not None
        case "several":
            return is_whole(value, 1)
        case "positive":
            return is_number(value) and value > 0
        case "portion":
            return is_number(value) and 0 <= value < 1
        case "factors":
            return isinstance(value, Mapping) and all(
                isinstance(pattern, str) and is_number(factor) for pattern, factor in value.items()
            )
        case "fractions":
            return isinstance(value, Sequence) and _are_fractions(value)
    return True


def is_whole(value: object, least: int) -> bool:
    """Whether it is a whole number from `least` on; truth values are none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite number; truth values are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _are_fractions(values: Sequence[object]) -> bool:
    numbers = [
        float(one) for one in values if isinstance(one, int | float) and not isinstance(one, bool)
    ]
    if len(numbers) != len(values) or len(numbers) not in (2, 3):
        return False
    return all(isfinite(one) and one > 0 for one in numbers) and isclose(
        sum(numbers), 1, abs_tol=1e-9
    )
