"""A program's text as a function, its names pointed at a model's memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from graphdsl.compiler.schedule import Schedule
from graphdsl.engines.memory import Memory, stretch
from graphdsl.engines.workers import row_blocks
from graphdsl.graph.flat_arrays import is_part
from graphdsl.graph.kernel import Array
from graphdsl.graph.layout import ALIGNMENT
from graphdsl.ops import runtime, scalars

Run = Callable[..., tuple[Any, ...]]
"""A program, as a function of its inputs, `t`, `epoch` and `total_steps`."""


class Loaded:
    """One program: `run` is its function once `place` has said where its arrays are; `names` has
    what its names stand for."""

    def __init__(
        self, source: str, schedule: Schedule, memory: Memory, names: Mapping[str, Any]
    ) -> None:
        self.schedule = schedule
        self._memory = memory
        self.names: dict[str, Any] = {**vars(scalars), **vars(runtime)}
        self.names |= {"row_blocks": row_blocks, "share": memory.workers.share}
        self.names |= {"side_by_side": memory.workers.side_by_side}
        self.names |= {**names, **schedule.constants}
        for name, qualified in schedule.streams.items():
            self.names[name] = runtime.Stream(memory.seed, qualified)
        for name, dtype in schedule.cells.items():
            self.names[name] = np.zeros((), dtype.numpy)
        exec(compile(source, "<graphdsl program>", "exec"), self.names)
        self.run: Run = self.names["run"]

    def place(self, arena: Array, parts: Mapping[str, Array]) -> None:
        """Point the names at the arena, at flat arrays of the model and at `parts`, those that
        workers write."""
        for name, slot in self.schedule.slots.items():
            raw = arena[slot.offset : slot.offset + slot.type.nbytes]
            self.names[name] = raw.view(slot.type.dtype.numpy).reshape(slot.type.shape)
        for name, region in self.schedule.regions.items():
            part = parts.get(region.array)
            flat = self._memory.array(region.array) if part is None else part
            self.names[name] = stretch(flat, region.offset, region.type.shape)
        self.names["bind"]()


def find_parts(schedule: Schedule, memory: Memory) -> dict[str, Array]:
    """The flat arrays that the workers of a schedule write, by name."""
    return {name: memory.part(name, size) for name, size in part_sizes(schedule).items()}


def part_sizes(schedule: Schedule) -> dict[str, int]:
    """How many elements the flat arrays need that the workers of a schedule write, by name."""
    ends: dict[str, int] = {}
    for region in schedule.regions.values():
        if is_part(region.array):
            end = region.offset + region.type.size
            ends[region.array] = max(end, ends.get(region.array, 0))
    return ends


def stretches(workers: Sequence[Schedule]) -> list[int]:
    """Where in the arena each worker's stretch begins; behind the last one, where all end."""
    rooms = [-(-one.arena_bytes // ALIGNMENT) * ALIGNMENT for one in workers]
    return [0, *accumulate(rooms)]
