"""Editors and Pygments colour every example, each token as what the language takes it for."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphdsl.graph.types import DType
from graphdsl.language.docs import is_doc
from graphdsl.language.source import Source, read_source
from graphdsl.language.tokens import KEYWORDS, Token, lex

pygments = pytest.importorskip("pygments")
from pygments.token import Error, Keyword, Name, Number, Operator, String  # noqa: E402

from graphdsl.language.highlight import TYPES, GdlLexer  # noqa: E402

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("examples/**/*.gdl"), *ROOT.glob("graphdsl/prelude/*.gdl")])
GRAMMAR: dict[str, Any] = json.loads((ROOT / "grammar" / "gdl.tmLanguage.json").read_text("utf-8"))

Rule = tuple[re.Pattern[str], str, dict[int, str]]
Kinds = dict[int, object]
"""What a highlighter says of the character at each offset."""


def rules(pattern: dict[str, Any]) -> Iterator[Rule]:
    """The rules of a TextMate pattern, in order: only `include` and `match` are used."""
    if "include" in pattern:
        yield from rules(GRAMMAR["repository"][pattern["include"].removeprefix("#")])
    for inner in pattern.get("patterns", ()):
        yield from rules(inner)
    if "match" in pattern:
        captures = {int(k): v["name"] for k, v in pattern.get("captures", {}).items()}
        yield re.compile(pattern["match"]), pattern.get("name", ""), captures


RULES = [rule for pattern in GRAMMAR["patterns"] for rule in rules(pattern)]


def scopes(text: str) -> Kinds:
    """The scope of each character: in a line, the earliest match wins, then the first rule."""
    found: Kinds = {}
    start = 0
    for line in text.splitlines(keepends=True):
        bare, at = line.rstrip("\r\n"), 0
        while at < len(bare):
            matches = [(m, rule) for rule in RULES if (m := rule[0].search(bare, at)) and m[0]]
            if not matches:
                break
            match, (_, name, captures) = min(matches, key=lambda pair: pair[0].start())
            spans = [(match.span(), name), *((match.span(k), v) for k, v in captures.items())]
            for (begin, end), scope in spans:
                found |= {start + i: scope for i in range(begin, end) if scope}
            at = match.end()
        start += len(line)
    return found


def classes(text: str) -> Kinds:
    """What Pygments says of each character."""
    found: Kinds = {}
    for start, kind, value in GdlLexer(stripnl=False, ensurenl=False).get_tokens_unprocessed(text):
        found |= dict.fromkeys(range(start, start + len(value)), kind)
    return found


def kinds(tokens: list[Token]) -> Iterator[tuple[int, str]]:
    """Where tokens stand and what they are: number, text, keyword, key or call."""
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        called = after is not None and after.type == "LPAR"
        assigned = after is not None and after.type == "EQUAL"
        start = token.span.start
        if token.type in ("NUMBER", "STRING"):
            yield start, token.type.lower()
        elif token.text in KEYWORDS:
            yield start, "key" if assigned else "keyword"
        elif token.type == "NAME" and called:
            yield start, "call"


def test_nothing_drifts() -> None:
    text = json.dumps(GRAMMAR)
    for word in KEYWORDS:
        assert re.search(rf"\b{word}\b", text), f"{word} is missing from the TextMate grammar"
    assert set(TYPES) == {*DType.__members__, "float"}
    assert all(re.search(rf"\b{type}\b", text) for type in TYPES)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pygments.lexers"] == {"gdl": f"{GdlLexer.__module__}:GdlLexer"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_textmate(path: Path) -> None:
    source = read_source(path)
    found = scopes(source.text)
    for at, character in enumerate(source.text):
        assert character.isspace() or at in found, f"{path.name}: no scope at {at}: {character}"
    begins = {
        **{"number": "constant.numeric", "string": "string.", "call": ("entity.", "support.f")},
        **{"keyword": ("keyword.", "constant.language"), "key": "variable."},
    }
    check(source, found, lambda kind, scope: str(scope).startswith(begins[kind]))
    for comment in lex(source).comments:
        scope = "documentation" if is_doc(comment.text) else "number-sign"
        assert str(found[comment.span.start]) == f"comment.line.{scope}.gdl"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_pygments(path: Path) -> None:
    source = read_source(path)
    found = classes(source.text)
    assert Error not in found.values()
    belongs = {
        **{"number": (Number,), "string": (String,), "call": (Name.Function, Name.Builtin)},
        **{"keyword": (Keyword, Operator.Word), "key": (Name.Variable,)},
    }
    check(source, found, lambda kind, said: any(said in one for one in belongs[kind]))
    for comment in lex(source).comments:
        assert (found[comment.span.start] is String.Doc) == is_doc(comment.text)


def check(source: Source, found: Kinds, fits: Any) -> None:
    for at, kind in kinds(lex(source).tokens):
        line = source.text.count("\n", 0, at) + 1
        assert fits(kind, found[at]), f"{source.name}:{line}: a {kind} is {found[at]}"


@pytest.mark.parametrize("text", ["y = 1..50", "x.T", "a[..., -1]", "θ̂ = σ(1e-3)", "train = 1"])
def test_small_things(text: str) -> None:
    assert Error not in classes(text).values()
    assert all(c.isspace() or i in scopes(text) for i, c in enumerate(text) if c.isascii())
