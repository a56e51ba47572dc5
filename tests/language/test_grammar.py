"""The grammar file: free of conflicts, whole, and of one mind with the tokens."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from lark import Lark, logger

from graphdsl.language.grammar import STARTS, grammar_text, parse_tokens
from graphdsl.language.parser import parse
from graphdsl.language.printer import format_program
from graphdsl.language.source import Source, read_source
from graphdsl.language.tokens import KEYWORDS, PUNCTUATION, lex

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("examples/**/*.gdl"), *ROOT.glob("graphdsl/prelude/*.gdl")])


def basic(start: str | list[str]) -> Lark:
    return Lark(grammar_text(), parser="lalr", lexer="basic", start=start, debug=True)


def test_there_are_no_conflicts(caplog: pytest.LogCaptureFixture) -> None:
    logger.addHandler(caplog.handler)
    logger.setLevel(logging.DEBUG)
    try:
        basic(list(STARTS))
        basic("start")
    finally:
        logger.setLevel(logging.CRITICAL)
        logger.removeHandler(caplog.handler)
    assert "conflict" not in caplog.text.lower()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_grammar_alone_reads_files_whole(path: Path) -> None:
    text = format_program(parse(read_source(path)))
    if any(line.startswith((" ", ")")) and line.strip()[0] in "+-)" for line in text.splitlines()):
        pytest.skip("lines that go on are the parser's to join")
    assert basic("start").parse(text).data == "start"


def test_tokens_are_the_terminals_of_the_grammar() -> None:
    terminals = {terminal.name: terminal.pattern.value for terminal in basic("start").terminals}
    assert {word.upper() for word in KEYWORDS} <= set(terminals)
    for sign, type in PUNCTUATION.items():
        assert type in terminals
        assert type == "COMPARE" or terminals[type] == sign


def test_statements_parse_from_tokens() -> None:
    node = parse_tokens(lex(Source("y = x")).tokens, "line")
    assert node.names[0].id == "y"
