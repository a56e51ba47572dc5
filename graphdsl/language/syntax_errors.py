"""What a syntax error means: the token that did not fit comes in, a helpful diagnostic goes out."""

from __future__ import annotations

from collections.abc import Collection

from graphdsl.language.clash import KEYWORD_TYPES, Clash
from graphdsl.language.clipping import clip
from graphdsl.language.diagnostics import Diagnostic, Label
from graphdsl.language.expression_errors import explain_expression
from graphdsl.language.statement_errors import explain_statement
from graphdsl.language.tokens import PUNCTUATION, Token

_TITLES = {
    **{type: f"'{text}'" for text, type in PUNCTUATION.items() if type != "COMPARE"},
    **{type: f"'{type.lower()}'" for type in KEYWORD_TYPES},
    "COMPARE": "a comparison",
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": "a string in double quotes",
    "$END": "the end of the statement",
}
MOST_NAMED = 4
"""How many things that were expected a message lists."""


def explain_token(
    tokens: list[Token], found: object, expected: Collection[str], start: str
) -> Diagnostic:
    """The diagnostic of the token `found`, which is none of `tokens` at the statement's end."""
    index = next((at for at, token in enumerate(tokens) if token is found), len(tokens))
    clash = Clash(tokens, index, expected, start)
    return explain_statement(clash) or explain_expression(clash) or _plain(clash)


def _plain(clash: Clash) -> Diagnostic:
    """What was expected and what was found, where no more is known."""
    found = f"'{clip(clash.found.text)}'" if clash.found else "the end of the statement"
    wanted = sorted(_TITLES[type] for type in clash.expected if type in _TITLES)
    code = "E0114" if clash.found else "E0115"
    if 0 < len(wanted) <= MOST_NAMED:
        return clash.fault(code, f"expected {' or '.join(wanted)}, found {found}")
    return clash.fault(code, f"{found} cannot stand here")


def missing_body(tokens: list[Token]) -> Diagnostic:
    """The diagnostic of a header without its `{`."""
    last = tokens[-1].span
    span = last.source.span(last.end, last.end + 1)
    message = f"'{tokens[0].text}' needs a body"
    help = "write '{' at the end of this line, and '}' after the body"
    return Diagnostic("E0112", message, (Label(span),), (help,))
