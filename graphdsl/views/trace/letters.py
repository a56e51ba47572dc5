"""Names and other text of a user's for LaTeX: a string comes in, ASCII goes out in which nothing is
a command of the user's."""

from __future__ import annotations

import re
import unicodedata

_SPECIAL = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''"},
    **{"−": r"\ensuremath{-}", "·": r"\ensuremath{\cdot}", "…": r"\ldots{}", "\t": " ", "\n": " "},
    **{"‖": r"\ensuremath{\Vert}", "∂": r"\ensuremath{\partial}", "∞": r"\ensuremath{\infty}"},
}
_COMMANDS = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"),
    *("lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi"),
    *("omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi"),
    *("Psi", "Omega"),
)
_GREEK = {
    **dict(zip("αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ", (f"\\{c}" for c in _COMMANDS), strict=True)),
    **dict(zip("οΑΒΕΖΗΙΚΜΝΟΡΤΧ", "oABEZHIKMNOPTX", strict=True)),
    "ς": r"\varsigma",
}
"""Greek letters, those that look like Latin ones without a command; LaTeX has no others."""

_ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"'}
"""Marks over a letter of a text."""
_MATH_ACCENTS = {
    **{"\u0300": "grave", "\u0301": "acute", "\u0302": "hat", "\u0303": "tilde", "\u0304": "bar"},
    **{"\u0306": "breve", "\u0307": "dot", "\u0308": "ddot", "\u030a": "mathring"},
    **{"\u030c": "check", "\u20d7": "vec"},
}
"""Marks over a variable."""
_MARKS = "[\u0300-\u036f\u20d0-\u20f0]*"
_LETTER = re.compile(rf".{_MARKS}", re.DOTALL)
_NUMBERED = re.compile(rf"([^\W\d_]{_MARKS})(\d+)")


def escape(text: str) -> str:
    """Text outside of mathematical mode, or within \\text and the like."""
    return "".join(map(_escaped, _LETTER.findall(text)))


def symbol(name: str) -> str:
    """A name in mathematical mode: `W_{1}`, `g_{b}`, `\\theta`, `\\hat{x}`, `\\mathit{loss}`."""
    prefix, _, rest = name.partition("_")
    if rest and re.sub(_MARKS, "", prefix).isalpha():
        return f"{_letters(prefix)}_{{{symbol(rest)}}}"
    numbered = _NUMBERED.fullmatch(name)
    if numbered:
        return f"{_letters(numbered[1])}_{{{numbered[2]}}}"
    return _letters(name)


def _letters(name: str) -> str:
    """One letter as a variable, several as a word."""
    if name.isascii() and name.isdecimal():
        return name
    plain = unicodedata.normalize("NFD", name)
    base, marks = plain[0], plain[1:]
    letter = base if base.isascii() and base.isalpha() else _GREEK.get(base, "")
    if letter and all(mark in _MATH_ACCENTS for mark in marks):
        for mark in marks:
            letter = rf"\{_MATH_ACCENTS[mark]}{{{letter}}}"
        return letter
    font = "mathit" if name.isascii() and name.isalnum() else "text"
    return rf"\{font}{{{escape(name)}}}"


def _escaped(letter: str) -> str:
    """A character with the marks that stand on it."""
    plain = unicodedata.normalize("NFKD", letter)
    base, marks = plain[0], plain[1:]
    if base.isascii() and base.isalpha() and marks in _ACCENTS:
        return f"\\{_ACCENTS[marks]}{{{base}}}"
    return "".join(map(_character, letter))


def _character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character.isascii():
        return character if character.isprintable() else _point(character)
    greek = _GREEK.get(character)
    return rf"\ensuremath{{{greek}}}" if greek else _point(character)


def _point(character: str) -> str:
    """A character that LaTeX's fonts lack, by its number."""
    return f"U+{ord(character):04X}"
