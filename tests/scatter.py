"""Programs as authors write them: comments, empty lines and spaces anywhere, bodies on one line."""

from __future__ import annotations

import re
from random import Random

from hypothesis import strategies as st

from graphdsl.language.printer import format_program
from graphdsl.language.source import Source
from graphdsl.language.tokens import lex
from strategies import programs

BODY = re.compile(r"\{\n\s*([^#\n][^\n]*)\n\s*\}$", re.MULTILINE)
"""A body of one line between its braces."""


@st.composite
def texts(draw: st.DrawFn, comments: bool = True) -> str:
    """A whole file, its layout drawn."""
    text = format_program(draw(programs()))
    random = draw(st.randoms(use_true_random=False))
    text = join_bodies(text, random)
    text = scatter_comments(text, random) if comments else text
    return respace(text, random)


def join_bodies(text: str, random: Random) -> str:
    """Some bodies that hold one line are put on the line of their header, innermost first."""
    for _ in range(2):
        text = BODY.sub(lambda body: f"{{ {body[1]} }}" if random.random() < 0.6 else body[0], text)
    return text


def scatter_comments(text: str, random: Random) -> str:
    """Comments behind lines and between them, wherever a line ends."""
    lines = []
    for number, line in enumerate(text.splitlines()):
        if random.random() < 0.2:
            lines.append(f"# above {number}")
        doc = line.lstrip().startswith("##")
        length = random.choice((1, 1, 1, 60)) if line and not doc and random.random() < 0.4 else 0
        lines.append(f"{line} # behind {number}{'.' * length}" if length else line)
    return "\n".join([*lines, ""])


def respace(text: str, random: Random) -> str:
    """Other spaces between the words of each line, and empty lines between lines."""
    lexed = lex(Source(text))
    words = [token.span for token in lexed.tokens if token.type != "NEWLINE"]
    parts, at = [], 0
    for span in sorted([*words, *(one.span for one in lexed.comments)], key=lambda one: one.start):
        gap, word = text[at : span.start], span.text
        breaks = gap.count("\n")
        if breaks or gap:
            gap = "\n" * breaks + " " * random.choice((0, 1, 2, 5) if breaks else (1, 1, 2, 9))
        parts += [gap, word]
        at = span.end
    return "".join(parts) + "\n"
