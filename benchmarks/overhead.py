"""Time a step that is profiled beside the same step as it is.

    python benchmarks/overhead.py [--rounds 15] [--workload wide …] [--json]

A profiled step reads the clock behind every node, in a program of many nodes behind those whose
turn it is. It is one thread's, as `graphdsl run --profile` has it, so that what it stands beside is
the NumPy engine's step with one worker, not one that is shared among several. Two models of the
same file and parameters take turns in one process, a block of steps each: what keeps the machine
busy keeps both from it. Both must come to the same loss, to the bit. Shown are medians of ms a
step: of each block's steps, and of these by round.

Exit code 1 if a profiled step takes more than 1.05 of the plain one where that takes 1 ms or more.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from statistics import median

import graphdsl
from contender import count_calls, time_calls
from graphdsl.views.profiling import profiling
from ours import load_ours
from pairs import Comparison, Pair, report
from workloads import WORKLOADS

OVERHEAD = Comparison("ms a step", ("profiled", "plain"), median, target=1.05, least=1e-3)
ROUNDS = 15


def open_model(name: str) -> tuple[graphdsl.Model, Callable[[], float]]:
    """A workload's model, run by one worker, and its step."""
    workload = WORKLOADS[name]()
    model = load_ours(workload, "numpy")
    model.session.workers = 1
    return model, partial(model.trainer().step, x=workload.x, y=workload.y)


def run_workload(name: str, rounds: int) -> Pair:
    """Let the profiled and the plain step take turns."""
    pair = Pair(name)
    (watched, profiled), (_, plain) = open_model(name), open_model(name)
    with profiling(watched.session, steps=sys.maxsize, warm_up=0):
        verify_same(name, profiled(), plain())
        count = count_calls(partial(time_calls, plain))
        time_calls(profiled, count)
        for _ in range(rounds):
            pair.first.append(time_step(profiled, count))
            pair.second.append(time_step(plain, count))
    return pair


def time_step(step: Callable[[], float], count: int) -> float:
    """The seconds of the median of so many steps: what another process takes is left out, if it
    takes it from fewer than half of them."""
    return 1e-6 * median(time_calls(step, 1) for _ in range(count))


def verify_same(name: str, profiled: float, plain: float) -> None:
    """Raise `ValueError` unless both losses are the same."""
    if profiled != plain:
        raise ValueError(f"{name}: the loss of a profiled step is {profiled}, of a plain {plain}")


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(description="Time profiled steps beside plain ones.")
    parser.add_argument("--workload", nargs="+", choices=WORKLOADS, help="some; all without it")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="blocks of steps of each")
    parser.add_argument("--json", action="store_true", help="every round, as JSON on stdout")
    options = parser.parse_args(arguments)
    pairs = [run_workload(name, options.rounds) for name in options.workload or WORKLOADS]
    return report(pairs, OVERHEAD, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
