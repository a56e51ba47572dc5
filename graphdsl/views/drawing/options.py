"""What a drawing is asked to show: words of a command line or keywords come in, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from graphdsl.language.diagnostics import Diagnostic, UsageError, did_you_mean

DIRECTIONS = ("TB", "LR")
"""From top to bottom, from left to right."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one drawing; the defaults draw the forward graph alone."""

    shapes: bool = False
    """Whether each box has its type."""
    values: Mapping[str, Any] | None = None
    """What is fed, by input, where each box has its value."""
    grad: bool = False
    """Whether the reverse sweep is drawn beside the forward one."""
    update: bool = False
    """Whether the optimizer's update is drawn: the whole training step."""
    of: str | None = None
    """The scalar that is differentiated; the loss unless named."""
    only: tuple[str, ...] = ()
    """The nodes that are drawn with what they are computed from; all if none is named."""
    depth: int | None = None
    """How many boxes back from `only`."""
    direction: str = "TB"
    collapse: tuple[str, ...] = ()
    """Calls, blocks and loops that are drawn folded; `all` are all."""
    expand: tuple[str, ...] = ()
    """Those that are drawn in full though the drawing is large."""


class Shown(TypedDict, total=False):
    """The options as a caller gives them, a single name for a list of one."""

    shapes: bool
    values: Mapping[str, Any] | None
    grad: bool
    update: bool
    of: str | None
    only: str | Sequence[str]
    depth: int | None
    direction: str
    collapse: str | Sequence[str]
    expand: str | Sequence[str]


def make_options(**shown: Unpack[Shown]) -> Options:
    """The options that a caller gives; raises `UsageError` where they make no sense."""
    known = set(Shown.__annotations__)
    for name in shown:
        if name not in known:
            help = did_you_mean(name, known) or (f"there are: {', '.join(sorted(known))}",)
            raise _misused(f"a drawing has no option '{name}'", *help)
    given: dict[str, Any] = dict(shown)
    given |= {name: _names(given.get(name, ())) for name in ("only", "collapse", "expand")}
    options = Options(**given)
    if options.direction not in DIRECTIONS:
        message = f"there is no direction '{options.direction}'"
        raise _misused(message, f"it is {' or '.join(DIRECTIONS)}")
    if options.of is not None and not options.grad:
        message = f"'{options.of}' is to be differentiated, and no gradients are drawn"
        raise _misused(message, "draw them too: --grad, or grad=True")
    if options.depth is not None and not options.only:
        raise _misused(
            "a depth is counted from a node, and none is named", "name it: --only NAME, or only=…"
        )
    if options.depth is not None and options.depth < 0:
        raise _misused(f"a depth of {options.depth} is none", "0 or more boxes back")
    return options


def _names(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _misused(message: str, *help: str) -> UsageError:
    return UsageError(Diagnostic("E0850", message, (), help))
