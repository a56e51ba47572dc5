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
_SAME_AS_LATIN = {
    **{"omicron": "o", "Alpha": "A", "Beta": "B", "Epsilon": "E", "Zeta": "Z", "Eta": "H"},
    **{"Iota": "I", "Kappa": "K", "Mu": "M", "Nu": "N", "Omicron": "O", "Rho": "P", "Tau": "T"},
    **{"Chi": "X"},
}
"""Greek letters that LaTeX has no command for."""


def escape(text: str) -> str:
    """Text outside of mathematical mode, or within \\text and the like."""
    return "".join(map(_escaped, text))


def symbol(name: str) -> str:
    """A name in mathematical mode: `W_{1}`, `g_{b}`, `\\theta`, `\\mathit{loss}`."""
    prefix, _, rest = name.partition("_")
    if rest and prefix.isalpha():
        return f"{_letters(prefix)}_{{{symbol(rest)}}}"
    numbered = re.fullmatch(r"([^\W\d_])(\d+)", name)
    if numbered:
        return f"{_letters(numbered[1])}_{{{numbered[2]}}}"
    return _letters(name)


def _letters(name: str) -> str:
    """One letter as a variable, several as a word."""
    if len(name) == 1 and (greek := _greek(name)):
        return greek
    if len(name) == 1 and name.isascii() and name.isalnum():
        return name
    if name.isascii() and name.isdecimal():
        return name
    font = "mathit" if name.isascii() and name.isalnum() else "text"
    return rf"\{font}{{{escape(name)}}}"


def _escaped(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character.isascii():
        return character if character.isprintable() else _point(character)
    if greek := _greek(character):
        return rf"\ensuremath{{{greek}}}"
    plain = unicodedata.normalize("NFKD", character)
    base, marks = plain[0], plain[1:]
    if base.isascii() and base.isalpha() and marks in _ACCENTS:
        return f"\\{_ACCENTS[marks]}{{{base}}}"
    return _point(character)


_ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"'}


def _point(character: str) -> str:
    """A character that LaTeX's fonts lack, by its number."""
    return f"U+{ord(character):04X}"


def _greek(letter: str) -> str:
    """The command for a Greek letter, or nothing."""
    words = unicodedata.name(letter, "").split()
    if len(words) != 4 or words[0] != "GREEK" or words[2] != "LETTER":
        return ""
    name = words[3].lower().replace("lamda", "lambda")
    name = name.capitalize() if words[1] == "CAPITAL" else name
    if name == "final":
        return r"\varsigma"
    return _SAME_AS_LATIN.get(name) or f"\\{name}"
