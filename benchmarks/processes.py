"""The contenders' processes, from outside: started, asked, ended."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WORKER = Path(__file__).with_name("worker.py")
TREE = WORKER.parent.parent

# What says where PyTorch, and our compiled engine, keep what they compile.
CACHES = ("TORCHINDUCTOR_CACHE_DIR", "GRAPHDSL_CACHE")

# Times one block of that many steps from the start: µs a step.
Timer = Callable[[int], float]


class WrongResultError(Exception):
    """A contender computes something else than it should."""


class AbsentError(Exception):
    """A contender does not run here; its own message stands on stderr."""


def set_environment() -> dict[str, str]:
    """The project from this tree, whether it is installed or not."""
    paths = [str(TREE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def read_answer(name: str, line: str) -> dict[str, Any]:
    """A worker's line of JSON; an empty one means that it has ended."""
    if not line:
        raise AbsentError(f"{name} ended without an answer")
    found: dict[str, Any] = json.loads(line)
    return found


@contextmanager
def start_timer(name: str, workload: str) -> Iterator[Timer]:
    """A contender's process, checked and waiting; it ends with the context.

    Raises `WrongResultError` or `AbsentError`.
    """
    command = [sys.executable, str(WORKER), "time", name, workload]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=set_environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ask, answer = process.stdin, process.stdout
        wrong = read_answer(name, answer.readline())["wrong"]
        if wrong is not None:
            raise WrongResultError(f"{name}: {wrong}")

        def run(count: int) -> float:
            print(count, file=ask, flush=True)
            return float(read_answer(name, answer.readline())["microseconds"])

        try:
            yield run
        finally:
            ask.close()


def measure_first(name: str, workload: str) -> dict[str, Any]:
    """`seconds` and `import_seconds` of a first step, nothing compiled being left from before."""
    with tempfile.TemporaryDirectory() as folder:
        return ask_once("first", name, workload, str(time.time()), cache=folder)


def measure_memory(name: str, workload: str) -> dict[str, Any] | None:
    """`growth`, `first` and `state` in bytes; None where the system does not tell."""
    if not os.access("/proc/self/clear_refs", os.W_OK):
        return None
    return ask_once("memory", name, workload)


def ask_once(mode: str, name: str, workload: str, *rest: str, cache: str = "") -> dict[str, Any]:
    """What a fresh process answers. `cache` is where it may keep what it compiles."""
    command = [sys.executable, str(WORKER), mode, name, workload, *rest]
    environment = set_environment()
    if cache:
        environment |= dict.fromkeys(CACHES, cache)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
    return read_answer(name, done.stdout)
