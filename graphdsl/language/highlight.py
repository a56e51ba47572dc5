"""A Pygments lexer for `.gdl`, found by Pygments through its entry point.

Nothing in the package imports this module: Pygments need not be installed. Its keywords are those
of the tokens, so it colours no name of an op: a call is a call.
"""

from __future__ import annotations

from typing import ClassVar

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
)

from graphdsl.language.tokens import KEYWORDS

CONSTANTS = frozenset(("true", "false"))
WORDS = frozenset(("and", "or", "not", "if", "else", "in", "with"))
DECLARATIONS = KEYWORDS - CONSTANTS - WORDS
TYPES = ("f32", "f64", "i32", "i64", "bool", "float")
NAME = r"[^\W\d][\w\u0300-\u036f]*"


class GdlLexer(RegexLexer):  # type: ignore[misc]
    """Colours a `.gdl` file."""

    name = "graphdsl"
    aliases: ClassVar[list[str]] = ["gdl", "graphdsl"]
    filenames: ClassVar[list[str]] = ["*.gdl"]

    tokens: ClassVar[dict[str, list[object]]] = {
        "root": [
            (r"\s+", Whitespace),
            (r"##(?!#).*$", String.Doc),
            (r"#.*$", Comment.Single),
            (r'"[^"\n]*"', String.Double),
            (rf"(~)(\s*)({NAME})", bygroups(Operator, Whitespace, Name.Builtin)),
            (rf"(?<=\.)(?<!\.\.){NAME}", Name.Attribute),
            (rf"{NAME}(?=\s*=(?!=))", Name.Variable),
            (words(sorted(DECLARATIONS), suffix=r"\b"), Keyword.Declaration),
            (words(sorted(CONSTANTS), suffix=r"\b"), Keyword.Constant),
            (words(sorted(WORDS), suffix=r"\b"), Operator.Word),
            (words(TYPES, suffix=r"\b"), Keyword.Type),
            (words(("pi", "inf", "training"), suffix=r"\b"), Name.Builtin.Pseudo),
            (rf"{NAME}(?=\s*\()", Name.Function),
            (NAME, Name),
            (r"\d+(?:_\d+)*\.\d+(?:_\d+)*(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+", Number.Float),
            (r"\d+(?:_\d+)*", Number.Integer),
            (r"\.\.\.|\.\.|[=!<>]=|[-+*/@^=~<>]", Operator),
            (r"[()\[\]{},:.]", Punctuation),
        ]
    }
