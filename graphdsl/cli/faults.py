"""What went wrong, told on stderr, and the exit code it gets."""

from __future__ import annotations

import argparse
import errno
import os
import sys
import traceback
from importlib import import_module

from graphdsl.cli.notices import complain, tell
from graphdsl.language.diagnostics import DivergedError, GraphdslError

AT_FAULT = 1
USAGE = 2
DIVERGED = 3

TRACEBACK = "GRAPHDSL_TRACEBACK"
"""The variable that asks for tracebacks of graphdsl's own faults."""


class BadArgument(Exception):
    """The command line is at fault in a way that only the command itself can tell."""


def guarded(command: str, args: argparse.Namespace) -> int:
    """Run a command; no mistake of a user's and no fault of ours ends in a traceback."""
    try:
        code: int = import_module(f"graphdsl.cli.{command}").run(args)
        return code
    except BadArgument as bad:
        print(f"graphdsl {command}: error: {bad}", file=sys.stderr)  # as argparse does
        return USAGE
    except GraphdslError as error:
        tell(args, error.diagnostics)
        return DIVERGED if isinstance(error, DivergedError) else AT_FAULT
    except BrokenPipeError:
        raise
    except OSError as fault:
        if fault.filename is None and fault.errno in (errno.ENOSPC, errno.EIO, errno.EBADF):
            raise  # our own output, which `main` tells of
        if fault.errno != errno.ENOMEM:
            _own_fault(command, args, fault)
            return AT_FAULT
    except MemoryError:
        pass
    except Exception as fault:
        _own_fault(command, args, fault)
        return AT_FAULT
    _tell_of_memory(command, args)  # what the command held is free by now
    return AT_FAULT


def _tell_of_memory(command: str, args: argparse.Namespace) -> None:
    from graphdsl.engines.limits import ran_out

    tell(args, [ran_out(f"'graphdsl {command}'")])


def _own_fault(command: str, args: argparse.Namespace, fault: Exception) -> None:
    """Say that graphdsl is at fault, and what a report of it should hold."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(fault)
    import platform

    from graphdsl.training.version import version

    said = str(fault).strip().splitlines()
    what = type(fault).__name__ + (f": {said[0]}" if said else "")
    complain(
        args,
        f"graphdsl has a fault of its own, in '{command}': {what}\n"
        "Your file may be right. Please report it with the file, the command and what\n"
        f"{TRACEBACK}=1 in the environment makes it print "
        f"(graphdsl {version()}, Python {platform.python_version()}).",
    )
