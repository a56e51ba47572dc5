"""What the kernels of a compiled segment are given, in a model's memory.

A segment comes in; an `Attachment` goes out, which gives the segment's state at the arrays of a
program. It is a few flat tables: the plan that they are made of is let go.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from types import ModuleType

import numpy as np

from graphdsl.engines.numba import library
from graphdsl.engines.numba.calls import MULTIPLY, Call
from graphdsl.engines.numba.program import Plan, Segment
from graphdsl.engines.numba.runner import (
    CLOCK,
    CODE,
    COUNT,
    FLUSHING,
    INPUTS,
    PATCH_COUNT,
    PATCHES,
    THREADS,
)
from graphdsl.graph.kernel import Array

UNSET = "WIDTH, MASKED, ONE = 1, True, np.float32(1)"
"""The line of `tiles.py` that is set for each kind of tiles."""


@dataclass(frozen=True, slots=True, eq=False)
class Attachment:
    """A segment's state and all that it points to; what is missing are the addresses of arrays.

    Tables have three columns: `of_roots` has where such an address goes, the place among the
    arguments, the array's number among the roots, and a byte in it.
    """

    state: Array
    arguments: Array
    code: Array
    patches: Array
    of_roots: Array
    roots: tuple[str, ...]

    def __call__(self, names: Mapping[str, Array]) -> Array:
        """The state of the segment at the arrays that a program's names stand for."""
        starts = np.array([names[root].ctypes.data for root in self.roots], np.int64)
        places, numbers, bytes = self.of_roots.T
        self.arguments[places] = starts[numbers] + bytes
        return self.state


def attach(segment: Segment, plan: Plan, module: ModuleType) -> Attachment:
    """The attachment of a segment whose kernels are in a module."""
    calls = segment.calls
    state = np.zeros(INPUTS + len(plan.inputs), np.int64)
    *starts, count = accumulate((len(call.arguments) for call in calls), initial=0)
    arguments = np.zeros(count + 1, np.int64)
    code = array("q")
    for call, start in zip(calls, starts, strict=True):
        code.extend((_address(call, module), _address_in(arguments, start), call.divided))
    tables = _fill(arguments, calls, plan.inputs, state)
    made = Attachment(state, arguments, _table(code), *tables)
    state[CODE], state[COUNT] = made.code.ctypes.data, len(made.code)
    state[PATCHES], state[PATCH_COUNT] = made.patches.ctypes.data, len(made.patches)
    state[THREADS], state[FLUSHING] = plan.threads, plan.flushing
    return made


def _fill(
    arguments: Array, calls: Sequence[Call], inputs: Sequence[str], state: Array
) -> tuple[Array, Array, tuple[str, ...]]:
    """Write what is known of the calls' arguments; the tables of the places that addresses of fed
    arrays and of roots go to, and these roots."""
    patches, of_roots = array("q"), array("q")
    roots: dict[str, int] = {}
    given = ((call, argument) for call in calls for argument in call.arguments)
    for place, (call, argument) in enumerate(given):
        if isinstance(argument, int):
            arguments[place] = argument
        elif argument[0] == "functions":
            arguments[place] = tile_functions(call.kernel).ctypes.data
        elif argument[0] == "clock":
            arguments[place] = _address_in(state, CLOCK)
        elif argument[0] in inputs:
            fed, byte = inputs.index(argument[0]), argument[1]
            patches.extend((_address_in(arguments, place), fed, byte))
        else:
            of_roots.extend((place, roots.setdefault(argument[0], len(roots)), argument[1]))
    return _table(patches), _table(of_roots), tuple(roots)


def _address_in(words: Array, number: int) -> int:
    """The address of one of an array's int64."""
    address: int = words.ctypes.data + words.itemsize * number
    return address


def _table(numbers: array[int]) -> Array:
    """Three columns of numbers, row by row."""
    return np.array(numbers, np.int64).reshape(-1, 3)


@cache
def tile_functions(kernel: str) -> Array:
    """The addresses of what multiplies tiles of the product's element type, of each kind."""
    bits = kernel.removeprefix(f"{MULTIPLY}f")
    text = library.read("tiles.py")
    kinds = library.load_file("products.py").KINDS
    found = []
    for width, masked in kinds:
        setting = f"WIDTH, MASKED, ONE = {width}, {masked}, np.float{bits}(1)"
        found.append(library.load(text.replace(UNSET, setting)).multiply_rows.address)
    return np.array(found)


def _address(call: Call, module: ModuleType) -> int:
    product = call.kernel.startswith(MULTIPLY)
    where = library.load_file("products.py") if product else module
    address: int = getattr(where, call.kernel).address
    return address
