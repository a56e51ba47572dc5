"""Planning: a rewritten graph and numbers for its sizes come in, a `Schedule` goes out."""

from graphdsl.compiler.schedule.budget import Measure, arena_bytes, plan_within
from graphdsl.compiler.schedule.planner import plan
from graphdsl.compiler.schedule.values import Region, Schedule, Slot, Step

__all__ = [
    "Measure",
    "Region",
    "Schedule",
    "Slot",
    "Step",
    "arena_bytes",
    "plan",
    "plan_within",
]
