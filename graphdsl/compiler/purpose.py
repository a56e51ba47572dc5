"""What a program is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graphdsl.compiler.recipe import PLAIN, Recipe

Stage = Literal["whole", "gather", "apply"]
"""All of a training step; a batch whose gradients are gathered; the update from these."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a program is for: results by name, gradients of one of them, or a training step."""

    results: tuple[str, ...]
    wrt: tuple[str, ...] = ()
    training: bool = False
    step: bool = False
    derivative: str = ""
    """"jacobian", "hessian", "hvp" or "jvp" of the one result with respect to the one name."""
    stage: Stage = "whole"
    recipe: Recipe = PLAIN
    """Of a step: what its update consists of besides the optimizer's rule."""
