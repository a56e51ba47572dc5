"""From a `data` block, or from arrays, to the parts a model is trained and measured on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphdsl.graph.kernel import Array
from graphdsl.session import Session


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that belong together: `arrays` have `rows` rows each, `whole` is fed as it is.

    Every array has its input's element type, in C order.
    """

    arrays: Mapping[str, Array]
    rows: int
    whole: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset:
    """The parts of the data, any of which but the training part may be missing.

    `categories` gives the strings behind the codes of `category(column)`, by column; `stream` is
    an iterable of batches that takes the training part's place.
    """

    train: Part
    valid: Part | None = None
    test: Part | None = None
    categories: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    stream: Iterable[Mapping[str, Any]] | None = None

    @property
    def parts(self) -> dict[str, Part]:
        """The parts there are, by name."""
        named = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}

    def digest(self) -> str:
        """A hash of every array of every part: the same data, the same digest."""
        raise NotImplementedError


def load_dataset(
    session: Session,
    settings: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | str | Path | Iterable[Mapping[str, Any]] | None = None,
) -> Dataset:
    """The data a model trains on.

    `settings` override those of the `data` block (paths in them are the caller's, taken from the
    working directory). `data` takes the source's place: a path; arrays by input, split as the
    block says; or an iterable of batches. Raises `ModelError` where the block is at fault,
    `DataError` where the data is, `UsageError` where there is none.
    """
    raise NotImplementedError


def load_part(session: Session, path: str | Path, inputs: Collection[str] | None = None) -> Part:
    """Other rows, such as new ones to predict for, through the expressions of the `data` block.

    Statistics and codes are those of the block's own training part. `inputs` restricts which
    inputs are bound, so that a file without the answers will do.
    """
    raise NotImplementedError
