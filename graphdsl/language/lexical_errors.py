"""What is no token: a stretch of text comes in, a `Fault` goes out, with its stand-in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from unicodedata import name as unicode_name
from unicodedata import normalize

from graphdsl.language.diagnostics import Diagnostic, Label
from graphdsl.language.signs import COMMANDS, HINTS, LOOKALIKES
from graphdsl.language.source import Source, Span

FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+|\r(?!\n)"
)
"""Control characters, and those that make text read other than it runs; allowed nowhere."""

_UNSEEN = "\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
"""Characters that take no room, and are found in copied text."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, the token that stands in for it, and where to go on.

    The type BAD says that none stands in; "" that the text is simply left out.
    """

    diagnostic: Diagnostic | None
    type: str
    text: str
    end: int


def forbidden_characters(source: Source) -> list[Diagnostic]:
    """A diagnostic for every run of characters that no part of a file may hold."""
    return [
        _fault(
            "E0105",
            f"{describe(source.text[found.start()])} may not stand in a model file",
            source.span(*found.span()),
            help="delete it; it is invisible, and can make text look other than it is",
        )
        for found in FORBIDDEN.finditer(source.text)
    ]


def explain(source: Source, kind: str, start: int, end: int, touching: bool) -> Fault:
    """The fault of the text from `start` to `end`; `touching` if an operand ends at `start`."""
    match kind:
        case "foreign":
            return _foreign(source, start, end)
        case "numeral":
            return _numeral(source, start, end, touching)
        case "quoted":
            return _quoted(source, start, end, touching)
        case _:
            return _character(source, start)


def describe(character: str) -> str:
    """A character as a message shows it: itself if it can be seen, else its number and name."""
    if character.isprintable() and not character.isspace():
        return f"'{character}'"
    try:
        title = unicode_name(character)
    except ValueError:
        title = {0: "NUL", 13: "CARRIAGE RETURN"}.get(ord(character), "")
    return f"the character U+{ord(character):04X}" + (f" ({title})" if title else "")


def _fault(code: str, message: str, span: Span, label: str = "", help: str = "") -> Diagnostic:
    return Diagnostic(code, message, (Label(span, label),), (help,) if help else ())


# --- operators of other languages -------------------------------------------------------------

_FOREIGN = {
    "**": ("a power is written '^'", "CIRCUMFLEX", "^"),
    ":=": ("a name is bound with '='", "EQUAL", "="),
    "&&": ("write 'and'", "AND", "and"),
    "||": ("write 'or'", "OR", "or"),
    "!": ("write 'not'", "NOT", "not"),
    "<>": ("write '!='", "COMPARE", "!="),
    "|>": ("a function is called: f(x)", "BAD", "|>"),
    "->": ("there are no arrows: results follow 'return'", "BAD", "->"),
    "=>": ("there are no arrows: a name is bound with '='", "BAD", "=>"),
}


def _foreign(source: Source, start: int, end: int) -> Fault:
    sign, span = source.text[start:end], source.span(start, end)
    if sign[0] == ";":
        help = "leave it out: a statement ends with its line"
        return Fault(_fault("E0109", "';' means nothing here", span, help=help), "NEWLINE", "", end)
    if sign in ("//", "/*"):
        return _slashes(source, sign, start)
    if sign[-1] == "=" and sign not in _FOREIGN:
        help = f"give the result a name of its own, 'new = old {sign[:-1]} …': a name is bound once"
        if re.search(r"\btarget[ \t]*$", source.text[:start]):
            help = "what is trained on is one loss, its terms added up: 'loss J = a + b'"
        return Fault(
            _fault("E0109", f"'{sign}' is not an operator", span, help=help), "BAD", sign, end
        )
    help, type, text = _FOREIGN[sign]
    return Fault(_fault("E0109", f"'{sign}' is not an operator", span, help=help), type, text, end)


def _slashes(source: Source, sign: str, start: int) -> Fault:
    """A comment of C, or a division that rounds down; what a comment says is left out."""
    end = _line_end(source, start)
    if sign == "/*":
        closed = source.text.find("*/", start)
        end = end if closed < 0 else closed + 2
        help = "a comment begins with '#' and ends with its line"
    elif _begins_line(source, start):
        help = "a comment begins with '#'"
    else:
        help = (
            "a comment begins with '#'; a division is written '/', one of sizes is exact, and "
            "floor(a / b) rounds down"
        )
    span = source.span(start, start + 2)
    return Fault(_fault("E0109", f"'{sign}' is not an operator", span, help=help), "BAD", sign, end)


def _line_end(source: Source, start: int) -> int:
    end = source.text.find("\n", start)
    return len(source.text) if end < 0 else end


# --- numbers and strings ----------------------------------------------------------------------


def _numeral(source: Source, start: int, end: int, touching: bool) -> Fault:
    text, span = source.text[start:end], source.span(start, end)
    if touching and text[0] == ".":
        found = _fault(
            "E0106", f"'{text}' cannot follow a value", span, help="an index is written x[5]"
        )
        return Fault(found, "BAD", text, end)
    return Fault(_fault("E0106", *_numeral_words(text, span)), "NUMBER", _meant(text), end)


def _meant(text: str) -> str:
    """The number that most likely was meant, so that nothing else is said of its value."""
    if re.fullmatch(r"\.[0-9]+([eE][+-]?[0-9]+)?", text):
        return f"0{text}"
    found = re.match(r"[0-9]+(\.[0-9]+)?", text)
    return found[0] if found and not re.match(r"0[xXbBoO]", text) else "1"


def _numeral_words(text: str, span: Span) -> tuple[str, Span, str, str]:
    short = text if len(text) <= 40 else text[:40] + "…"
    message = f"'{short}' is not a number"
    if re.fullmatch(r"\.[0-9]+([eE][+-]?[0-9]+)?", text):
        return "a number needs a digit before its point", span, "", f"write 0{short}"
    if found := re.fullmatch(r"([0-9]+)\.([eE][+-]?[0-9]+)?", text):
        fixed = f"{found[1][:40]}.0{found[2] or ''}"
        return "a number needs a digit after its point", span, "", f"write {fixed}"
    if re.fullmatch(r"0[xXbBoO]\w*", text):
        return message, span, "", "numbers are decimal: 255, not 0xff"
    if found := re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([^\W\d]\w*)", text):
        if suffix := re.fullmatch(r"(.*[0-9])[fFlLjJ]", text):
            return message, span, "", f"write {suffix[1][:40]}"
        if len(text) <= 40 and not re.fullmatch(r"[eE]|_.*", found[2]):
            return message, span, "", f"a product needs its sign: {found[1]} * {found[2]}"
        return message, span, "", f"write {found[1][:40]}"
    return message, span, "", "a number is written 1, 1.5, 1e-3 or 1_000"


def _quoted(source: Source, start: int, end: int, touching: bool) -> Fault:
    text = source.text[start:end]
    if text.startswith('"""'):
        help = "a text that documents a declaration stands above it, each line after '##'"
        found = _fault(
            "E0108", "there are no strings in triple quotes", source.span(start, end), help=help
        )
        return Fault(found, "BAD", text, end)
    if text[0] == '"':
        end = start + len(text.rstrip())
        found = _fault(
            "E0108",
            "this string is not closed",
            source.span(start, end),
            help="a string ends with '\"' on the line it began on",
        )
        return Fault(found, "BAD", text, end)
    if touching:
        span = source.span(start, start + 1)
        found = _fault("E0104", "''' is no operator", span, help="a transpose is written x.T")
        return Fault(found, "", "", start + 1)
    if len(text) > 1 and text[-1] == "'":
        help = f'write "{text[1:-1]}"' if '"' not in text else ""
        found = _fault(
            "E0108", "strings stand in double quotes", source.span(start, end), help=help
        )
        return Fault(found, "STRING", f'"{text[1:-1]}"', end)
    help = "a string stands in double quotes"
    return Fault(
        _fault("E0104", "''' cannot be read here", source.span(start, start + 1), help=help),
        "BAD",
        "'",
        start + 1,
    )


# --- single characters ------------------------------------------------------------------------

_CURLY = re.compile(r"[“„‘][^“”‘’\n\"]*[”’“‘]")
_LATEX = re.compile(r"\\([A-Za-z]+)|\$([^$\n]*)\$")
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def _character(source: Source, start: int) -> Fault:
    character = source.text[start]
    end = start + 1
    if FORBIDDEN.match(character) and character != "\r":
        return Fault(None, "BAD", character, end)  # told by forbidden_characters
    if character == "\r":
        return Fault(None, "NEWLINE", "\n", end)
    span = source.span(start, end)
    message = f"{describe(character)} cannot be read here"
    if character in LOOKALIKES:
        type, plain = LOOKALIKES[character]
        return Fault(_fault("E0104", message, span, help=f"write '{plain}'"), type, plain, end)
    if character == "\\" and not source.text[end : _line_end(source, end)].strip():
        fault = _fault("E0104", message, span, help=HINTS["\\"])
        return Fault(fault, "BAD", "\\", _line_end(source, end) + 1)
    if character in "\\$" and (latex := _LATEX.match(source.text, start)):
        return _latex(source, latex)
    if character in "“„‘" and (found := _CURLY.match(source.text, start)):
        span = source.span(*found.span())
        help = 'a string stands in plain double quotes: "…"'
        fault = _fault("E0104", message, span, help=help)
        return Fault(fault, "STRING", f'"{found[0][1:-1]}"', found.end())
    if character == "%" and _begins_line(source, start):
        end = _line_end(source, start)
        return Fault(_fault("E0104", message, span, help=HINTS["%"]), "BAD", "%", end)
    if character.isspace() or character in _UNSEEN:
        help = "put an ordinary space in its place, or nothing"
        return Fault(_fault("E0104", message, span, help=help), "", "", end)
    return Fault(_fault("E0104", message, span, help=_hint(source, start)), "BAD", character, end)


def _latex(source: Source, found: re.Match[str]) -> Fault:
    """A command, or a formula between dollar signs."""
    span, command = source.span(*found.span()), found[1]
    if command is None:
        help = f"write it bare: {found[2].strip()}" if found[2].strip() else HINTS["$"]
        fault = _fault("E0104", "'$' cannot be read here", span, help=help)
        return Fault(fault, "BAD", found[0], found.end())
    help = COMMANDS.get(command, f"write {command}, or the letter itself")
    fault = _fault("E0104", "a command of LaTeX cannot be read here", span, help=help)
    return Fault(fault, "BAD", found[0], found.end())


def _hint(source: Source, start: int) -> str:
    character = source.text[start]
    if character == "%":
        return "a remainder is written mod(a, b); " + HINTS["%"]
    if character in "⁰¹²³⁴⁵⁶⁷⁸⁹":
        return f"a power is written x^{character.translate(_SUPERSCRIPTS)}"
    if character in _SUBSCRIPTS:
        return f"an index in a name is a plain digit: x{_SUBSCRIPTS.index(character)}"
    if character in HINTS:
        return HINTS[character]
    plain = normalize("NFKC", character)
    if plain != character and plain.isascii() and plain.isprintable():
        return f"write '{plain}'"
    if character.isascii():
        return ""
    return "names are made of letters, digits and '_'"


def _begins_line(source: Source, start: int) -> bool:
    return not source.text[source.text.rfind("\n", 0, start) + 1 : start].strip()
