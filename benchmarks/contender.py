"""What is timed: a training step with what checking it and starting it again takes."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from verify import verify_gradients, verify_steps
from workloads import Array, Workload

CHECKED_STEPS = 5
BLOCK_SECONDS = 0.05
# What a training soon forgets: threads and cores that have slept wake up slowly for so long, above
# all in virtual machines, and for those who wait without spinning.
WARM_UP_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Contender:
    """One training step on a workload's batch, from its first parameters on.

    `step` gives the loss before its update. `params` and `gradients` are named and shaped as the
    workload's are; the gradients are those at the first parameters, and asking for them may leave
    the contender some steps further. `reset` goes back to the start.
    """

    step: Callable[[], float]
    params: Callable[[], Mapping[str, Array]]
    gradients: Callable[[], Mapping[str, Array]]
    reset: Callable[[], None]


def verify_contender(contender: Contender, workload: Workload) -> None:
    """Raise `ValueError` unless the gradients, the losses and the parameters are right."""
    verify_gradients(workload, contender.gradients())
    contender.reset()
    losses = [contender.step() for _ in range(CHECKED_STEPS)]
    verify_steps(workload, losses, contender.params())


def warm_up(call: Callable[[], object]) -> None:
    """Call for `WARM_UP_SECONDS`."""
    end = time.perf_counter() + WARM_UP_SECONDS
    while time.perf_counter() < end:
        call()


def time_calls(call: Callable[[], object], count: int) -> float:
    """µs one of `count` calls takes."""
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count * 1e6


def count_calls(timer: Callable[[int], float]) -> int:
    """How many calls fill a block of steps, by a timer of so many: µs a call."""
    timer(3)
    return max(3, round(BLOCK_SECONDS / (timer(5) * 1e-6)))
