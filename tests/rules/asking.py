"""What the tests of the rules ask of a program: its codes, its values, its names."""

from __future__ import annotations

from typing import Any

import graphdsl
from graphdsl.driver import check
from graphdsl.language.source import Source


def codes(text: str) -> list[str]:
    """The codes of everything that is said of a text, warnings too."""
    return [one.code for one in check(Source(text))]


def errors(text: str) -> list[str]:
    """The codes of a text's errors."""
    return [code for code in codes(text) if code.startswith("E")]


def run(text: str, **feeds: Any) -> dict[str, Any]:
    """The results of a text in f64, as numbers and lists."""
    found = graphdsl.loads(text, dtype="f64").run(feeds)
    return {name: value.tolist() for name, value in found.items()}


def types(text: str) -> dict[str, str]:
    """The types of a text's results."""
    return {name: str(type) for name, type in graphdsl.loads(text).outputs.items()}


def params(text: str) -> list[str]:
    """The names of a text's parameters, in order."""
    return list(graphdsl.loads(text).params)


def step(text: str, **feeds: Any) -> graphdsl.Model:
    """A model in f64 after one step of training."""
    model = graphdsl.loads(text, dtype="f64")
    model.trainer().step(feeds)
    return model
