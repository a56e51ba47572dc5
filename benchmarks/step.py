"""Time one training step, forward + reverse + Adam in float32, beside what else could compute it.

    python benchmarks/step.py [--workload micro …] [--rounds 15] [--no-peers] [--strict]

Contenders: `trainer.step` of a `.gdl` file by each engine, its checks included; the same step
written by hand in NumPy, where it pays also by two workers; that step's matrix products alone; and
other libraries where they are installed, as their users write a step. Each has a process of its own
and is first compared with a float64 reference: its losses, gradients and parameters. Then they take
turns, round by round in another order, each warmed up and then from the same start, so that a busy
machine is busy for all of them.

Shown are medians of µs a step, and medians of each round's ratio to the hand-written step, to its
products and to the fastest peer; the seconds of a first step in a new process, and of them those
until the imports are done; and how far a step's peak of resident memory goes beyond parameters,
gradients and optimizer states. Above the tables stands which kernels NumPy's BLAS uses. All of it
goes to a JSON file, with a picture beside it where matplotlib is installed.

Exit code 1 if a contender is wrong; with `--strict` also if a target is missed. `results.py` has
the targets.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from contender import count_calls
from contenders import OURS, PEERS, PRODUCTS, list_by_hand, list_peers
from kernels import describe_kernels
from ours import list_engines
from picture import draw_picture
from processes import (
    AbsentError,
    Timer,
    WrongResultError,
    measure_first,
    measure_memory,
    start_timer,
)
from report import format_table, write_json
from results import Result
from workloads import WORKLOADS

LATEST = Path(__file__).with_name("results") / "latest.json"
# Threads that wait for work by spinning have given up by then, and don't slow the next contender:
# those of OpenBLAS spin for 2**26 cycles, some 30 ms, and take half of its cores meanwhile.
PAUSE_SECONDS = 0.1


def list_contenders(workload: str, engines: list[str], peers: list[str]) -> list[str]:
    """In the order in which they are shown."""
    return [*(OURS + engine for engine in engines), *list_by_hand(workload), *peers]


def run_workload(workload: str, names: list[str], rounds: int, *, steps_only: bool) -> Result:
    """Check every contender, let them take turns, then measure first steps and memory."""
    result = Result(workload, {})
    time_steps(result, names, rounds)
    if not steps_only:
        for name in result.rounds:
            if name != PRODUCTS:
                measure_fresh(result, name)
    return result


def time_steps(result: Result, names: list[str], rounds: int) -> None:
    """Fill in the rounds of those contenders that run here and are right; note the others."""
    with ExitStack() as stack:
        timers: dict[str, Timer] = {}
        for name in names:
            try:
                timers[name] = stack.enter_context(start_timer(name, result.workload))
            except (AbsentError, WrongResultError) as fault:
                result.faults.append(str(fault))
        counts = {name: count_calls(timer) for name, timer in timers.items()}
        result.rounds.update({name: [] for name in timers})
        for turn in range(rounds):
            for name in shuffled(timers, turn):
                time.sleep(PAUSE_SECONDS)
                result.rounds[name].append(timers[name](counts[name]))


def shuffled(names: Iterable[str], turn: int) -> list[str]:
    """The order of one round. It is another one each time, since a contender can be a quarter
    slower behind one library than behind another: none is to follow the same one always."""
    order = list(names)
    random.Random(turn).shuffle(order)
    return order


def measure_fresh(result: Result, name: str) -> None:
    """A first step's seconds, and the memory of steps, each in a new process."""
    result.first[name] = measure_first(name, result.workload)
    memory = measure_memory(name, result.workload)
    if memory is not None:
        result.memory[name] = memory


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(description="Time one training step.")
    parser.add_argument("--workload", nargs="+", choices=WORKLOADS, help="some; all without it")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--no-peers", action="store_true", help=f"leave out {', '.join(PEERS)}")
    parser.add_argument("--steps-only", action="store_true", help="no first steps, no memory")
    parser.add_argument("--strict", action="store_true", help="exit code 1 for a missed target")
    parser.add_argument("--json", type=Path, default=LATEST, help="file for every round")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit code."""
    options = make_parser().parse_args(arguments)
    engines, peers = list_engines(), [] if options.no_peers else list_peers()
    results = []
    print(describe_kernels(), end="\n\n", flush=True)
    for workload in options.workload or WORKLOADS:
        names = list_contenders(workload, engines, peers)
        result = run_workload(workload, names, options.rounds, steps_only=options.steps_only)
        print(format_table(result), flush=True)
        results.append(result)

    write_json(results, options.rounds, options.json)
    picture = options.json.with_suffix(".svg")
    drawn = [result for result in results if result.rounds]
    if drawn and not draw_picture(drawn, picture, describe_kernels()):
        print("no picture: matplotlib is not installed", file=sys.stderr)
    misses = [line for result in results for line in result.list_misses()]
    print(*misses, sep="\n", end="\n" if misses else "", file=sys.stderr)
    wrong = any(result.faults for result in results)
    return 1 if wrong or (options.strict and misses) else 0


if __name__ == "__main__":
    sys.exit(main())
