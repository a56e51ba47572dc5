"""Which brackets belong together: tokens come in, `Brackets` goes out with a diagnostic a fault.

One pass in linear time. A bracket that is never closed must not swallow the rest of the file: it
is given up where a line can only begin a new statement, and the statements after it stay whole.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from graphdsl.language.diagnostics import Diagnostic, Label
from graphdsl.language.source import Span
from graphdsl.language.tokens import KEYWORDS, Token

MAX_DEPTH = 200
"""How deep expressions may be nested."""
MAX_BODIES = 16
"""How deep bodies may be nested in one another."""

CLOSERS = {"RPAR": "LPAR", "RSQB": "LSQB", "RBRACE": "LBRACE"}
OPENERS = frozenset(CLOSERS.values())
HEADS = frozenset(("BLOCK", "OPTIMIZER", "REPEAT", "DATA", "TRAIN"))
SETTINGS_HEADS = frozenset(("DATA", "TRAIN"))
IN_EXPRESSIONS = frozenset(["IN", "IF", "ELSE", "AND", "OR", "NOT", "TRUE", "FALSE", "WITH"])
STARTERS = frozenset(word.upper() for word in KEYWORDS) - IN_EXPRESSIONS
TOP_ONLY = STARTERS - frozenset(
    ["CONST", "PARAM", "STATE", "UPDATE", "SHARE", "COLLECT", "RETURN", "REPEAT", "OPTIMIZER"]
)
BINARY = frozenset(["PLUS", "MINUS", "STAR", "SLASH", "AT", "CIRCUMFLEX", "COMPARE", "AND", "OR"])
UNFINISHED = BINARY | frozenset(("DOTDOT", "IN", "NOT", "IF", "ELSE", "EQUAL"))
EXPECTING = frozenset(("LPAR", "LSQB", "COMMA", "COLON"))
CONTINUES = BINARY | frozenset(("COMMA", "EQUAL", "TILDE", "IF", "ELSE", "NOT"))


@dataclass(slots=True)
class Brackets:
    """What each bracket is, by its token's index."""

    bodies: set[int] = field(default_factory=set)
    """The `{` that open bodies."""
    ends: set[int] = field(default_factory=set)
    """The `}` that close bodies."""
    ignored: set[int] = field(default_factory=set)
    """Brackets without a partner: they neither open nor close anything."""
    too_deep: set[int] = field(default_factory=set)
    """Openers nested beyond the limit."""
    missing_ends: Counter[int] = field(default_factory=Counter)
    """How many bodies end, for want of their `}`, before the token of this index."""
    faults: list[Diagnostic] = field(default_factory=list)


@dataclass(slots=True)
class _Level:
    """The brackets open inside one body, or at the top of the file."""

    opener: int = -1
    settings: bool = False
    header_column: int = 0
    head: str = ""
    column: int = 0
    open: list[int] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def match_brackets(tokens: list[Token]) -> Brackets:
    """Pair the brackets of a file."""
    return _Matcher(tokens).run()


class _Matcher:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.found = Brackets()
        self.levels = [_Level()]
        braces = Counter(token.type for token in tokens)
        self.unbalanced = braces["LBRACE"] > braces["RBRACE"]

    def run(self) -> Brackets:
        fresh = True
        for index, token in enumerate(self.tokens):
            if token.type == "NEWLINE":
                fresh = True
                continue
            if fresh:
                self.begin_line(index, token)
                fresh = False
            if token.type in OPENERS:
                fresh = self.open(index, token)
            elif token.type in CLOSERS:
                self.close(index, token)
        self.finish()
        return self.found

    def begin_line(self, index: int, token: Token) -> None:
        """Give up brackets that the line shows to be unclosed; note what the line begins with."""
        level = self.levels[-1]
        if level.open and self.begins_statement(index, token):
            self.abandon(level, len(level.open))
        if self.unbalanced and token.type in TOP_ONLY and not level.open:
            while len(self.levels) > 1 and self.shows_missing_end(index, token):
                self.found.missing_ends[index] += 1
                self.unclosed_body(self.levels.pop())
        level = self.levels[-1]
        if not level.open and not (token.type == "LBRACE" and level.head in HEADS):
            level.head, level.column = token.type, token.span.column

    def begins_statement(self, index: int, token: Token) -> bool:
        if token.type in STARTERS:
            return True
        if token.type != "NAME" or self.type_at(index + 1) != "EQUAL":
            return False
        before = self.tokens[index - 2].type if index > 1 else ""
        if before in CONTINUES or before in OPENERS:
            return False
        return token.span.column <= self.levels[-1].column

    def shows_missing_end(self, index: int, token: Token) -> bool:
        level = self.levels[-1]
        if level.settings and self.type_at(index + 1) == "EQUAL":
            return False
        return level.settings or token.span.column <= level.header_column

    def type_at(self, index: int) -> str:
        return self.tokens[index].type if index < len(self.tokens) else ""

    def open(self, index: int, token: Token) -> bool:
        """Note an opening bracket; whether a statement begins after it."""
        level = self.levels[-1]
        is_body = token.type == "LBRACE" and level.head in HEADS and not level.settings
        if is_body and level.counts["LBRACE"] == 0 and self.may_open_body(index, level):
            self.abandon(level, len(level.open))
            self.found.bodies.add(index)
            settings = level.head in SETTINGS_HEADS
            self.levels.append(_Level(index, settings, level.column))
            level.head = ""
            if len(self.levels) > MAX_BODIES + 1:
                self.too_deep(index, len(self.levels) - 1, "bodies", MAX_BODIES)
            return True
        level.open.append(index)
        level.counts[token.type] += 1
        if len(level.open) > MAX_DEPTH:
            self.too_deep(index, len(level.open), "brackets", MAX_DEPTH)
        return False

    def may_open_body(self, index: int, level: _Level) -> bool:
        """A `{` at the end of its line opens a body even if the header's parenthesis is open.

        One where the header cannot end is a map, and so is an item of a default's own brackets.
        """
        before = self.tokens[index - 1].type
        if before in UNFINISHED or (len(level.open) > 1 and before in EXPECTING):
            return False
        return not level.open or self.type_at(index + 1) in ("NEWLINE", "")

    def close(self, index: int, token: Token) -> None:
        wanted = CLOSERS[token.type]
        level = self.levels[-1]
        if level.counts[wanted]:
            deep = 0
            while self.tokens[level.open[-1 - deep]].type != wanted:
                deep += 1
            self.abandon(level, deep)
            level.counts[wanted] -= 1
            level.open.pop()
        elif level.open and not (wanted == "LBRACE" and len(self.levels) > 1):
            self.mismatch(index, level)
        elif wanted == "LBRACE" and len(self.levels) > 1:
            self.abandon(level, len(level.open))
            self.levels.pop()
            self.found.ends.add(index)
        else:
            self.found.ignored.add(index)
            message = f"'{token.text}' closes nothing"
            self.found.faults.append(Diagnostic("E0111", message, (Label(token.span),)))

    def mismatch(self, index: int, level: _Level) -> None:
        """Report a bracket that is closed by one of another kind."""
        opener = level.open.pop()
        level.counts[self.tokens[opener].type] -= 1
        self.found.ignored.update((opener, index))
        closer, token = self.tokens[index], self.tokens[opener]
        labels = (Label(closer.span), Label(token.span, "opened here", primary=False))
        message = f"'{closer.text}' does not close '{token.text}'"
        self.found.faults.append(Diagnostic("E0111", message, labels))

    def abandon(self, level: _Level, count: int) -> None:
        """Report the `count` innermost brackets of `level` as unclosed and forget them."""
        if not count:
            return
        lost = [self.tokens[index] for index in level.open[-count:]]
        self.found.ignored.update(level.open[-count:])
        del level.open[-count:]
        level.counts.subtract(Counter(token.type for token in lost))
        inner = lost[-1]
        others = tuple(Label(one.span, "nor is this", primary=False) for one in lost[-4:-1])
        message = f"'{inner.text}' is never closed"
        self.found.faults.append(Diagnostic("E0110", message, (Label(inner.span), *others)))

    def unclosed_body(self, level: _Level) -> None:
        self.abandon(level, len(level.open))
        brace = self.tokens[level.opener]
        help = "a body ends with '}' on a line of its own"
        message = "'{' is never closed"
        self.found.faults.append(Diagnostic("E0110", message, (Label(brace.span),), (help,)))

    def too_deep(self, index: int, depth: int, what: str, limit: int) -> None:
        self.found.too_deep.add(index)
        if depth > limit + 1:
            return
        token = self.tokens[index]
        help = "give an inner part a name of its own" if what == "brackets" else ""
        message = f"{what} are nested deeper than {limit}"
        helps = (help,) if help else ()
        self.found.faults.append(Diagnostic("E0113", message, (Label(token.span),), helps))

    def finish(self) -> None:
        while len(self.levels) > 1:
            self.unclosed_body(self.levels.pop())
        self.abandon(self.levels[0], len(self.levels[0].open))


def span_of(tokens: list[Token]) -> Span:
    """The span from the first to the last of `tokens`."""
    return tokens[0].span.to(tokens[-1].span)
