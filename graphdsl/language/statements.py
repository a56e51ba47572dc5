"""Tokens -> statements: the newline rule and the bodies, so that each can be parsed on its own.

`split` takes a file's tokens and gives its `Piece`s: the tokens of one statement each, for a block,
a loop or a settings body those of its header, with the pieces of the body inside.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graphdsl.language.brackets import (
    BINARY,
    CLOSERS,
    CONTINUES,
    HEADS,
    OPENERS,
    STARTERS,
    Brackets,
    match_brackets,
)
from graphdsl.language.diagnostics import Diagnostic, Label
from graphdsl.language.tokens import Token


@dataclass(slots=True)
class Piece:
    """One statement: its own tokens and, for a header, its body."""

    tokens: list[Token] = field(default_factory=list)
    body: list[Piece] | None = None
    close: Token | None = None
    faulty: bool = False
    """True where a fault in it has been reported, so that it is not parsed."""
    too_deep: bool = False
    """True where its body is nested too deep, so that the body is not parsed."""

    @property
    def head(self) -> str:
        """The type of its first token."""
        return self.tokens[0].type


def split(tokens: list[Token]) -> tuple[list[Piece], list[Diagnostic]]:
    """The statements of a file and the faults of its brackets and braces."""
    brackets = match_brackets(tokens)
    splitter = _Splitter(tokens, brackets)
    return splitter.run(), brackets.faults


class _Splitter:
    def __init__(self, tokens: list[Token], brackets: Brackets) -> None:
        self.tokens = tokens
        self.brackets = brackets
        self.top: list[Piece] = []
        self.owners: list[Piece] = []
        self.piece = Piece()
        self.depth = 0

    def run(self) -> list[Piece]:
        brackets = self.brackets
        for index, token in enumerate(self.tokens):
            if index in brackets.missing_ends:
                self.end_bodies(brackets.missing_ends[index])
            type = token.type
            if type == "NEWLINE":
                if self.piece.tokens and self.depth <= 0 and self.ends_at(index):
                    self.end_statement()
            elif index in brackets.bodies:
                self.open_body(token, index in brackets.too_deep)
            elif index in brackets.ends:
                self.end_statement()
                self.owners.pop().close = token
                self.check_after_body(index)
            else:
                self.add(index, token)
        self.end_statement()
        return self.top

    def add(self, index: int, token: Token) -> None:
        if token.type == "BAD" or index in self.brackets.ignored:
            self.piece.faulty = True
        elif index in self.brackets.too_deep:
            self.piece.faulty = True
            self.depth += 1
        elif token.type in OPENERS:
            self.depth += 1
        elif token.type in CLOSERS:
            self.depth -= 1
        self.piece.tokens.append(token)

    def ends_at(self, index: int) -> bool:
        """Whether the newline of this index, outside brackets, ends the statement before it."""
        before = self.piece.tokens[-1].type
        after = self.type_at(index + 1)
        if self.is_key(index + 1) and before != "COMMA":
            return True
        if before in CONTINUES:
            return self.begins_another(index + 1, before, after)
        if after in ("ELSE", "WITH"):
            self.report_leading(self.tokens[index + 1])
            return False
        return after not in BINARY

    def is_key(self, index: int) -> bool:
        """Whether a setting begins at this index."""
        word = self.tokens[index].text.isidentifier() if index < len(self.tokens) else False
        return self.in_settings and word and self.type_at(index + 1) == "EQUAL"

    def report_leading(self, token: Token) -> None:
        """A line that cannot begin as it does, but plainly goes on with the one above."""
        self.piece.faulty = True
        message = f"a line cannot begin with '{token.text}'"
        help = f"end the line above with '{token.text}'"
        if token.type == "WITH":
            help = "write it on the line above"
        fault = Diagnostic("E0114", message, (Label(token.span),), (help,))
        self.brackets.faults.append(fault)

    def begins_another(self, index: int, before: str, after: str) -> bool:
        """Whether the line after an unfinished one is a statement all the same: both keep whole."""
        if self.in_settings and before == "COMMA":
            return True
        if after in STARTERS:
            return not (before == "COMMA" and self.has_type("WITH"))
        if after == "RBRACE" or self.type_at(index + 1) != "EQUAL" or after != "NAME":
            return after in ("RBRACE", "")
        return before != "COMMA" or (self.has_type("EQUAL") and not self.has_type("WITH"))

    @property
    def in_settings(self) -> bool:
        return bool(self.owners) and self.owners[-1].head in ("DATA", "TRAIN")

    def has_type(self, type: str) -> bool:
        return any(token.type == type for token in self.piece.tokens)

    def type_at(self, index: int) -> str:
        return self.tokens[index].type if index < len(self.tokens) else ""

    def siblings(self) -> list[Piece]:
        """The list of the body that is being read."""
        if not self.owners:
            return self.top
        body = self.owners[-1].body
        assert body is not None, "an owner is a piece whose body was opened"
        return body

    def end_statement(self) -> None:
        if self.piece.tokens:
            self.siblings().append(self.piece)
            self.piece = Piece()
        self.depth = 0

    def check_after_body(self, index: int) -> None:
        after = self.type_at(index + 1)
        if after not in ("NEWLINE", "") and index + 1 not in self.brackets.ends:
            label = Label(self.tokens[index + 1].span)
            message = "a new line is missing after '}'"
            self.brackets.faults.append(Diagnostic("E0112", message, (label,)))

    def end_bodies(self, count: int) -> None:
        self.end_statement()
        for _ in range(count):
            self.owners.pop()

    def open_body(self, token: Token, too_deep: bool) -> None:
        header = self.piece
        if not header.tokens:  # the brace stands on a line below its header
            header = self.siblings().pop()
            self.piece = header
            self.brackets.faults.append(_brace_below(token, header))
        header.body = []
        header.too_deep = too_deep
        self.end_statement()
        self.owners.append(header)


def _brace_below(token: Token, header: Piece) -> Diagnostic:
    word = header.tokens[0]
    labels = (Label(token.span), Label(word.span, "its header", primary=False))
    help = "write '{' at the end of the header's line"
    return Diagnostic(
        "E0112", f"the '{{' of '{word.text}' stands on a line of its own", labels, (help,)
    )


def is_header(piece: Piece) -> bool:
    """Whether the piece begins as what has a body."""
    return piece.head in HEADS
