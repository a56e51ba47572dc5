"""Where each kind of statement may stand: at the top of a file, in a block, a loop, a rule."""

from __future__ import annotations

from graphdsl.language.diagnostics import Diagnostic, Label
from graphdsl.language.tokens import Token

_TOP = (
    "const dim input param state update loss metric output share "
    "block optimizer repeat from data train"
)
_INNER = "const param state update share repeat"
ALLOWED = {
    "": frozenset(_TOP.split()),
    "block": frozenset((*_INNER.split(), "return")),
    "repeat": frozenset((*_INNER.split(), "collect")),
    "optimizer": frozenset(["const", "state", "update", "repeat"]),
}
_PLACES = {"return": "a block", "collect": "'repeat'"}


def check_placement(tokens: list[Token], owner: str) -> Diagnostic | None:
    """The fault of a statement that begins with a keyword which may not stand inside `owner`."""
    word, allowed = tokens[0], ALLOWED.get(owner)
    if allowed is None or word.type == "NAME" or word.text in allowed:
        return None  # a header that is at fault itself may begin with any word
    if not any(word.text in one for one in ALLOWED.values()):
        return None
    where = f"inside '{owner}'" if owner else "at the top of a file"
    place = _PLACES.get(word.text, "the top of the file")
    message = f"'{word.text}' cannot stand {where}"
    return Diagnostic("E0118", message, (Label(word.span),), (f"it belongs {_preposition(place)}",))


def _preposition(place: str) -> str:
    return f"at {place}" if place.startswith("the top") else f"inside {place}"
