"""A contender's process. Each has one of its own: threads, memory and imports keep apart.

python worker.py time NAME WORKLOAD            for each line CALLS on stdin, µs a call
python worker.py first NAME WORKLOAD STARTED   seconds from STARTED to a first step's end
python worker.py memory NAME WORKLOAD          bytes that a step takes
"""

import gc
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contenders import BY_HAND, BY_HAND_PAIR, PRODUCTS, find_module, make_contender
from workloads import WORKLOADS, micro

STEPS = 20


def say(**facts: Any) -> None:
    """One line of JSON."""
    print(json.dumps(facts), flush=True)


def serve_times(name: str, workload_name: str) -> None:
    """Check, then time on request until stdin ends."""
    from contender import time_calls, verify_contender, warm_up

    workload = WORKLOADS[workload_name]()
    contender = make_contender(name, workload)
    contender.step()
    if name != PRODUCTS:
        try:
            verify_contender(contender, workload)
        except ValueError as fault:
            say(wrong=str(fault))
            return
    say(wrong=None)
    for line in sys.stdin:
        warm_up(contender.step)
        contender.reset()
        contender.step()
        say(microseconds=time_calls(contender.step, int(line)))


def measure_first(name: str, workload_name: str, started: str) -> None:
    """Seconds since the start of the process: until the library is imported, and until the end of
    the first step."""
    importlib.import_module(find_module(name))
    imported = time.time()
    make_contender(name, WORKLOADS[workload_name]()).step()
    start = float(started)
    say(seconds=time.time() - start, import_seconds=imported - start)


def measure_memory(name: str, workload_name: str) -> None:
    """How far resident memory grows, at its peak, for a contender and its steps.

    A step of the smallest workload comes first, so that code and pools that any step needs are
    there. `growth` is the peak of steps 2 to 21, compiled and warm; `first` is that of making the
    contender and its first step, compilation included. Both are beyond what was there before, so
    they hold parameters, gradients and Adam's moments: `state` bytes, the same for all.
    """
    workload = WORKLOADS[workload_name]()
    run_warm_up(name)
    gc.collect()
    forget_peak()
    base = read_resident("VmRSS")
    contender = make_contender(name, workload)
    contender.step()
    first = read_resident("VmHWM") - base
    gc.collect()
    forget_peak()
    for _ in range(STEPS):
        contender.step()
    say(growth=read_resident("VmHWM") - base, first=first, state=workload.state_bytes)


def run_warm_up(name: str) -> None:
    """A few steps of the smallest workload; nothing of them stays but what the library keeps. It
    has no step for two workers by hand."""
    contender = make_contender(BY_HAND if name == BY_HAND_PAIR else name, micro())
    for _ in range(3):
        contender.step()


def forget_peak() -> None:
    """Count the peak of resident memory from here."""
    Path("/proc/self/clear_refs").write_text("5")


def read_resident(key: str) -> int:
    """Bytes of resident memory: `VmRSS` now, `VmHWM` at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:"))


MODES: dict[str, Callable[..., None]] = {
    "time": serve_times,
    "first": measure_first,
    "memory": measure_memory,
}

if __name__ == "__main__":
    MODES[sys.argv[1]](*sys.argv[2:])
