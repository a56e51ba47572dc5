"""The arrays a model owns: parameters, gradients, states, and the arena its programs share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from graphdsl.compiler.slots import Units
from graphdsl.engines.feeds import refusal
from graphdsl.engines.machine import find_lack
from graphdsl.engines.workers import Workers, count_cores
from graphdsl.graph.graph import Variable
from graphdsl.graph.kernel import Array
from graphdsl.graph.layout import ALIGNMENT, Layout, Place
from graphdsl.graph.types import DType
from graphdsl.language.diagnostics import did_you_mean
from graphdsl.ops.initial import INITIALIZERS
from graphdsl.ops.runtime import stream_key

FEWER_ROWS = "fewer rows at once need less: feed a smaller batch"


def aligned_zeros(count: int, dtype: DType) -> Array:
    """A flat array of zeros that begins at a cache line."""
    itemsize = dtype.numpy.itemsize
    raw = np.zeros(count * itemsize + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + count * itemsize].view(dtype.numpy)


class Views(Mapping[str, Array]):
    """Named live views: what is assigned to a name is written into its array."""

    def __init__(self, views: Mapping[str, Array]) -> None:
        self._views = dict(views)

    def __getitem__(self, name: str) -> Array:
        return self._views[name]

    def __setitem__(self, name: str, value: Any) -> None:
        """Write a value of the view's shape; raises `DataError` where it has another."""
        if name not in self._views:
            raise refusal("E0601", f"the model stores no '{name}'", *did_you_mean(name, self))
        view = self._views[name]
        if np.shape(value) != view.shape:
            message = f"'{name}' has the shape {list(view.shape)}, not {list(np.shape(value))}"
            raise refusal("E0604", message)
        view[...] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        return repr(self._views)


class Memory:
    """Flat arrays by name: `param_f32`, `grad_f32`, `state_f32`, `slot_m.f32`, …"""

    def __init__(self, layout: Layout, seed: int = 0) -> None:
        _check_fits(layout)
        self.layout = layout
        self.seed = seed
        self.arrays: dict[str, Array] = {}
        for dtype, size in layout.param_sizes.items():
            self.arrays[f"param_{dtype}"] = aligned_zeros(size, dtype)
        for dtype, size in layout.state_sizes.items():
            self.arrays[f"state_{dtype}"] = aligned_zeros(size, dtype)
        self.units: dict[str, Units] = {}
        self.parts: dict[str, Array] = {}
        self.arena: Array = np.zeros(0, np.uint8)
        self.params = Views(self._views("param", layout.params))
        self.states = Views(self._views("state", layout.states))
        self.workers = Workers(count_cores())
        self._owners = {id(array.base) for array in self.arrays.values()}

    def initialise(self, variables: Iterable[Variable], seed: int) -> None:
        """Set parameters and states to their initial values, but for those that are computed."""
        for variable in variables:
            target = self.params.get(variable.name)
            _fill(self.states[variable.name] if target is None else target, variable, seed)

    def owns(self, array: Array) -> bool:
        """Whether an array is a view of a parameter or a state, which a program may write."""
        return array.base is not None and id(array.base) in self._owners

    def array(self, name: str) -> Array:
        """A flat array by name; gradients are made when they are first asked for."""
        if name not in self.arrays and name.startswith("grad_"):
            dtype = DType[name.removeprefix("grad_")]
            size = self.layout.param_sizes[dtype]
            self.check_room("the gradients take", size * dtype.numpy.itemsize)
            self.arrays[name] = aligned_zeros(size, dtype)
        return self.arrays[name]

    def part(self, name: str, size: int) -> Array:
        """The flat array of what one worker's rows add to sums, `part0_f32`, at least `size`
        long; raises `DataError` where the machine has no room for it."""
        known = self.parts.get(name)
        if known is None or known.size < size:
            dtype = DType[name.rpartition("_")[2]]
            self.check_room("the workers' gradients take", size * dtype.numpy.itemsize)
            self.parts[name] = known = aligned_zeros(size, dtype)
        return known

    def add_slot(
        self,
        name: str,
        dtype: DType,
        size: int,
        value: float,
        units: Units = (),
    ) -> None:
        """Make room for an optimizer state, at its first value, measured in `units` where it has
        them; raises `DataError` where the machine has none."""
        self.check_room(f"the optimizer's state {name} takes", size * dtype.numpy.itemsize)
        array = aligned_zeros(size, dtype)
        array.fill(value)
        self.arrays[f"slot_{name}"] = array
        self.units[name] = units

    def forget_slots(self) -> None:
        """Drop every optimizer state: another trainer has others."""
        for name in [name for name in self.arrays if name.startswith("slot_")]:
            del self.arrays[name]
        self.units.clear()

    def slots(self) -> Iterator[tuple[str, Array]]:
        """The optimizer states by name, flat."""
        for name, array in self.arrays.items():
            if name.startswith("slot_"):
                yield name.removeprefix("slot_"), array

    def gradients(self) -> dict[str, Array]:
        """Views of the gradients by parameter."""
        return dict(self._views("grad", self.layout.params))

    def reserve(self, nbytes: int) -> Array:
        """The arena, at least `nbytes` large; what it held before is lost if it grows. Raises
        `DataError` where the machine has no room for it."""
        if self.arena.nbytes < nbytes:
            self.arena = np.zeros(0, np.uint8)  # programs that look for it ask for it again
            self.check_room("what is computed at once takes", nbytes, FEWER_ROWS)
            raw = np.empty(nbytes + ALIGNMENT, np.uint8)
            start = -raw.ctypes.data % ALIGNMENT
            self.arena = raw[start : start + nbytes]
        return self.arena

    def check_room(self, what: str, nbytes: int, *help: str) -> None:
        """Raise `DataError` for what the machine cannot hold beside what is held, before it is
        allocated."""
        kept = (*self.arrays.values(), *self.parts.values())
        held = self.arena.nbytes + sum(array.nbytes for array in kept)
        if said := find_lack(nbytes, held):
            beside = f" beside {held:,} that the model has" if held else ""
            raise refusal("E0802", f"{what} {nbytes:,} bytes{beside}; {said}", *help)

    def _views(self, kind: str, places: Mapping[str, Place]) -> dict[str, Array]:
        return {name: cut(self.array(f"{kind}_{p.dtype}"), p) for name, p in places.items()}


def _check_fits(layout: Layout) -> None:
    """Refuse parameters and states that the machine cannot hold, before anything is allocated."""
    places = [*layout.params.values(), *layout.states.values()]
    total = sum(place.size * place.dtype.numpy.itemsize for place in places)
    if said := find_lack(total):
        largest = max(places, key=lambda place: place.size)
        message = f"parameters take {total:,} bytes; {said}"
        raise refusal("E0802", message, f"the largest is '{largest.name}': {list(largest.shape)}")


@np.errstate(over="ignore", invalid="ignore")  # beyond a float is inf, as everywhere
def _fill(target: Array, variable: Variable, seed: int) -> None:
    init = variable.init
    if init.draw is not None:
        initializer = INITIALIZERS[init.draw]
        stream = np.random.Generator(np.random.Philox(key=stream_key(seed, variable.name)))
        target[...] = initializer.draw(stream, target.shape, *init.args)
    elif init.fill is None:
        target[...] = np.asarray(init.value).reshape(np.shape(init.value))


def cut(flat: Array, place: Place) -> Array:
    """The view of one tensor in its flat array."""
    return stretch(flat, place.offset, place.shape)


def stretch(flat: Array, offset: int, shape: Sequence[int]) -> Array:
    """`math.prod(shape)` elements of a flat array from `offset` on, in that shape."""
    return flat[offset : offset + math.prod(shape)].reshape(tuple(shape))
