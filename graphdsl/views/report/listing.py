"""A model's text as a page shows it: lines come in, numbered and coloured ones go out.

Beside another text, the lines that only one of them has are marked by a sign too, not by colour
alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from graphdsl.language.tokens import KEYWORDS
from graphdsl.views.report.markup import Child, Markup, element, region

TOKENS = re.compile(
    r'(?P<comment>#.*$)|(?P<string>"[^"]*")|\b(?P<literal>\d[\d_.]*(?:e[+-]?\d+)?)\b|(?P<word>[^\W\d]\w*)'
)
LONGEST_DIFF = 4000
"""Lines beyond which two texts are not compared line by line."""


def split_lines(text: str) -> list[str]:
    """The lines as messages count them: only a newline ends one."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def list_lines(lines: Sequence[str], name: str, changed: frozenset[int], sign: str) -> Markup:
    """A listing that a keyboard can scroll; lines that are `changed` carry the sign."""
    items = [_item(line, at in changed, sign) for at, line in enumerate(lines)]
    return region("listing", name, element("ol", None, *items))


def changed_lines(
    one: Sequence[str], other: Sequence[str]
) -> tuple[frozenset[int], frozenset[int]]:
    """The positions of lines that only the one text has, and those that only the other has."""
    if max(len(one), len(other)) > LONGEST_DIFF:
        return frozenset(), frozenset()
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    ours = {block.a + k for block in blocks for k in range(block.size)}
    theirs = {block.b + k for block in blocks for k in range(block.size)}
    return frozenset(range(len(one))) - ours, frozenset(range(len(other))) - theirs


def _item(line: str, changed: bool, sign: str) -> Markup:
    mark = element("b", {"class": "sign"}, sign) if changed else None
    code = element("code", None, mark, *_colored(line))
    return element("li", {"class": "changed" if changed else None}, code)


def _colored(line: str) -> Iterator[Child]:
    behind = 0
    for found in TOKENS.finditer(line):
        kind = found.lastgroup
        if kind == "word" and found[0] not in KEYWORDS:
            continue
        yield line[behind : found.start()]
        yield element("span", {"class": "keyword" if kind == "word" else kind}, found[0])
        behind = found.end()
    yield line[behind:]
