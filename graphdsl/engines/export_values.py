"""Arrays in the text of an exported file: as literals where they are short or regular, else by
name in a file beside it."""

from __future__ import annotations

import hashlib
import json
import pprint
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphdsl.graph.kernel import Array

INLINE = 64
"""Elements that the text may hold: of one array, or of all parameters together."""


@dataclass(slots=True)
class Values:
    """Writes arrays as expressions and collects those that are put beside the file."""

    beside: dict[str, Array] = field(default_factory=dict)
    _names: dict[tuple[str, tuple[int, ...], bytes], str] = field(default_factory=dict)

    def mapping(self, values: Mapping[str, Array]) -> str:
        """An expression for arrays by name."""
        if sum(value.size for value in values.values()) > INLINE:
            self.beside |= values
            return "ARRAYS"
        return pprint.pformat(
            {name: value.tolist() for name, value in values.items()}, sort_dicts=False, width=70
        )

    def array(self, value: Array) -> str:
        """An expression for one array, of the same bits."""
        dtype, first = str(value.dtype), value.flat[0].item() if value.size else 0
        if not value.shape:
            return f'np.array({element(first)}, "{dtype}")'
        if _is_uniform(value):
            return f'np.full({value.shape}, {element(first)}, "{dtype}")'
        if (step := _step_of(value)) is not None:
            return f'np.arange({first}, {first + step * value.size}, {step}, "{dtype}")'
        if value.size <= INLINE:
            return f'np.array({value.tolist()!r}, "{dtype}")'
        key = (dtype, value.shape, hashlib.blake2b(_bits(value).data).digest())
        if key not in self._names:
            self._names[key] = f"constant {len(self._names)}"
            self.beside[self._names[key]] = value
        return f"ARRAYS[{quoted(self._names[key])}]"


def element(value: Any) -> str:
    """A number as Python reads it; inf and nan are names."""
    return repr(value)


def quoted(text: str) -> str:
    """A string as Python reads it, in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def shape_words(shape: Sequence[int]) -> str:
    """Sizes as further arguments of a call."""
    return "".join(f", {size}" for size in shape)


def wrapped(line: str) -> list[str]:
    """A line whose spaces may become line ends, in lines of at most 96 columns."""
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.wrap(
        line, 96, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _is_uniform(value: Array) -> bool:
    """Whether all elements have the same bits: 0 and -0 differ."""
    bits = _bits(value)
    return bool((bits == bits[:1]).all())


def _bits(value: Array) -> Array:
    """The elements as whole numbers of as many bits, copied only where they have gaps."""
    return np.ascontiguousarray(value).reshape(-1).view(f"u{value.itemsize}")


def _step_of(value: Array) -> int | None:
    """The difference of the neighbours in a row of integers, if there is one."""
    if value.ndim != 1 or value.dtype.kind not in "iu" or value.size < 3:
        return None
    steps = np.diff(value)
    step, whole = int(steps[0]), int(value[-1]) - int(value[0])
    # they may wrap: a row comes to its last element by as many of them without that
    even = step > 0 and (steps == step).all() and whole == step * len(steps)
    return step if even else None
