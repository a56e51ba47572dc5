"""The names of the flat arrays that a model owns: programs, memory, checkpoints and exported files
find an array by its name, and only this module spells or reads one.

There is one for each element type of parameters, of their gradients and of states, one for each
slot of an optimizer, and one for each worker and type of what its rows add to sums.
"""

from __future__ import annotations

import re
import sys
from typing import Literal

from graphdsl.graph.types import DType

Kind = Literal["param", "grad", "state", "slot"]

_PART = re.compile(r"part\d+_")


def flat_array(kind: Kind, own: DType | str) -> str:
    """The name of an array by its kind and what tells it from others of that: the element type, or
    a slot's name. Thousands of places have the same one."""
    return sys.intern(f"{kind}_{own}")


def is_kind(array: str, *kinds: Kind) -> bool:
    """Whether the array of that name is of one of these kinds."""
    return array.partition("_")[0] in kinds


def own_name(array: str) -> str:
    """What tells an array from others of its kind."""
    return array.partition("_")[2]


def type_of(array: str) -> DType:
    """The element type of an array that is no slot."""
    return DType[own_name(array)]


def part_array(worker: int | str, dtype: DType) -> str:
    """The name of the array of what one worker's rows add to sums; `worker` may be the text that
    stands for one's number."""
    return f"part{worker}_{dtype}"


def is_part(array: str) -> bool:
    """Whether the array of that name is what one worker's rows add to sums."""
    return _PART.match(array) is not None
