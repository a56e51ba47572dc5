"""What an exported file holds besides its programs: memory, feeding, the choice of a program.

The definitions here are copied into the file as they stand (see `borrowed`), so that they may use
nothing but Python, NumPy and one another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int, ...]


def zeros_at_line(count: int, dtype: str, value: float = 0) -> Array:
    """A flat array that begins at a cache line: vector code may sum in another order elsewhere."""
    itemsize = np.dtype(dtype).itemsize
    raw = np.empty(count * itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    made = raw[start : start + count * itemsize].view(dtype)
    made.fill(value)
    return made


def cut(flat: Array, offset: int, *shape: int) -> Array:
    """The elements of a flat array from `offset` on, in a shape."""
    return flat[offset : offset + math.prod(shape)].reshape(shape)


def buffer(arena: Array, offset: int, dtype: str, *shape: int) -> Array:
    """The bytes of the arena from `offset` on, as an array."""
    nbytes = math.prod(shape) * np.dtype(dtype).itemsize
    return arena[offset : offset + nbytes].view(dtype).reshape(shape)


def read_arrays(name: str) -> dict[str, Array]:
    """The arrays in the file `name` beside this one."""
    with np.load(Path(__file__).with_name(name), allow_pickle=False) as found:
        return dict(found)


def fill(tensors: Mapping[str, Array], values: Mapping[str, Any]) -> None:
    """Set tensors by name; raises `ValueError` where a value has another shape."""
    for name, tensor in tensors.items():
        value = np.asarray(values[name])
        if value.shape != tensor.shape:
            message = f"'{name}' has the shape {list(tensor.shape)}, not {list(value.shape)}"
            raise ValueError(f"{message}: these are the arrays of another model")
        tensor[...] = value


def side_by_side(calls: Sequence[tuple[Any, ...]]) -> None:
    """Call functions, each given with its arguments behind it. What they write is apart: one
    after the other they find what they would at once."""
    for function, *arguments in calls:
        function(*arguments)


class Program:
    """A program for one binding of the sizes, loaded when it is first called."""

    def __init__(
        self,
        load: Callable[[], Callable[..., tuple[Any, ...]]],
        inputs: Mapping[str, Shape],
        results: Mapping[str, tuple[str, Shape]],
    ) -> None:
        self.load = load
        self.inputs = inputs
        self.results = results
        self._run: Callable[..., tuple[Any, ...]] | None = None

    def __call__(self, arrays: Mapping[str, Array], *clock: float) -> dict[str, Array]:
        """The results by name, as arrays of the caller's own."""
        if self._run is None:
            self._run = self.load()
        with np.errstate(all="ignore"):
            values = self._run(*(arrays[name] for name in self.inputs), *clock)
        kinds = self.results.items()
        return {
            name: np.array(value, dtype).reshape(shape)
            for (name, (dtype, shape)), value in zip(kinds, values, strict=True)
        }


def choose(
    programs: Sequence[Program],
    dtypes: Mapping[str, str],
    owned: Mapping[str, Array],
    fed: Mapping[str, Any],
) -> tuple[Program, dict[str, Array]]:
    """The program for the shapes of what is fed, and that as arrays.

    Raises `ValueError` for an input that is unknown, missing, masked or of a type that would lose
    something, and for shapes that no program is for.
    """
    for name in fed:
        if name not in dtypes:
            raise ValueError(f"there is no input '{name}'; the inputs are: {', '.join(dtypes)}")
    missing = [name for name in programs[0].inputs if name not in fed]
    if missing:
        raise ValueError(f"not fed: {', '.join(missing)}")
    for name in programs[0].inputs:
        if np.ma.is_masked(fed[name]):
            raise ValueError(f"input '{name}' was fed a masked array: array.filled(0) fills it")
    given = {name: np.asarray(fed[name]) for name in programs[0].inputs}
    for program in programs:
        if all(array.shape == program.inputs[name] for name, array in given.items()):
            arrays = {name: as_elements(name, array, dtypes[name]) for name, array in given.items()}
            return program, {name: apart(array, owned) for name, array in arrays.items()}
    raise ValueError(misfit(programs, given))


def apart(array: Array, owned: Mapping[str, Array]) -> Array:
    """The array, copied if a step may write it: that must not change what the step reads."""
    shared = any(np.may_share_memory(array, other) for other in owned.values())
    return array.copy() if shared else array


def misfit(programs: Sequence[Program], arrays: Mapping[str, Array]) -> str:
    """Why no program fits: what was fed, and what each is for."""

    def told(shapes: Mapping[str, Shape]) -> str:
        return ", ".join(f"{name}: {list(shape)}" for name, shape in shapes.items())

    known = "; ".join(told(program.inputs) for program in programs)
    fed = told({name: array.shape for name, array in arrays.items()})
    return f"fed {fed}; this file is for {known}: export it for other sizes too"


def as_elements(name: str, value: Any, dtype: str) -> Array:
    """`value` in C order with these elements; raises `ValueError` if that would lose something."""
    array, wanted = np.asarray(value), np.dtype(dtype)
    if array.dtype != wanted:
        kind = array.dtype.kind
        if kind not in "biuf" or (wanted.kind == "b" and kind != "b"):
            raise ValueError(f"input '{name}' is {wanted}, and was fed {array.dtype}")
        with np.errstate(all="ignore"):
            made = array.astype(wanted)
        # beyond f32 is inf, as everywhere; what is no whole number, or too large, is not converted
        if wanted.kind != "f" and not np.array_equal(made, array):
            raise ValueError(f"input '{name}' is {wanted}: a value is not whole or does not fit")
        array = made
    return np.ascontiguousarray(array) if array.ndim else array
