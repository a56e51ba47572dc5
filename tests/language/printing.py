"""What the formatter makes of a text, for its tests."""

from __future__ import annotations

from collections import Counter

from graphdsl.language.parser import parse
from graphdsl.language.printer import format_program
from graphdsl.language.source import Source


def formatted(text: str) -> str:
    return format_program(parse(Source(text)))


def lay_out_again(text: str) -> str:
    """What the formatter makes of `text`: the same program and comments, and it stays so."""
    program = parse(Source(text))
    done = format_program(program)
    again = parse(Source(done))
    assert repr(again) == repr(program), done
    assert Counter(one.text for one in again.comments) == Counter(
        one.text for one in program.comments
    )
    assert format_program(again) == done
    return done
