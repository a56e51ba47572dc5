"""The place where a statement stops making sense, and the words its diagnostics are made of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from graphdsl.language.brackets import CLOSERS, OPENERS
from graphdsl.language.diagnostics import Diagnostic, Label
from graphdsl.language.source import Span
from graphdsl.language.tokens import KEYWORDS, Token

KEYWORD_TYPES = frozenset(word.upper() for word in KEYWORDS)
OPERAND_ENDS = frozenset(["NAME", "NUMBER", "STRING", "TRUE", "FALSE", "RPAR", "RSQB", "RBRACE"])
DECLARING = frozenset(("EQUAL", "COLON", "COMMA", "LPAR", "IN", "IMPORT"))
OPERAND_STARTS = frozenset(("NAME", "NUMBER", "STRING", "TRUE", "FALSE", "NOT", "LBRACE"))


@dataclass(frozen=True, slots=True)
class Clash:
    """A statement's tokens, the index of the one that does not fit, and what would have fitted."""

    tokens: list[Token]
    index: int
    expected: Collection[str]
    start: str

    @property
    def head(self) -> Token:
        """The first token of the statement."""
        return self.tokens[0]

    @property
    def found(self) -> Token | None:
        """The token that does not fit; None at the end of the statement."""
        return self.type_and_token(self.index)[1]

    @property
    def type(self) -> str:
        """The type of the token that does not fit; "" at the end of the statement."""
        return self.type_at(self.index)

    @property
    def before(self) -> Token | None:
        """The last token that did fit."""
        return self.tokens[self.index - 1] if self.index else None

    @property
    def before_type(self) -> str:
        """The type of the last token that did fit."""
        return self.before.type if self.before else ""

    @property
    def wants_operand(self) -> bool:
        """Whether an expression may begin here."""
        return "NUMBER" in self.expected

    @property
    def wants_operator(self) -> bool:
        """Whether a value ends here, so that only an operator or a sign could follow."""
        ended = self.before_type in OPERAND_ENDS and not self.wants_operand
        return ended and not DECLARING.issuperset(self.expected)

    @property
    def span(self) -> Span:
        """Where the fault is: the token that does not fit, or what follows the last one."""
        if self.found is not None:
            return self.found.span
        last = self.tokens[-1].span
        return last.source.span(last.end, last.end + 1)

    def type_and_token(self, index: int) -> tuple[str, Token | None]:
        """The token of an index and its type, if there is one."""
        if 0 <= index < len(self.tokens):
            return self.tokens[index].type, self.tokens[index]
        return "", None

    def type_at(self, index: int) -> str:
        """The type of the token of an index, "" if there is none."""
        return self.type_and_token(index)[0]

    @property
    def in_map(self) -> bool:
        """Whether the innermost bracket open at the fault is a map's."""
        opener = self.opener()
        return opener is not None and self.tokens[opener].type == "LBRACE"

    def has(self, type: str) -> bool:
        """Whether a token of the statement is of this type."""
        return any(token.type == type for token in self.tokens)

    def opener(self) -> int | None:
        """The index of the innermost bracket that is open at the fault."""
        depth = 0
        for index in range(self.index - 1, -1, -1):
            type = self.tokens[index].type
            if type in CLOSERS:
                depth += 1
            elif type in OPENERS:
                if not depth:
                    return index
                depth -= 1
        return None

    def fault(self, code: str, message: str, *help: str, label: str = "") -> Diagnostic:
        """A diagnostic at the fault."""
        return Diagnostic(code, message, (Label(self.span, label),), help)
