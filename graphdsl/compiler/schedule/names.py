"""The variables of a program besides its buffers: constants, cells, views and their strides."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from graphdsl.compiler.schedule.stand_ins import StandIns, view_of
from graphdsl.graph.kernel import Array, ArrayType, KernelCall
from graphdsl.graph.types import DType

Fed = list[tuple[str, str]]
"""(variable, expression) of views that are made at each call, because their base is fed."""


class Names:
    """Hands out variables and remembers what they stand for.

    `types` has the types of variables that are handed out elsewhere, but for those of `call`, the
    kernel that is being planned.
    """

    def __init__(self) -> None:
        self.types: dict[str, ArrayType] = {}
        self.call: KernelCall | None = None
        self.constants: dict[str, Array] = {}
        self.cells: dict[str, DType] = {}
        self.streams: dict[str, str] = {}
        self.made_once: list[tuple[str, str]] = []
        self._constant_names: dict[object, str] = {}
        self._views: dict[tuple[str, str], str] = {}
        self._roots: dict[str, str] = {}
        self._made_each_call: dict[str, tuple[str, str]] = {}
        self._made = StandIns()
        self._stand_ins: dict[str, Array] = {}

    def constant(self, array: Array) -> str:
        """The variable of an array that never changes; equal ones share it."""
        content = blake2b(np.ascontiguousarray(array).data).digest()  # a copy could be large
        key = (array.dtype.str, array.shape, content)
        if key not in self._constant_names:
            name = f"c{len(self.constants)}"
            array.setflags(write=False)
            self._constant_names[key] = name
            self.constants[name] = array
        return self._constant_names[key]

    def cell(self, variable: str, dtype: DType) -> str:
        """The array without axes that holds an untyped scalar for kernels: they start sooner on
        an array than on a Python float."""
        name = f"k_{variable}_{dtype}"
        self.cells[name] = dtype
        return name

    def stream(self, qualified: str) -> str:
        """The variable of a node's random stream."""
        name = f"r{len(self.streams)}"
        self.streams[name] = qualified
        return name

    def view(self, name: str, suffix: str, fed: Fed) -> str:
        """The variable of a view of `name`; what has to be made with the call goes into `fed`."""
        key = (name, suffix)
        if key not in self._views:
            view = f"v{len(self._views)}"
            self._views[key] = view
            self._roots[view] = self.root(name)
            self._stand_ins[view] = view_of(self._stand_in(name), suffix)
            if self._roots[view].startswith("x"):
                self._made_each_call[view] = (name, f"{name}{suffix}")
            else:
                self.made_once.append((view, f"{name}{suffix}"))
        self._require(self._views[key], fed)
        return self._views[key]

    def root(self, name: str) -> str:
        """The variable whose memory `name` is a view of; `name` itself if it is none."""
        return self._roots.get(name, name)

    def is_contiguous(self, name: str) -> bool:
        """Whether a variable's elements stand in C order without gaps."""
        stand_in = self._stand_ins.get(name)
        return stand_in is None or stand_in.flags.c_contiguous

    def _require(self, view: str, fed: Fed) -> None:
        if view in self._made_each_call:
            base, line = self._made_each_call[view]
            self._require(base, fed)
            if (view, line) not in fed:
                fed.append((view, line))

    def _stand_in(self, name: str) -> Array:
        if name in self._stand_ins:
            return self._stand_ins[name]
        if name in self.constants:
            return self.constants[name]
        return self._made.make(self._find_type(name))

    def _find_type(self, name: str) -> ArrayType:
        if name in self.types:
            return self.types[name]
        call = self.call
        assert call is not None
        return dict([(call.out, call.out_type), *call.scratches])[name]
