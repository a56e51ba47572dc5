"""Time one training step, forward + reverse + Adam in float32, beside what could be done by hand.

    python benchmarks/step.py [--rounds 15] [--workload micro] [--json] [--no-peers]

Contenders: `trainer.step` of a compiled `.gdl` file, its checks included; the same step written by
hand; that step's matrix products alone; and other libraries where they are installed. All are first
checked against a float64 reference. Then they take turns, round by round, each from the same start,
so that a busy machine is busy for all of them. Shown are medians of µs a step, and medians of each
round's ratio to the hand-written step and to the products.

Exit code 1 if a target is missed: hand-written to its products at most 4.4 (micro) and 2.64
(digits), which shows that it is well written; ours to hand-written at most 1.25.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from handwritten import HANDWRITTEN
from peers import PEERS, list_peers
from workloads import WORKLOADS, Workload, verify_steps

MODELS = Path(__file__).with_name("models")
OURS, BY_HAND, PRODUCTS = "graphdsl", "by hand", "products"
TARGETS = {
    "micro": {(BY_HAND, PRODUCTS): 4.4, (OURS, BY_HAND): 1.25},
    "digits": {(BY_HAND, PRODUCTS): 2.64, (OURS, BY_HAND): 1.25},
}
CHECKED_STEPS = 5
BLOCK_SECONDS = 0.03

# Times one block of that many calls from the start: µs a call.
Timer = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Result:
    """A workload's table: µs a step of each contender, one for each round."""

    workload: str
    rounds: dict[str, list[float]]

    def ratio(self, contender: str, base: str) -> float:
        """The median over the rounds of `contender`'s time to `base`'s."""
        pairs = zip(self.rounds[contender], self.rounds[base], strict=True)
        return median(a / b for a, b in pairs)

    def list_misses(self) -> list[str]:
        """A line for every target that is missed."""
        return [
            f"{self.workload}: {a} / {b} is {self.ratio(a, b):.2f}, at most {target}"
            for (a, b), target in TARGETS[self.workload].items()
            if self.ratio(a, b) > target
        ]


def time_calls(call: Callable[[], object], count: int) -> float:
    """µs one of `count` calls takes."""
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count * 1e6


def prepare_ours(workload: Workload) -> Timer:
    """`trainer.step` of the workload's `.gdl` file, fed as a user feeds it."""
    import graphdsl

    model = graphdsl.load(MODELS / f"{workload.name}.gdl")
    x, y = workload.x, workload.y

    def restart() -> Any:
        trainer = model.trainer()
        for name, value in workload.params.items():
            model.params[name][...] = value
        return trainer

    trainer = restart()
    losses = [trainer.step(x=x, y=y) for _ in range(CHECKED_STEPS)]
    verify_steps(workload, losses, model.params)

    def run(count: int) -> float:
        trainer = restart()
        trainer.step(x=x, y=y)
        return time_calls(lambda: trainer.step(x=x, y=y), count)

    return run


def prepare_by_hand(workload: Workload) -> tuple[Timer, Timer]:
    """The hand-written step, and its products alone."""
    by_hand = HANDWRITTEN[workload.name](workload)
    x, y = workload.x, workload.y
    losses = [by_hand.step(x, y) for _ in range(CHECKED_STEPS)]
    verify_steps(workload, losses, by_hand.params)

    def run(count: int) -> float:
        by_hand.reset()
        by_hand.step(x, y)
        return time_calls(lambda: by_hand.step(x, y), count)

    def run_products(count: int) -> float:
        by_hand.reset()
        by_hand.step(x, y)
        return time_calls(lambda: by_hand.products(x), count)

    return run, run_products


@contextmanager
def start_peer(name: str, workload: Workload) -> Iterator[Timer]:
    """A peer's process, checked and waiting; it ends with the context."""
    command = [sys.executable, str(Path(__file__).with_name("peers.py")), name, workload.name]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{name} did not start; its message stands above")
        ask, answer = process.stdin, process.stdout

        def run(count: int) -> float:
            print(count, file=ask, flush=True)
            return float(answer.readline())

        yield run
        ask.close()


def run_workload(workload: Workload, rounds: int, peers: list[str]) -> Result:
    """Check every contender, then let them take turns."""
    with ExitStack() as stack:
        timers = {OURS: prepare_ours(workload)}
        timers[BY_HAND], timers[PRODUCTS] = prepare_by_hand(workload)
        for name in peers:
            timers[name] = stack.enter_context(start_peer(name, workload))
        counts = {name: count_calls(timer) for name, timer in timers.items()}
        times: dict[str, list[float]] = {name: [] for name in timers}
        for _ in range(rounds):
            for name, timer in timers.items():
                times[name].append(timer(counts[name]))
    return Result(workload.name, times)


def count_calls(timer: Timer) -> int:
    """How many calls fill a block."""
    timer(10)
    return max(10, round(BLOCK_SECONDS / (timer(100) * 1e-6)))


def print_table(result: Result) -> None:
    """One line a contender, the hand-written step's own ratios among them."""
    print(f"{result.workload:12}{'µs a step':>12}{'/ by hand':>12}{'/ products':>12}")
    for name, times in result.rounds.items():
        by_hand, products = result.ratio(name, BY_HAND), result.ratio(name, PRODUCTS)
        print(f"  {name:10}{median(times):12.1f}{by_hand:12.2f}{products:12.2f}")
    print()


def describe(result: Result) -> dict[str, Any]:
    """The table as data."""
    return {
        "workload": result.workload,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "contenders": {
            name: {
                "median_us": median(times),
                "rounds_us": times,
                "to_by_hand": result.ratio(name, BY_HAND),
                "to_products": result.ratio(name, PRODUCTS),
            }
            for name, times in result.rounds.items()
        },
        "misses": result.list_misses(),
    }


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(description="Time one training step.")
    parser.add_argument("--workload", choices=WORKLOADS, help="one of them; both without it")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="every round, as JSON on stdout")
    parser.add_argument("--no-peers", action="store_true", help=f"leave out {', '.join(PEERS)}")
    options = parser.parse_args(arguments)

    peers = [] if options.no_peers else list_peers()
    names = [options.workload] if options.workload else list(WORKLOADS)
    results = [run_workload(WORKLOADS[name](), options.rounds, peers) for name in names]
    if options.json:
        print(json.dumps([describe(result) for result in results], indent=2))
    else:
        for result in results:
            print_table(result)
    misses = [line for result in results for line in result.list_misses()]
    print(*misses, sep="\n", end="\n" if misses else "", file=sys.stderr)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
