"""A rewritten graph as schedules: for one binding of the sizes, for the engine that runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from graphdsl.compiler.recipe import PLAIN, Recipe
from graphdsl.compiler.schedule import Measure, Schedule, arena_bytes, plan_within
from graphdsl.compiler.slots import Slot
from graphdsl.engines import small_products
from graphdsl.engines.bands import in_bands
from graphdsl.engines.divided import in_parts
from graphdsl.engines.numpy import Program, emit
from graphdsl.engines.workers import count_cores
from graphdsl.graph.graph import Graph
from graphdsl.graph.layout import Layout
from graphdsl.graph.types import TensorType


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rewritten graph, ready to be planned for any sizes, and the states its updates need."""

    graph: Graph
    layout: Layout
    slots: tuple[Slot, ...] = ()
    recipe: Recipe = PLAIN

    @property
    def inputs(self) -> dict[str, TensorType]:
        """The inputs that the graph still reads, by name."""
        nodes = self.graph.nodes
        return {nodes[id].name or "": nodes[id].type for id in self.graph.inputs}

    def turned(self, sizes: Mapping[str, int]) -> Compiled:
        """The same to rounding, as NumPy's products are quickest on this machine."""
        return replace(self, graph=small_products.turned(self.graph, sizes))

    def plan(self, sizes: Mapping[str, int], measure: Measure = arena_bytes) -> Schedule:
        """The schedule for one binding of the sizes, as the graph stands; raises `DataError` where
        none fits, by what an engine needs of it."""
        return plan_within(self.graph, sizes, self.layout, self.recipe.memory, measure)

    def plan_blocks(self, sizes: Mapping[str, int], workers: int | None = None) -> Schedule:
        """The schedule that the NumPy engine runs: shared among workers where that pays, as many
        as there are cores unless `workers` says so, and long elementwise runs in blocks of rows."""
        workers = count_cores() if workers is None else workers
        here = self.turned(sizes)
        shared = here._shared(sizes, workers, blocks=True)
        if shared is not None:
            return shared
        whole = here.plan_for_blocks(sizes, workers)
        made = in_bands(whole, here.graph, sizes, workers)
        budget = self.recipe.memory
        return made if budget is None or made.arena_bytes <= budget else whole

    def plan_for_blocks(self, sizes: Mapping[str, int], workers: int) -> Schedule:
        """As `plan`, where it is enough that the budget holds what is left of the arena when long
        runs are in blocks of rows for so many workers."""

        def needed_bytes(schedule: Schedule, graph: Graph) -> int:
            made = in_bands(schedule, graph, sizes, workers)
            return min(schedule.arena_bytes, made.arena_bytes)

        return self.plan(sizes, needed_bytes)

    def plan_whole(self, sizes: Mapping[str, int], workers: int) -> Schedule:
        """The same as `plan_blocks`, to the bit, every statement on whole arrays."""
        here = self.turned(sizes)
        return here._shared(sizes, workers, blocks=False) or here.plan(sizes)

    def _shared(self, sizes: Mapping[str, int], workers: int, blocks: bool) -> Schedule | None:
        """The schedule for several workers, or None where one does all."""
        if self.recipe.memory is not None:
            return None  # the budget is for one program
        return in_parts(self.graph, sizes, self.layout, workers, blocks)

    def emit(self, sizes: Mapping[str, int]) -> Program:
        """The program of the NumPy engine for one binding of the sizes."""
        return emit(self.plan_blocks(sizes))
