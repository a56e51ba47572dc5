"""Where the rows of a batch stand in a tensor: what an op is asked, and what it answers.

A step can be shared among workers, each with some rows of the batch, where every op says of its
result in which axis the rows stand, or that it is a sum over them. The rules are in
`ops.row_rules`, and each op that has one declares it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from graphdsl.graph.kernel import ArrayType
from graphdsl.graph.sizes import Poly, symbols


@dataclass(frozen=True, slots=True)
class Rows:
    """One axis holds the rows of a batch: of B rows, index (o B + n) inner + i belongs to row n."""

    axis: int
    inner: int = 1


Summed = Literal["summed"]
SUMMED: Summed = "summed"
"""The result is a sum over the rows: that of a batch is the sum of those of its parts."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An application of an op, its types with every size a number.

    `rows` has None for operands that are the same for every row. `expected` is the axis of the
    result whose size depends on the batch, its rows one behind the other; None if there is none.
    `symbol` is the size of the batch, which attributes have as it is written.
    """

    result: ArrayType
    types: Sequence[ArrayType]
    rows: Sequence[Rows | None]
    attrs: Mapping[str, Any]
    batch: int
    symbol: str
    expected: Rows | None

    def common(self) -> Rows | None:
        """Where all operands that have rows have them, counted from the last axis as operands are
        broadcast, in terms of the result; None where they differ."""
        found = {
            Rows(rows.axis + self.result.rank - type.rank, rows.inner)
            for type, rows in zip(self.types, self.rows, strict=True)
            if rows is not None
        }
        return found.pop() if len(found) == 1 else None

    def is_told(self, attribute: str) -> bool:
        """Whether an attribute depends on how many rows there are: a part has fewer."""
        return depends(self.attrs[attribute], self.symbol)


def depends(value: object, symbol: str) -> bool:
    """Whether a symbol stands in an attribute's value, a size or sizes in tuples."""
    if isinstance(value, tuple):
        return any(depends(part, symbol) for part in value)
    return isinstance(value, Poly) and symbol in symbols(value)


class RowRule(Protocol):
    """Says where the rows stand in a result; None where one of its rows needs others, or where
    nobody has thought about it."""

    def __call__(self, asked: Asked, /) -> Rows | Summed | None: ...
