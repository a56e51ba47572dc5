"""Parameters and states on disk: one safetensors file, written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from graphdsl.session import Session


def save(path: str | Path, session: Session, metadata: Mapping[str, str] | None = None) -> None:
    """Write a model's parameters and states; raises `DataError` if the disk refuses."""
    raise NotImplementedError


def restore(path: str | Path, session: Session) -> dict[str, str]:
    """Set a model's parameters and states from a file; the file's metadata.

    Raises `DataError`, leaving the model as it is, if the file is not one or does not fit.
    """
    raise NotImplementedError
