"""How compiling scales: chains of op bindings with their gradient, from text to the first step.

`python benchmarks/compile.py [COUNT …]` prints, for each length, the nodes after differentiation,
the seconds and the peak of memory, each in a process of its own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from time import perf_counter

COUNTS = (142, 1_428, 14_285)
"""Seven nodes a binding: about 1,000, 10,000 and 100,000 of them after differentiation."""


def chain(count: int) -> str:
    """A model whose loss depends on a parameter through `count` bindings."""
    lines = ["dim N", "input x: [N, 8]", "param w: [8] = 1", "h0 = x * w"]
    lines += [f"h{i + 1} = tanh(h{i} * 1.01 + 0.1)" for i in range(count)]
    return "\n".join([*lines, f"loss J = mean(h{count})", "train {\n  optimizer = adam()\n}\n"])


def measure(count: int) -> str:
    """One line of the table."""
    text = chain(count)
    start = perf_counter()
    import numpy as np

    import graphdsl

    trainer = graphdsl.loads(text).trainer()
    trainer.step(x=np.ones((4, 8), np.float32))
    seconds = perf_counter() - start
    nodes = len(trainer.session.compilation.compiled(trainer.purpose).graph.nodes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{count:10,}  {nodes:10,}  {seconds:8.2f}  {peak:10,.0f}"


def main(arguments: list[str] | None = None) -> int:
    """Print the table; `--one COUNT` is what each process is asked for."""
    parser = argparse.ArgumentParser(description="Time the compiler on chains of op bindings.")
    parser.add_argument("counts", metavar="COUNT", nargs="*", type=int, help="bindings of a chain")
    parser.add_argument("--one", metavar="COUNT", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one is not None:
        print(measure(options.one))
        return 0
    print("  bindings       nodes   seconds   peak, MiB")
    for count in options.counts or COUNTS:
        command = [sys.executable, __file__, "--one", str(count)]
        done = subprocess.run(command, capture_output=True, text=True)
        print((done.stdout or done.stderr).rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
