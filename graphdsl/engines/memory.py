"""The arrays a model owns: parameters, gradients, states, and the arena its programs share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from graphdsl.compiler.slots import Slot, Units
from graphdsl.engines.feeds import refusal
from graphdsl.engines.late_rows import Arrivals
from graphdsl.engines.machine import find_lack
from graphdsl.engines.workers import Workers, count_cores
from graphdsl.graph.flat_arrays import Kind, flat_array, is_kind, own_name, type_of
from graphdsl.graph.graph import Variable
from graphdsl.graph.kernel import Array
from graphdsl.graph.layout import ALIGNMENT, Layout, Place
from graphdsl.graph.types import DType
from graphdsl.language.diagnostics import did_you_mean
from graphdsl.ops.initial import INITIALIZERS, Initializer
from graphdsl.ops.runtime import stream_key

FEWER_ROWS = "fewer rows at once need less: feed a smaller batch"

LARGE = 2**26
"""Bytes beyond which what is drawn or handed out is asked room for: that takes half a millisecond,
and to fill them many."""


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
    """Flat arrays by name, as `graph.flat_arrays` spells it, and views of them."""

    def __init__(self, layout: Layout, seed: int = 0) -> None:
        _check_fits(layout)
        self.layout = layout
        self.seed = seed
        self.arrays: dict[str, Array] = {}
        for dtype, size in layout.param_sizes.items():
            self.arrays[flat_array("param", dtype)] = aligned_zeros(size, dtype)
        for dtype, size in layout.state_sizes.items():
            self.arrays[flat_array("state", dtype)] = aligned_zeros(size, dtype)
        self.units: dict[str, Units] = {}
        self.parts: dict[str, Array] = {}
        self.arena: Array = np.zeros(0, np.uint8)
        self.params = Views(self._views("param", layout.params))
        self.states = Views(self._views("state", layout.states))
        self.workers = Workers(count_cores())
        self.arrivals = Arrivals()
        self.fresh: dict[str, int] = {}
        """The bytes of what no program has run with since it was made: nobody wrote to them yet."""
        self._owners = {id(array.base) for array in self.arrays.values()}

    def initialise(self, variables: Iterable[Variable], seed: int) -> None:
        """Set parameters and states to their initial values, but for those that are computed;
        raises `DataError` where there is no room to draw them."""
        for variable in variables:
            target = self.params.get(variable.name)
            target = self.states[variable.name] if target is None else target
            if variable.init.draw is not None:
                self._check_draw(variable.name, INITIALIZERS[variable.init.draw], target.size)
            _fill(target, variable, seed)

    def owns(self, array: Array) -> bool:
        """Whether an array is a view of a parameter or a state, which a program may write."""
        return array.base is not None and id(array.base) in self._owners

    def array(self, name: str) -> Array:
        """A flat array by name; gradients are made when they are first asked for."""
        if name not in self.arrays and is_kind(name, "grad"):
            dtype = type_of(name)
            size = self.layout.param_sizes[dtype]
            self.check_room("the gradients take", size * dtype.numpy.itemsize)
            self.arrays[name] = array = aligned_zeros(size, dtype)
            self.fresh[name] = array.nbytes
        return self.arrays[name]

    def part(self, name: str, size: int) -> Array:
        """The flat array of what one worker's rows add to sums, at least `size` long;
        raises `DataError` where the machine has no room for it."""
        known = self.parts.get(name)
        if known is None or known.size < size:
            dtype = type_of(name)
            self.check_room("the workers' gradients take", size * dtype.numpy.itemsize)
            self.parts[name] = known = aligned_zeros(size, dtype)
            self.fresh[name] = known.nbytes
        return known

    def add_slots(self, slots: Iterable[Slot]) -> None:
        """Make room for those optimizer states that have none yet, at their first values; raises
        `DataError` where the machine has none for all of them."""
        missing = self.missing_slots(slots)
        nbytes = sum(slot.nbytes for slot in missing)
        self.check_room("the optimizer's states take", nbytes)
        for slot in missing:
            self.arrays[flat_array("slot", slot.name)] = array = aligned_zeros(
                slot.size, slot.dtype
            )
            array.fill(slot.value)
            self.units[slot.name] = slot.units

    def missing_slots(self, slots: Iterable[Slot]) -> list[Slot]:
        """Those optimizer states that have no room yet."""
        return [slot for slot in slots if flat_array("slot", slot.name) not in self.arrays]

    def forget_slots(self) -> None:
        """Drop every optimizer state: another trainer has others."""
        for name, _ in list(self.slots()):
            del self.arrays[flat_array("slot", name)]
        self.units.clear()

    def slots(self) -> Iterator[tuple[str, Array]]:
        """The optimizer states by name, flat."""
        for name, array in self.arrays.items():
            if is_kind(name, "slot"):
                yield own_name(name), array

    def gradients(self) -> dict[str, Array]:
        """Views of the gradients by parameter."""
        return dict(self._views("grad", self.layout.params))

    def reserve(self, nbytes: int) -> Array:
        """The arena, at least `nbytes` large; what it held before is lost if it grows. Raises
        `DataError` where the machine has no room for it."""
        if self.arena.nbytes < nbytes:
            self.drop_arena()
            self.check_room("what is computed at once takes", nbytes, FEWER_ROWS)
            raw = np.empty(nbytes + ALIGNMENT, np.uint8)
            start = -raw.ctypes.data % ALIGNMENT
            self.arena = raw[start : start + nbytes]
            self.fresh["arena"] = nbytes
        return self.arena

    def drop_arena(self) -> None:
        """Let go of the arena: programs that look for it ask for it again."""
        self.arena = np.zeros(0, np.uint8)
        self.fresh.pop("arena", None)

    def check_room(self, what: str, nbytes: int, *help: str) -> None:
        """Raise `DataError` for what the machine cannot hold beside what is held, before it is
        allocated."""
        kept = (*self.arrays.values(), *self.parts.values())
        held = self.arena.nbytes + sum(array.nbytes for array in kept)
        if said := find_lack(nbytes, held, sum(self.fresh.values())):
            beside = f" beside {held:,} that the model has" if held else ""
            raise refusal("E0802", f"{what} {nbytes:,} bytes{beside}; {said}", *help)

    def _check_draw(self, name: str, initializer: Initializer, size: int) -> None:
        nbytes = initializer.arrays * size * DType.f64.numpy.itemsize
        if nbytes > LARGE:
            self.check_room(f"to draw {name} takes", nbytes)

    def _views(self, kind: Kind, places: Mapping[str, Place]) -> dict[str, Array]:
        flat = {p.dtype: self.array(flat_array(kind, p.dtype)) for p in places.values()}
        return {name: cut(flat[p.dtype], p) for name, p in places.items()}


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
