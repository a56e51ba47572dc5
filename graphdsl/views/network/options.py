"""What a drawing of a network is asked to show: keywords come in, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphdsl.language.diagnostics import Diagnostic, UsageError, did_you_mean
from graphdsl.views.drawing.options import DIRECTIONS, Shown

VIEWS = ("graph", "network")
"""The drawings there are of a model."""


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """The options of one drawing; layers are columns unless it says another direction."""

    direction: str = "LR"
    normalisation: bool = True
    """Whether normalisations are drawn."""


class EitherShown(Shown, total=False):
    """The options of either drawing, as a caller gives them."""

    normalisation: bool


def make_network_options(shown: Mapping[str, Any]) -> NetworkOptions:
    """The options that a caller gives; raises `UsageError` where there are no such ones."""
    known = ("direction", "normalisation")
    for name in shown:
        if name not in known:
            help = did_you_mean(name, known) or (f"there are: {', '.join(known)}",)
            raise _misused(f"the drawing of a network has no option '{name}'", *help)
    options = NetworkOptions(**shown)
    if options.direction not in DIRECTIONS:
        message = f"there is no direction '{options.direction}'"
        raise _misused(message, f"it is {' or '.join(DIRECTIONS)}")
    return options


def verify_view(view: str) -> None:
    """Raise `UsageError` unless there is a drawing of that name."""
    if view not in VIEWS:
        help = did_you_mean(view, VIEWS) or (f"it is {' or '.join(VIEWS)}",)
        raise _misused(f"there is no view '{view}'", *help)


def _misused(message: str, *help: str) -> UsageError:
    return UsageError(Diagnostic("E0850", message, (), help))
