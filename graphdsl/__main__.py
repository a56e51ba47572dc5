"""The command `graphdsl`, which `python -m graphdsl` is too; a request to end it is heeded quietly.

Before a command begins there is nothing to be saved, and a signal ends the process at once; then
signals are the command's; and when it has ended nothing changes its exit code any more.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

_INTERRUPTED = 130


def main() -> int:
    """Run the command of `sys.argv`; the exit code."""
    try:
        _answer_signals(_end)
        from graphdsl.cli import main as run_command

        code = run_command()
        # Python, ending, gives signals their usual effect, but for those that are ignored
        _answer_signals(signal.SIG_IGN)
    except KeyboardInterrupt:  # it came while one handler took the other's place
        os._exit(_INTERRUPTED)
    return code


def _answer_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
