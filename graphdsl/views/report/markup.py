"""Markup made of elements: whatever a user wrote comes in as text, and goes out escaped.

Nothing else in the report puts markup together, so that there is one place to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphdsl.views.page.shell import text

Attribute = str | int | float | bool | None
Attributes = Mapping[str, Attribute]
VOID = frozenset(("input", "br", "img"))
"""Elements of HTML that have no end tag."""


@dataclass(frozen=True, slots=True)
class Markup:
    """What may stand in a page as it is."""

    text: str


Child = Markup | str | None


def element(tag: str, attributes: Attributes | None = None, *children: Child) -> Markup:
    """An element; texts among its children are escaped, attributes of None or False left out."""
    said = "".join(_attribute(name, value) for name, value in (attributes or {}).items())
    if tag in VOID:
        return Markup(f"<{tag}{said}>")
    return Markup(f"<{tag}{said}>{joined(children).text}</{tag}>")


def region(kind: str, name: str, *children: Child) -> Markup:
    """A part of the page that may be scrolled, by the keyboard too, with a name that is heard."""
    said = {"class": kind, "tabindex": "0", "role": "region", "aria-label": name}
    return element("div", said, *children)


def joined(children: Iterable[Child]) -> Markup:
    """One behind the other, texts escaped."""
    return Markup("".join(_escaped(child) for child in children if child is not None))


def _escaped(child: Markup | str) -> str:
    return child.text if isinstance(child, Markup) else text(child)


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    return f' {name}="{text(str(value))}"'
