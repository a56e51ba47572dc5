"""Errors of arrays and files, given the place in the model file that asked for them."""

from __future__ import annotations

from dataclasses import replace

from graphdsl.language.diagnostics import GraphdslError, Label
from graphdsl.language.source import Span


class Placed:
    """A context whose errors without a place get one."""

    def __init__(self, span: Span | None) -> None:
        self.span = span

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, GraphdslError) and self.span is not None:
            if all(d.labels for d in error.diagnostics):
                return
            label = Label(self.span)
            found = [d if d.labels else replace(d, labels=(label,)) for d in error.diagnostics]
            raise type(error)(found) from None
