"""Fed arrays: checked against the inputs' types, converted where that loses nothing.

Fed data may go from integers to floats, from f64 to f32, and from floats to integers where every
value is whole. A fed array is never modified, and copied only if its layout or elements differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from graphdsl.engines.machine import find_lack
from graphdsl.graph.kernel import Array
from graphdsl.graph.sizes import Poly, evaluate, symbols
from graphdsl.graph.types import DType, TensorType
from graphdsl.language.diagnostics import DataError, Diagnostic, did_you_mean

Feeds = Mapping[str, Any] | None
"""Values for inputs by name, in front of those that are keywords: where a name is an option's."""

Place = Callable[[int], str]
"""Names a row, by its number in an array."""

LARGE = 1 << 20
"""The elements beyond which a copy is worth asking how much memory there is."""


def merge(feeds: Feeds, named: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that a call feeds, in a mapping and by keyword."""
    return {**(feeds or {}), **named}


def verify_names(fed: Iterable[str], inputs: Mapping[str, TensorType]) -> None:
    """Raise `DataError` if something is fed that is no input."""
    for name in fed:
        if name not in inputs:
            known = ", ".join(inputs) or "none"
            help = did_you_mean(str(name), inputs) or (f"the inputs are: {known}",)
            raise refusal("E0601", f"the model has no input '{name}'", *help)


def verify_all_fed(fed: Mapping[str, Any], wanted: Mapping[str, TensorType]) -> None:
    """Raise `DataError` if an input of `wanted` is not fed."""
    missing = [name for name in wanted if name not in fed]
    if missing:
        types = ", ".join(f"{name}: {wanted[name]}" for name in missing)
        plural = "s are" if len(missing) > 1 else " is"
        raise refusal("E0602", f"the input{plural} not fed: {', '.join(missing)}", f"feed {types}")


def as_array(name: str, value: Any, type: TensorType, place: Place | None = None) -> Array:
    """`value` as an array of the input's elements in C order; raises `DataError`.

    `place` names a row, counted along the first axis, for the message.
    """
    return convert(name, read(name, value), type, place)


def read(name: str, value: Any) -> Array:
    """`value` as an array of whatever elements; raises `DataError`."""
    if np.ma.is_masked(value):
        help = "fill it: array.filled(0), and feed the mask as an input of its own"
        raise refusal("E0606", f"input '{name}' was fed a masked array", help)
    try:
        return np.asarray(value)
    except ValueError as bad:
        depth = "maximum" in str(bad)
        what = "it has more axes than arrays can have" if depth else "the rows differ in length"
        help = "pad the short rows, or feed them one by one"
        raise refusal("E0603", f"input '{name}': {what}", *(() if depth else (help,))) from None
    except Exception as bad:  # what a user's own class raises when asked for an array
        help = "feed what NumPy takes for one: numbers, lists of numbers, np.ndarray"
        raise refusal("E0603", f"input '{name}' is no array: {bad}", help) from None


def convert(name: str, array: Array, type: TensorType, place: Place | None = None) -> Array:
    """An array with the input's elements in C order, copied only if it has others; raises
    `DataError` as `as_array` does."""
    if array.size > LARGE:
        _verify_room(name, array, type.dtype)
    array = _converted(name, array, type.dtype, place)
    return np.ascontiguousarray(array) if array.ndim else array


def bind_sizes(arrays: Mapping[str, Array], inputs: Mapping[str, TensorType]) -> dict[str, int]:
    """The symbols' values, from the shapes of what is fed; raises `DataError` on a conflict."""
    binding: dict[str, int] = {}
    origin: dict[str, str] = {}
    for name, array in arrays.items():
        shape = inputs[name].shape
        if array.ndim != len(shape):
            raise _shape_refusal(name, array, inputs[name])
        for size, found in zip(shape, array.shape, strict=True):
            symbol = _symbol(size)
            if symbol is not None and binding.setdefault(symbol, found) != found:
                raise refusal(
                    "E0605",
                    f"input '{name}': {symbol} is {found} here and {binding[symbol]} in "
                    f"'{origin[symbol]}'",
                    f"'{name}' is declared {inputs[name]} and has the shape {list(array.shape)}",
                )
            if symbol is not None:
                origin.setdefault(symbol, name)
    for name, array in arrays.items():
        for size, found in zip(inputs[name].shape, array.shape, strict=True):
            if symbols(size) <= binding.keys() and evaluate(size, binding) != found:
                raise _shape_refusal(name, array, inputs[name])
    return binding


def refusal(code: str, message: str, *help: str) -> DataError:
    """An error that something fed or read is at fault for."""
    return DataError(Diagnostic(code, message, (), tuple(help)))


def _shape_refusal(name: str, array: Array, type: TensorType) -> DataError:
    return refusal(
        "E0604",
        f"input '{name}' is declared {type} and was fed an array of shape {list(array.shape)}",
        f"feed {_wanted(type)}",
    )


def _wanted(type: TensorType) -> str:
    return f"an array of shape [{', '.join(map(str, type.shape))}]" if type.shape else "a number"


def _symbol(size: object) -> str | None:
    """The name of a size that is one symbol and nothing else."""
    if isinstance(size, Poly) and len(size.terms) == 1:
        monomial, coefficient = size.terms[0]
        if coefficient == 1 and len(monomial) == 1:
            atom, power = monomial[0]
            return atom if isinstance(atom, str) and power == 1 else None
    return None


def _verify_room(name: str, array: Array, dtype: DType) -> None:
    """Raise `DataError` where a copy is needed, and larger than the machine's memory."""
    if array.dtype == dtype.numpy and array.flags.c_contiguous:
        return
    nbytes = array.size * dtype.numpy.itemsize
    if said := find_lack(nbytes):
        message = f"input '{name}' takes {nbytes:,} bytes as {dtype}; {said}"
        raise refusal("E0802", message, "feed fewer rows at a time")


def _converted(name: str, array: Array, dtype: DType, place: Place | None) -> Array:
    wanted = dtype.numpy
    if array.dtype == wanted:
        return array
    kind = array.dtype.kind
    if kind not in "biuf" or (dtype is DType.bool and kind != "b"):
        found, help = _KINDS.get(kind, (f"elements of type {array.dtype}", _COMPARE))
        raise refusal("E0606", f"input '{name}' is declared {dtype} and was fed {found}", help)
    if wanted.kind == "f":
        with np.errstate(over="ignore"):  # beyond f32 is inf, as everywhere
            return array.astype(wanted)
    if kind == "f":
        _verify_whole(name, array, dtype, place)
    _verify_range(name, array, dtype, place)
    return array.astype(wanted)


_WHOLE = "whole numbers may be fed as floats: round the others, or declare the input a float"
_COMPARE = "compare first: mask != 0"
_NUMBER = "number them first; in a data block, category(column) does"
_KINDS = {
    "U": ("strings", _NUMBER),
    "T": ("strings", _NUMBER),
    "S": ("byte strings", _NUMBER),
    "O": ("Python objects", "make numbers of them: np.asarray(values, dtype=np.float32)"),
    "c": ("complex numbers", "feed their real and imaginary parts as two inputs"),
    "M": ("dates", "feed numbers: days = (dates - dates[0]) / np.timedelta64(1, 'D')"),
    "m": ("spans of time", "feed numbers: days = spans / np.timedelta64(1, 'D')"),
    "V": ("records", "feed one field: records['x']"),
}
"""What elements of a kind that no input takes are, and what to do about them."""


def _verify_whole(name: str, array: Array, dtype: DType, place: Place | None) -> None:
    bad = ~np.isfinite(array) | (np.trunc(array) != array)
    if bad.any():
        found = _found(array, bad, place)
        message = f"input '{name}' is declared {dtype} and was fed {found}"
        raise refusal("E0606", message, _WHOLE)


def _verify_range(name: str, array: Array, dtype: DType, place: Place | None) -> None:
    bits = 8 * dtype.numpy.itemsize - 1
    edge = 1 << bits
    # as Python's numbers, which compare exactly: beside 2^63 NumPy rounds an i64, and f16 overflows
    if array.size and not -edge <= array.min().item() <= array.max().item() < edge:
        found = _found(array, (array >= edge) | (array < -edge), place)
        message = f"input '{name}' is declared {dtype} and was fed {found}"
        help = f"{dtype} holds whole numbers of {bits} bits"
        raise refusal("E0606", message, f"{help}: declare it i64" if bits < 63 else help)


def _found(array: Array, bad: Array, place: Place | None) -> str:
    """The first bad element and where it stands."""
    at = tuple(int(i) for i in np.argwhere(bad)[0])
    row = f": {place(at[0])}" if place is not None and at else ""
    return f"{array[at]!s} at {list(at)}{row}"
