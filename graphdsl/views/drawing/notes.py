"""What is noted beside a box: a type or an array comes in, short lines of text go out."""

from __future__ import annotations

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.graph.types import DType, TensorType
from graphdsl.views.labels import MINUS

ROWS, COLUMNS = 4, 4
"""An array of no more rows and columns is written whole; of a larger one, shape and range are."""
DIGITS, ROUGH = 6, 4
"""Digits of a number, and of one that says how far many reach."""
INDENT = "\N{NO-BREAK SPACE}" * 4
"""What stands before the second row of a matrix, and those below."""


def type_note(type: TensorType, float: DType) -> str:
    """`[N, 64]`; with its elements where they are not the model's float: `i64[N]`."""
    text = str(type)
    if type.dtype is not float and not type.weak:
        return text
    return text.removeprefix(str(type.dtype)) or "scalar"


def value_notes(array: Array) -> tuple[str, ...]:
    """An array as lines: `= 6`, the rows of a small one, shape and range of a large one."""
    if array.ndim == 0:
        return (f"= {number_text(array[()])}",)
    if array.ndim <= 2 and array.size and _fits(array):
        rows = array.reshape(-1, array.shape[-1])
        lines = [f"[{', '.join(map(number_text, row))}]" for row in rows]
        if array.ndim == 2:
            lines = [f"{line}," for line in lines[:-1]] + [f"{lines[-1]}]"]
            lines = [f"[{lines[0]}", *(f"{INDENT}{line}" for line in lines[1:])]
        return (f"= {lines[0]}", *lines[1:])
    return (f"[{', '.join(map(str, array.shape))}]", *_range(array))


def _fits(array: Array) -> bool:
    return bool(array.shape[-1] <= COLUMNS) and array.size <= ROWS * array.shape[-1]


def _range(array: Array) -> tuple[str, ...]:
    """The smallest and the largest number, and how many are none."""
    numbers = array[np.isfinite(array)]
    lines = []
    if numbers.size:
        lines.append(range_text(numbers))
    for name, test in (("nan", np.isnan(array)), ("inf", np.isinf(array))):
        if count := int(np.count_nonzero(test)):
            lines.append(f"{count:,} {name}")
    return tuple(lines)


def range_text(numbers: Array, digits: int = ROUGH) -> str:
    """`−1.2 … 3.4`, from the smallest to the largest; what they all are where that is one."""
    low, high = numbers.min(), numbers.max()
    if low == high:
        return f"all {number_text(low, ROUGH)}"
    return f"{number_text(low, digits)} … {number_text(high, digits)}"


def number_text(number: object, digits: int = DIGITS) -> str:
    """A number as a drawing has it: few digits, a minus sign that is one."""
    if isinstance(number, bool | np.bool_):
        return "true" if number else "false"
    text = str(number) if isinstance(number, int | np.integer) else f"{number:.{digits}g}"
    return text.replace("-", MINUS)
