"""`Case`: an op on operands, what the sweeps go through."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphdsl.graph.kernel import Array


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """An op on operands in f64 (or integers, or truth values); `expected` computes the same."""

    op: str
    operands: tuple[Array, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    expected: Callable[..., Any] | None = None

    def __str__(self) -> str:
        shapes = " ".join(str(list(x.shape)) for x in self.operands)
        return f"{self.op} {shapes} {self.attrs}"

    def floats(self) -> list[int]:
        """The positions of the operands that are floats."""
        return [i for i, x in enumerate(self.operands) if x.dtype.kind == "f"]


def rng_of(*key: Any) -> np.random.Generator:
    """Random numbers that depend on the case alone."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))
