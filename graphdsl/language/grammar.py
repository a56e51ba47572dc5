"""The grammar file: found, built into a parser once a process, asked for its keywords."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from lark import Lark
from lark.lexer import Lexer

from graphdsl.language.build import Builder
from graphdsl.language.diagnostics import InternalError
from graphdsl.language.tokens import Token

STARTS = ("line", "head", "setting")
"""The rules parsing may begin at: a plain statement, the header of a body, one setting."""


class _Given(Lexer):
    """Hands tokens that were lexed already to the parser."""

    __future_interface__ = 2

    def __init__(self, conf: Any) -> None:
        pass

    def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Any]:
        """The tokens that `parse_tokens` was given."""
        return iter(lexer_state.text)


def grammar_text() -> str:
    """The text of `gdl.lark`: packaged in a wheel, beside the package in the repository."""
    packaged = resources.files("graphdsl") / "grammar" / "gdl.lark"
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    beside = Path(__file__).parents[2] / "grammar" / "gdl.lark"
    if beside.is_file():
        return beside.read_text(encoding="utf-8")
    raise InternalError("the grammar file gdl.lark is missing from this installation")


@cache
def _parser() -> Lark:
    return Lark(
        grammar_text(),
        parser="lalr",
        lexer=_Given,
        start=list(STARTS),
        transformer=Builder(),
        keep_all_tokens=True,
        maybe_placeholders=False,
    )


def parse_tokens(tokens: Sequence[Token], start: str) -> Any:
    """The AST node of one statement's tokens; lark's `UnexpectedToken` where they do not fit."""
    return _parser().parse(tokens, start=start)
