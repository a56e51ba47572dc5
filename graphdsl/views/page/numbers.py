"""An array as a page shows it: short beside its box, whole or as a summary in the panel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.views.drawing.notes import number_text, range_text
from graphdsl.views.labels import MINUS

FEW = 6
"""Elements that are written beside a box."""
SHORT = 22
"""Characters that they may take there."""
ROUGH = 3
"""Digits of the ends of a range there."""
WHOLE, WHOLE_OF_MANY = 64, 8
"""Elements that the panel writes out, and in a page of many boxes."""
COLUMNS = 16
"""Columns of the widest array that it writes out."""
BINS = 24
"""Bars of a histogram."""


def number_or_tensor(array: Array, whole: int = WHOLE) -> dict[str, Any]:
    """`short` for the drawing, and for the panel `full` for a number; else `rows` of up to `whole`
    elements, or `bins` of a histogram, and `facts` about all elements."""
    if array.ndim == 0:
        return {"short": number_text(array[()]), "full": exact_text(array[()])}
    told: dict[str, Any] = {"short": short_text(array)}
    if array.size <= whole and array.size and array.shape[-1] <= COLUMNS:
        told["rows"] = _rows(array)
    if array.size and (array.size > FEW or not np.isfinite(array).all()):
        told["facts"] = _facts(array)
    if array.size > whole and array.dtype.kind == "f":
        told |= _bins(array)
    return told


def exact_text(number: Any) -> str:
    """A number in as many digits as tell it from every other of its type."""
    if isinstance(number, bool | np.bool_):
        return "true" if number else "false"
    if isinstance(number, int | np.integer):
        return str(number).replace("-", MINUS)
    if not math.isfinite(number):
        return "nan" if math.isnan(number) else "∞" if number > 0 else f"{MINUS}∞"
    text = str(number)
    return text.removesuffix(".0").replace("-", MINUS)


def short_text(array: Array) -> str:
    """`[3, −1]` for few elements, `−1.2 … 3.4` for many."""
    if array.size == 0:
        return "empty"
    if array.size <= FEW and array.ndim <= 2:
        lines = [", ".join(number_text(x, 4) for x in row) for row in np.atleast_2d(array)]
        if len(text := f"[{'; '.join(lines)}]") <= SHORT:
            return text
    if array.dtype.kind == "b":
        return f"{np.count_nonzero(array):,} of {array.size:,} true"
    numbers = array[np.isfinite(array)]
    if numbers.size < array.size:
        return f"{array.size - numbers.size:,} not finite"
    return range_text(numbers, ROUGH)


def _rows(array: Array) -> dict[str, Any]:
    """The elements as rows of text; of three axes and more each row has its index."""
    rows = array.reshape(-1, array.shape[-1])
    found: dict[str, Any] = {"cells": [[number_text(x) for x in row] for row in rows]}
    if array.ndim > 2:
        found["labels"] = [f"[{', '.join(map(str, at))}]" for at in np.ndindex(array.shape[:-1])]
    return found


def _facts(array: Array) -> dict[str, str]:
    """What is said of the elements together; computed in f64, so that few sums overflow."""
    if array.dtype.kind == "b":
        return {"true": f"{np.count_nonzero(array):,} of {array.size:,}"}
    numbers = array[np.isfinite(array)].astype(np.float64)
    found: dict[str, str] = {}
    if numbers.size:
        with np.errstate(over="ignore", invalid="ignore"):
            mean, norm = numbers.mean(), np.linalg.norm(numbers)
        found = {
            "smallest": number_text(numbers.min()),
            "largest": number_text(numbers.max()),
            "mean": number_text(mean),
            "norm": number_text(norm),
        }
    for name, test in (("nan", np.isnan), ("infinite", np.isinf)):
        if array.dtype.kind == "f" and (count := int(np.count_nonzero(test(array)))):
            found[name] = f"{count:,} of {array.size:,}"
    zeros = int(np.count_nonzero(array == 0))
    return found | ({"zero": f"{zeros:,} of {array.size:,}"} if zeros else {})


def _bins(array: Array) -> dict[str, Any]:
    """How many elements lie in each of equal parts of the range; nothing if there is no range."""
    numbers = array[np.isfinite(array)].astype(np.float64)
    if not numbers.size:
        return {}
    low, high = float(numbers.min()), float(numbers.max())
    if not 0 < high - low < math.inf:
        return {}
    counts, _ = np.histogram(numbers, BINS, (low, high))
    return {"bins": [int(count) for count in counts]}
