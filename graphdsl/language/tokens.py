"""Text -> tokens: a `Source` comes in, `Lexed` goes out, with its comments and its lexical faults.

The text is read once, in linear time. What cannot be a token is reported and lexing goes on. Where
it is plain what was meant (`**` for `^`) that token stands in, else a BAD one marks the statement.
The types of tokens are the terminals of the grammar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from unicodedata import category, normalize

from graphdsl.language import lexical_errors
from graphdsl.language.ast import Comment
from graphdsl.language.diagnostics import Diagnostic
from graphdsl.language.source import Source, Span

KEYWORDS = frozenset(
    [
        "const",
        "dim",
        "input",
        "param",
        "state",
        "update",
        "loss",
        "metric",
        "output",
        "return",
        "share",
        "collect",
        "from",
        "import",
        "with",
        "block",
        "optimizer",
        "repeat",
        "data",
        "train",
        "in",
        "if",
        "else",
        "and",
        "or",
        "not",
        "true",
        "false",
    ]
)

PUNCTUATION = {
    "+": "PLUS",
    "-": "MINUS",
    "*": "STAR",
    "/": "SLASH",
    "@": "AT",
    "^": "CIRCUMFLEX",
    "(": "LPAR",
    ")": "RPAR",
    "[": "LSQB",
    "]": "RSQB",
    "{": "LBRACE",
    "}": "RBRACE",
    ",": "COMMA",
    "=": "EQUAL",
    "~": "TILDE",
    ":": "COLON",
    ".": "DOT",
    "..": "DOTDOT",
    "...": "DOTS",
    **dict.fromkeys(("==", "!=", "<=", ">=", "<", ">"), "COMPARE"),
}


class Token:
    """One token: its grammar type, its text (a name's normalised) and where it stands."""

    __slots__ = ("span", "text", "type")

    start_pos = line = column = end_line = end_column = end_pos = None  # lark asks; spans serve

    def __init__(self, type: str, text: str, span: Span) -> None:
        self.type = type
        self.text = text
        self.span = span

    def __repr__(self) -> str:
        return f"{self.type}({self.text!r})"


@dataclass(slots=True)
class Lexed:
    """A file's tokens (runs of newlines are one NEWLINE), comments and lexical faults."""

    tokens: list[Token] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    faults: list[Diagnostic] = field(default_factory=list)


_TOKEN = re.compile(
    r"""
      (?P<space>   [ \t]+ | \r(?=\n) )
    | (?P<name>    [A-Za-z_][A-Za-z0-9_]* (?!\w|[^\x00-\x7f]) )
    | (?P<newline> \n )
    | (?P<foreign> \*\*=? | //=? | /\* | [-+*/@^]= | := | && | \|\| | ;+ | !(?!=) | <> | [=|-]> )
    | (?P<op>      \.\.\. | \.\. | [=!<>]= | [-+*/@^()\[\]{},=~:<>] | \.(?![0-9]) )
    | (?P<number>  [0-9]+ (?:_[0-9]+)* (?:\.[0-9]+(?:_[0-9]+)*)? (?:[eE][+-]?[0-9]+)?
                   (?! \w | \.(?!\.) ) )
    | (?P<string>  "[^"\n]*" (?!") )
    | (?P<comment> \#[^\n]* )
    | (?P<numeral> [0-9] (?: \w | (?<=[eE])[+-](?=[0-9]) | \.(?!\.) )* | \.[0-9]\w* )
    | (?P<quoted>  \"{3}[^\n]* | "[^\n]* | '[^'\n]*'? )
    | (?P<word>    [A-Za-z_] | [^\x00-\x7f] )
    | (?P<other>   [\s\S] )
    """,
    re.VERBOSE,
)


def lex(source: Source) -> Lexed:
    """Every token and comment of `source`, and what could not be read as either."""
    lexed = Lexed(faults=lexical_errors.forbidden_characters(source))
    text, tokens, match = source.text, lexed.tokens, _TOKEN.match
    at, size = (1 if source.text.startswith("\ufeff") else 0), len(text)
    while at < size:
        found = match(text, at)
        assert found is not None, "the last alternative takes any character"
        start, at = at, found.end()
        kind = found.lastgroup
        if kind == "space":
            continue
        if kind == "newline":
            if tokens and tokens[-1].type != "NEWLINE":
                tokens.append(Token("NEWLINE", "\n", Span(source, start, at)))
        elif kind == "name":
            word = found[0]
            type = word.upper() if word in KEYWORDS else "NAME"
            tokens.append(Token(type, word, Span(source, start, at)))
        elif kind == "op":
            tokens.append(Token(PUNCTUATION[found[0]], found[0], Span(source, start, at)))
        elif kind == "number" or kind == "string":
            tokens.append(Token(kind.upper(), found[0], Span(source, start, at)))
        elif kind == "comment":
            lexed.comments.append(_comment(source, start, at))
        else:
            at = _recover(source, lexed, kind or "other", start, at)
    return lexed


def _comment(source: Source, start: int, end: int) -> Comment:
    text = source.text[start:end].rstrip()
    line_start = source.text.rfind("\n", 0, start) + 1
    alone = not source.text[line_start:start].strip(" \t\ufeff")
    return Comment(text, Span(source, start, start + len(text)), alone)


def _recover(source: Source, lexed: Lexed, kind: str, start: int, end: int) -> int:
    """Read a name with letters beyond ASCII, or report what is no token; the offset to go on at."""
    if kind == "word":
        name_end = _name_end(source.text, start)
        if name_end > start:
            name = normalize("NFKC", source.text[start:name_end])
            type = name.upper() if name in KEYWORDS else "NAME"
            lexed.tokens.append(Token(type, name, Span(source, start, name_end)))
            return name_end
    last = lexed.tokens[-1] if lexed.tokens else None
    touching = last is not None and last.span.end == start and last.type in _OPERAND_ENDS
    fault = lexical_errors.explain(source, kind, start, end, touching)
    if fault.diagnostic is not None:
        lexed.faults.append(fault.diagnostic)
    if fault.type:
        lexed.tokens.append(Token(fault.type, fault.text, Span(source, start, fault.end)))
    return fault.end


_OPERAND_ENDS = frozenset(("NAME", "NUMBER", "RPAR", "RSQB"))


def _name_end(text: str, start: int) -> int:
    """Where the name ends that begins at `start`: Unicode letters, marks, digits and `_`."""
    end = start
    while end < len(text) and _in_name(text[end], first=end == start):
        end += 1
    return end


def _in_name(character: str, first: bool) -> bool:
    if character.isascii():
        return character == "_" or (character.isalpha() if first else character.isalnum())
    group = category(character)
    if character == "ᵀ" or not (group[0] == "L" or (not first and group in ("Mn", "Mc", "Nd"))):
        return False
    return f"{'' if first else '_'}{normalize('NFKC', character)}".isidentifier()
