"""Checks of programs in a process of their own, where time and memory can be measured.

`Checker` sends texts, one at a time, to this file run as a script, which answers with what `check`
said, the processor time it took and the memory it held at its peak.
"""

from __future__ import annotations

import json
import os
import re
import resource
import select
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TREE = Path(__file__).parents[1]
STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
GUARD = 4 * 2**30
"""Bytes of data that the process may have: what a wild program takes before it is stopped."""
PATIENCE = 60
"""Seconds after which a process that does not answer is given up."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check came to: the codes, processor seconds, the peak of memory in bytes."""

    codes: tuple[str, ...]
    seconds: float
    peak: int


@dataclass
class Checker:
    """One process that checks programs; a new one after each that fails."""

    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def check(self, text: str) -> Verdict:
        """Check a text; raises `AssertionError` for a process that hangs, dies, or raises."""
        answer = self._ask(text)
        if "failed" in answer:
            self.close()
            raise AssertionError(answer["failed"])
        return Verdict(tuple(answer["codes"]), answer["seconds"], answer["peak"])

    def close(self) -> None:
        """End the process; another begins with the next text."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ask(self, text: str) -> dict[str, Any]:
        process = self._process = self._process or _start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(text).encode() + b"\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], PATIENCE)[0]:
            return {"failed": f"no answer after {PATIENCE} s"}
        line = process.stdout.readline()
        return json.loads(line) if line else {"failed": f"ended with {process.wait()}"}


def _start() -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(TREE)}
    command = [sys.executable, __file__]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment)


# --- in the process -----------------------------------------------------------------------------


def serve() -> None:
    """Answer each line of the input, a text as JSON, with a line of the output."""
    resource.setrlimit(resource.RLIMIT_DATA, (GUARD, GUARD))
    for line in sys.stdin:
        try:
            answer = measure(json.loads(line))
        except BaseException:
            answer = {"failed": traceback.format_exc()}
        print(json.dumps(answer), flush=True)


def measure(text: str) -> dict[str, Any]:
    """What `check` says of a text, and what it took."""
    from graphdsl.driver import check
    from graphdsl.language.source import Source

    _forget_peak()
    before = time.process_time()
    found = check(Source(text))
    seconds = time.process_time() - before
    assert all(str(one) for one in found)
    return {"codes": [one.code for one in found], "seconds": seconds, "peak": peak()}


def _forget_peak() -> None:
    """Let the peak begin anew, where the system lets us: it is then each program's own."""
    if FORGET.exists():
        FORGET.write_text("5")


def peak() -> int:
    """The most memory that this process has held, in bytes."""
    if STATUS.exists():  # what getrusage tells begins with the peak of the process that forked us
        found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
        assert found is not None
        return int(found[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    serve()
