"""Numbers that a file writes beside an element type: whether that type holds them.

Each check is an op's `check`: operand types, those of their values that stand in the file, and
attributes come in; `Fault` E0203 says which number it is, and which type would hold it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphdsl.graph.kernel import Array
from graphdsl.graph.op import Fault
from graphdsl.graph.sizes import Shape, Size
from graphdsl.graph.types import DType, TensorType, find_misfit

Types = Sequence[TensorType]
Values = Sequence[Array | None]


def check_filling(types: Types, values: Values, *, shape: Shape, dtype: DType) -> None:
    """Of a number that fills a tensor."""
    if values[0] is not None:
        _check_fits("full", values[0].item(), dtype, operand=0)


def check_padding(
    types: Types, values: Values, *, before: Size, after: Size, axis: int, value: float
) -> None:
    """Of a number that stands beside the elements of a tensor."""
    help = f"cast({{x}}, {_holding(value)}) makes room for it"
    _check_fits("pad", value, types[0].dtype, attribute="value", help=help)


def check_counting(
    types: Types, values: Values, *, n: Size, start: float, step: float, dtype: DType
) -> None:
    """Of numbers at equal distances: the first, the next and the last; where only data says how
    many there are, of the first and the distance."""
    _check_fits("arange", start, dtype, attribute="start")
    if not isinstance(n, int):
        _check_fits("arange", step, DType.f64 if dtype.is_float else DType.i64, attribute="step")
        return
    for place in (1, n - 1):
        if 1 <= place < n:
            _check_fits("arange", start + step * place, dtype, attribute="step")


def check_casting(types: Types, values: Values, *, dtype: DType) -> None:
    """Of the numbers of a list, and of a number: fractions are cut off, and truth values are made
    of whatever there is."""
    if values[0] is None or dtype is DType.bool:
        return
    for number in values[0].ravel().tolist():
        whole = math.trunc(number) if math.isfinite(number) else number
        _check_fits("cast", whole, dtype, operand=0)


def _check_fits(
    op: str,
    number: float,
    dtype: DType,
    *,
    operand: int | None = None,
    attribute: str | None = None,
    help: str | None = None,
) -> None:
    misfit = find_misfit(number, dtype)
    if misfit is not None:
        help = help or f"dtype = {_holding(number)} holds it"
        message = f"'{op}': {misfit}"
        raise Fault("E0203", message, operand=operand, attribute=attribute, help=help)


def _holding(number: float) -> str:
    """The first element type that holds a number, in words."""
    return "i64" if find_misfit(number, DType.i64) is None else "float"
