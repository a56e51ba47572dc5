"""What a `train` block makes of the optimizer's step: clipping, averaging, factors by pattern.

A `Recipe` is a value: programs are kept by it, so that a setting overridden from outside is
compiled once, beside the step that the file says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphdsl.compiler.lower.patterns import matches
from graphdsl.graph.graph import Variable
from graphdsl.graph.layout import Settings
from graphdsl.language.amounts import parse_amount

Factors = tuple[tuple[str, float], ...]
"""(pattern, factor), in the order they are written."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of `train` that are part of the compiled step."""

    clip_value: float | None = None
    clip_norm: float | None = None
    average: float | None = None
    scales: tuple[tuple[str, Factors], ...] = ()
    """For each argument of the optimizer that is scaled, its factors by pattern."""
    memory: int | None = None
    """The bytes that a step may compute in."""


PLAIN = Recipe()
"""The optimizer's rule and nothing else."""


def recipe_of(values: Mapping[str, Any], scales: Mapping[str, Mapping[str, float]]) -> Recipe:
    """The recipe that settings say; `scales` has the factors of each argument by pattern."""
    kept = {name: values.get(name) for name in ("clip_value", "clip_norm", "average")}
    factors = tuple((argument, tuple(by.items())) for argument, by in sorted(scales.items()))
    return Recipe(**kept, scales=factors, memory=parse_amount(values.get("memory")))


def scaled_settings(variables: Iterable[Variable], recipe: Recipe) -> dict[str, Settings]:
    """The factors of the optimizer's arguments by variable: its `with` times its patterns'.

    Of several patterns that match a name the last one counts. Factors of 1 are left out, and the
    rest sorted, so that equal settings make one group however they are written.
    """
    found = {}
    for variable in variables:
        settings = dict(variable.settings)
        for argument, factors in recipe.scales:
            factor = find_factor(variable.name, factors)
            settings[argument] = settings.get(argument, 1) * factor
        found[variable.name] = tuple(sorted((k, v) for k, v in settings.items() if v != 1))
    return found


def find_factor(name: str, factors: Factors) -> float:
    """The factor of the last pattern that matches, 1 if none does."""
    return next((factor for pattern, factor in reversed(factors) if matches(name, pattern)), 1)


def find_unmatched(patterns: Iterable[str], names: Iterable[str]) -> str | None:
    """The first pattern that matches none of the names."""
    known = list(names)
    return next((p for p in patterns if not any(matches(name, p) for name in known)), None)
