"""Where variables are stored: parameters, gradients and optimizer states in flat arrays.

Trained parameters come first, grouped by their settings, so that an elementwise optimizer rule
runs once a group; frozen ones follow. Each tensor begins at a multiple of 64 bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from graphdsl.graph.graph import Graph, Variable
from graphdsl.graph.types import DType

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""

Settings = tuple[tuple[str, float], ...]
"""Factors of the optimizer's arguments by name."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor lies in its flat array; offsets count elements."""

    name: str
    dtype: DType
    shape: tuple[int, ...]
    offset: int

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Group:
    """Trained parameters of one element type and the same settings: a stretch of the array."""

    dtype: DType
    settings: Settings
    start: int
    stop: int
    members: tuple[str, ...]

    @property
    def size(self) -> int:
        """The number of elements, the gaps between tensors among them."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of parameters and states and the sizes of the flat arrays that hold them."""

    params: dict[str, Place]
    states: dict[str, Place]
    groups: tuple[Group, ...]
    param_sizes: dict[DType, int]
    state_sizes: dict[DType, int]


def lay_out(graph: Graph, settings: Mapping[str, Settings] | None = None) -> Layout:
    """The layout of a graph's parameters and states.

    It depends on their declarations alone, and on `settings` by name where a file gives some
    besides those that are declared.
    """
    nodes = graph.nodes
    chosen = {v.name: v.settings for v in graph.params} | dict(settings or {})
    dtypes = list(dict.fromkeys(nodes[v.node].type.dtype for v in graph.params))
    params: dict[str, Place] = {}
    groups: list[Group] = []
    param_sizes: dict[DType, int] = {}
    for dtype in dtypes:
        own = [v for v in graph.params if nodes[v.node].type.dtype is dtype]
        offset = 0
        for shared in dict.fromkeys(chosen[v.name] for v in own if not v.frozen):
            members = [v for v in own if chosen[v.name] == shared and not v.frozen]
            start = offset
            offset = _place(graph, members, dtype, offset, params)
            names = tuple(v.name for v in members)
            groups.append(Group(dtype, shared, start, offset, names))
        param_sizes[dtype] = _place(graph, [v for v in own if v.frozen], dtype, offset, params)
    states: dict[str, Place] = {}
    state_sizes: dict[DType, int] = {}
    for dtype in dict.fromkeys(nodes[v.node].type.dtype for v in graph.states):
        own = [v for v in graph.states if nodes[v.node].type.dtype is dtype]
        state_sizes[dtype] = _place(graph, own, dtype, 0, states)
    return Layout(params, states, tuple(groups), param_sizes, state_sizes)


def regroup(layout: Layout, settings: Mapping[str, Settings]) -> Layout:
    """The layout with other settings, every tensor where it was: a group is a run of neighbours
    that have the same."""
    runs = [
        _group(layout, group.dtype, shared, tuple(members))
        for group in layout.groups
        for shared, members in groupby(group.members, key=lambda name: settings[name])
    ]
    return replace(layout, groups=tuple(runs))


def _group(layout: Layout, dtype: DType, settings: Settings, members: tuple[str, ...]) -> Group:
    first, last = layout.params[members[0]], layout.params[members[-1]]
    stop = last.offset + aligned(last.size, dtype)
    return Group(dtype, settings, first.offset, stop, members)


def aligned(elements: int, dtype: DType) -> int:
    """The number of elements rounded up to whole cache lines."""
    line = ALIGNMENT // dtype.numpy.itemsize
    return -(-elements // line) * line


def _place(
    graph: Graph,
    variables: Iterable[Variable],
    dtype: DType,
    offset: int,
    places: dict[str, Place],
) -> int:
    for variable in variables:
        shape = _fixed(graph.nodes[variable.node].type.shape)
        places[variable.name] = Place(variable.name, dtype, shape, offset)
        offset += aligned(math.prod(shape), dtype)
    return offset


def _fixed(shape: Sequence[object]) -> tuple[int, ...]:
    assert all(isinstance(size, int) for size in shape)
    return tuple(size for size in shape if isinstance(size, int))
