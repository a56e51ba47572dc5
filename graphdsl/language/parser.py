"""Source -> ast.Program, or a `ModelError` with every syntax error of the file, in order.

The text is lexed once, split into statements, and each statement parsed on its own by the grammar
of `gdl.lark`, so that one syntax error hides no other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lark.exceptions import UnexpectedToken

from graphdsl.language import ast
from graphdsl.language.build import BuildFault
from graphdsl.language.depth import check_depth
from graphdsl.language.diagnostics import Diagnostic, Label, ModelError
from graphdsl.language.docs import Docs, find_docs
from graphdsl.language.foreign import belongs_to, extent, is_foreign, without_echoes
from graphdsl.language.grammar import parse_tokens
from graphdsl.language.placement import check_placement
from graphdsl.language.source import Source, Span
from graphdsl.language.statements import Piece, is_header, split
from graphdsl.language.syntax_errors import explain_token, missing_body
from graphdsl.language.tokens import lex

MAX_ERRORS = 200
"""A file with more errors than this is not a model file; the rest are only counted."""


def parse(source: Source) -> ast.Program:
    """The program that `source` holds; `ModelError` with all its syntax errors otherwise."""
    program, faults = parse_leniently(source)
    if faults:
        raise ModelError(faults)
    return program


def parse_leniently(source: Source) -> tuple[ast.Program, list[Diagnostic]]:
    """The statements that parse, and the faults of those that do not."""
    lexed = lex(source)
    pieces, faults = split(lexed.tokens)
    parser = _Parser(find_docs(lexed.comments), [*lexed.faults, *faults])
    statements = parser.statements(pieces, "")
    docs = parser.docs
    comments = tuple(one for one in lexed.comments if one.span.start not in docs.used)
    broken = frozenset(parser.broken)
    program = ast.Program(statements, docs.program, source=source, comments=comments, broken=broken)
    return program, _in_order(without_echoes(parser.faults, parser.foreign))


def parse_settings(source: Source) -> tuple[tuple[ast.Setting, ...], list[Diagnostic]]:
    """The settings of a text that holds nothing else, as a block of them does, and the faults."""
    lexed = lex(source)
    pieces, faults = split(lexed.tokens)
    parser = _Parser(find_docs([]), [*lexed.faults, *faults])
    settings = parser.statements(pieces, "train")
    return settings, _in_order(parser.faults)


class _Parser:
    """Parses pieces and gathers their faults."""

    def __init__(self, docs: Docs, faults: list[Diagnostic]) -> None:
        self.docs = docs
        self.faults = faults
        self.broken: set[str] = set()
        self.foreign: list[Span] = []
        """Where statements of other languages stand: nothing else is said of them."""

    def statements(self, pieces: list[Piece], owner: str) -> tuple[Any, ...]:
        """The nodes of the pieces of one body, whose header begins with the keyword `owner`."""
        start = "setting" if owner in ("data", "train") else ""
        nodes, foreign = [], None
        for piece in pieces:
            if foreign is not None and belongs_to(piece, foreign):
                self.skip(piece)
                continue
            told = len(self.faults)
            nodes.append(self.statement(piece, owner, start))
            foreign = piece if is_foreign(piece, self.faults[told:]) else None
            if foreign is not None:
                self.foreign.append(extent(piece))
        return tuple(node for node in nodes if node is not None)

    def skip(self, piece: Piece) -> None:
        """Leave out what belongs to a statement of another language, which is told already."""
        self.foreign.append(extent(piece))
        self.broken.update(token.text for token in piece.tokens)

    def statement(self, piece: Piece, owner: str, start: str) -> Any:
        node = self.node(piece, owner, start or ("head" if is_header(piece) else "line"))
        doc = None if start == "setting" else self.doc(piece)  # before a body on its line takes it
        if piece.body is not None and not piece.too_deep:
            body = self.statements(piece.body, piece.tokens[0].text)
            node = None if node is None else _with_body(node, body, piece)
        return node if node is None or doc is None else replace(node, doc=doc)

    def doc(self, piece: Piece) -> str | None:
        return self.docs.above(piece.tokens[0].span.line) if self.docs.runs else None

    def node(self, piece: Piece, owner: str, start: str) -> Any:
        made = self._node(piece, owner, start)
        if made is None:
            self.broken.update([owner, *(token.text for token in piece.tokens)])
        return made

    def _node(self, piece: Piece, owner: str, start: str) -> Any:
        if start != "setting" and (fault := check_placement(piece.tokens, owner)):
            self.faults.append(fault)
            return None
        if piece.faulty:
            return None
        try:
            node = parse_tokens(piece.tokens, start)
        except UnexpectedToken as unexpected:
            fault = explain_token(piece.tokens, unexpected.token, unexpected.expected, start)
        except BuildFault as broken:
            fault = broken.diagnostic
        else:
            fault = check_depth(node, piece.tokens)
            if fault is None and start == "head" and piece.body is None:
                fault = missing_body(piece.tokens)
        if fault is None:
            return node
        self.faults.append(fault)
        return None


def _with_body(node: Any, body: tuple[Any, ...], piece: Piece) -> Any:
    span = node.span if piece.close is None else node.span.to(piece.close.span)
    if isinstance(node, ast.Data | ast.Train):
        return replace(node, settings=body, span=span)
    return replace(node, body=body, span=span)


def _in_order(faults: list[Diagnostic]) -> list[Diagnostic]:
    """The faults by their places, each once; a file with very many is cut short."""
    unique = {(one.code, one.message, one.labels[0].span.start): one for one in faults}
    ordered = sorted(unique.values(), key=lambda one: one.labels[0].span.start)
    if len(ordered) <= MAX_ERRORS:
        return ordered
    rest = ordered[MAX_ERRORS]
    message = f"{len(ordered) - MAX_ERRORS} more errors follow from here on"
    more = Diagnostic("E0125", message, (Label(rest.labels[0].span),))
    return [*ordered[:MAX_ERRORS], more]
