"""What a command does when it is asked to end: it cleans up, and its exit code says so.

SIGTERM and SIGHUP are what Ctrl-C is. A signal that is ignored where the command is started, as
`nohup` and shells' background jobs have it, stays ignored.
"""

from __future__ import annotations

import signal
from contextlib import AbstractContextManager, nullcontext

from graphdsl.training.interrupts import Interrupts

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


def heeding() -> Interrupts:
    """A context in which a signal raises `KeyboardInterrupt`; only the main thread hears any."""
    return Interrupts(_heard_by_someone(), patience=0)


def heeded_signals() -> list[int]:
    """The signals that `heeding` hears now."""
    return [number for number in _heard_by_someone() if _hearer(number) is not None]


def postponed() -> AbstractContextManager[None]:
    """A context at whose end a signal is heard that comes inside.

    An import that is cut short leaves half a module behind, and numpy tells of it as of a fault.
    """
    hearers = filter(None, map(_hearer, _heard_by_someone()))
    return next((hearer.whole() for hearer in hearers), nullcontext())


def _hearer(number: int) -> Interrupts | None:
    """Whose method the handler of a signal is."""
    found = getattr(signal.getsignal(number), "__self__", None)
    return found if isinstance(found, Interrupts) else None


def _heard_by_someone() -> list[int]:
    known = [int(getattr(signal, name)) for name in _ENDING if hasattr(signal, name)]
    # None is a handler that Python did not set and could not put back
    return [n for n in known if signal.getsignal(n) not in (signal.SIG_IGN, None)]
