"""What happens to gradients before an optimizer's rule sees them, and to the weights after it.

Gradients of several batches are gathered into their row-weighted mean, clipped element by element
or to a norm; weights are averaged. All of it is nodes of the update sweep, over flat arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from graphdsl.compiler.recipe import Recipe
from graphdsl.compiler.slots import Slot, SlotMaker, leaf_of
from graphdsl.graph.build import Builder, Expr, resume
from graphdsl.graph.graph import Graph, Init, Write
from graphdsl.graph.layout import Group, Layout
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import Size
from graphdsl.graph.types import DType, TensorType

# names that begin with a keyword are no state's of any rule
GATHERED = "train.gathered"
"""The sum of the gradients so far, each times its rows."""
AVERAGE = "train.average"
ROWS = Slot("train.rows", DType.i64, 1, 0)
"""The rows that were gathered since the last update."""
PASSES = Slot("train.passes", DType.i64, 1, 0)
"""The batches that were gathered since the last update."""
BATCHES = Slot("train.batches", DType.i64, 1, 0)
"""The batches of all updates: what random streams are counted by."""

_COUNT = TensorType(DType.i64)


def gather(graph: Graph, layout: Layout, rows: Size) -> tuple[Graph, tuple[Slot, ...]]:
    """A graph with its reverse sweep, its gradients added to those gathered so far.

    `rows` is how many rows the batch has: each gradient counts that often.
    """
    builder = resume(graph, "update")
    builder.origin = None
    count = builder.apply(OPS["extent"], (), {"size": rows})
    nodes = {graph.nodes[p].name: g for p, g in graph.gradients}
    slots: dict[str, Slot] = {}
    writes = []
    for group in layout.groups:
        g = pack(builder, group, [Expr(builder, nodes[name]) for name in group.members])
        maker = SlotMaker(
            builder, group.dtype, "", group.start, g.type, layout.param_sizes[group.dtype]
        )
        kept = maker.make(GATHERED, None, Init(value=0))
        writes.append(written(kept, kept + g * count))
        slots |= maker.slots
    for slot, more in ((ROWS, count), (PASSES, 1), (BATCHES, 1)):
        kept = leaf_of(builder, slot, _COUNT)
        writes.append(written(kept, kept + more))
        slots[slot.name] = slot
    graph = replace(graph, nodes=tuple(builder.nodes), writes=(*graph.writes, *writes))
    return graph, tuple(slots.values())


def pack(builder: Builder, group: Group, gradients: Sequence[Expr]) -> Expr:
    """The gradients of a group's members, side by side in their flat array."""
    attrs = {"dtype": group.dtype, "start": group.start, "size": group.size}
    return builder.apply(OPS["pack"], gradients, attrs)


def gathered_mean(maker: SlotMaker) -> tuple[Expr, Write]:
    """The row-weighted mean of the gradients that were gathered, and the write that clears it."""
    kept = maker.make(GATHERED, None, Init(value=0))
    rows = maker.builder.cast(leaf_of(maker.builder, ROWS, _COUNT), maker.dtype)
    return kept / rows, _cleared(kept)


def clear_counts(builder: Builder) -> tuple[list[Write], list[Slot]]:
    """The writes after which nothing counts as gathered, and what they write."""
    counts = [ROWS, PASSES]
    return [_cleared(leaf_of(builder, slot, _COUNT)) for slot in counts], counts


def clip(gradients: Sequence[Expr], recipe: Recipe) -> list[Expr]:
    """The gradients, each element within ±`clip_value`, then all scaled to `clip_norm`."""
    clipped = list(gradients)
    if (limit := recipe.clip_value) is not None:
        clipped = [OPS["minimum"](OPS["maximum"](g, -limit), limit) for g in clipped]
    if recipe.clip_norm is not None and clipped:
        factor = _norm_factor(clipped, recipe.clip_norm)
        clipped = [g * g.builder.cast(factor, g.type.dtype) for g in clipped]
    return clipped


def _norm_factor(gradients: Sequence[Expr], limit: float) -> Expr:
    """min(1, limit / norm of all together) (Pascanu, Mikolov & Bengio, 2013).

    It is nan where the norm is not finite: limit / inf would be 0, and hide that training diverges.
    """
    norm = OPS["sqrt"](reduce(Expr.__add__, [_squares(g) for g in gradients]))
    within = OPS["minimum"](limit / norm, 1)
    return OPS["where"](OPS["isfinite"](norm), within, math.nan)


def _squares(g: Expr) -> Expr:
    """The sum of squares, in f64 whatever the gradient is: norms of several types add up."""
    flat = g if g.type.rank == 1 else OPS["reshape"](g, shape=(g.type.size,))
    return g.builder.cast(flat @ flat, DType.f64)


def average(new: Expr, decay: float, maker: SlotMaker) -> Write:
    """The exponential average of the weights after the step (Polyak & Juditsky, 1992).

    The average itself is stored, corrected for its beginning as Adam's moments are: the weights
    after steps 1 … t count as decay^(t-1), …, decay, 1, divided by their sum.
    """
    builder = maker.builder
    kept = maker.make(AVERAGE, None, Init(value=0))
    t = builder.apply(OPS["clock"], (), {"which": "t"})
    share = (1 - decay) / (1 - builder.number(decay) ** t)
    return written(kept, kept + (new - kept) * share)


def written(target: Expr, value: Expr) -> Write:
    """The write of a value, as a node of its own: it gets the target's place."""
    return Write(target.id, OPS["copy"](value).id)


def _cleared(target: Expr) -> Write:
    attrs = {"shape": target.type.shape, "dtype": target.type.dtype}
    return written(target, target.builder.apply(OPS["full"], (0,), attrs))
