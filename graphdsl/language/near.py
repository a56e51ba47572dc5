"""Near names: a word that nothing answers to comes in, the one that was likely meant goes out.

A name is near by what typing, remembering and translating change: a few letters slipped
(Damerau-Levenshtein, the bound growing with the length, the first letter counting more), other
capitals or underscores (nearly free), the beginning alone (`sigm` for `sigmoid`), more words than
there are (`batch_size` for `batch`), or their initials (`learning_rate` for `lr`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice

MAX_LENGTH = 60
"""Letters of a word that is looked at; what is longer is no slip of a name."""

MAX_NAMES = 1_000
"""Names of one scope that are compared, so that a file of very many names takes no longer."""

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]")
_CAPITALS, _UNDERSCORES, _DOUBLED, _TURNED, _FIRST_LETTER, _REWORDED = 0.2, 0.1, 0.7, 0.8, 0.6, 1.2
"""What each costs, an ordinary slip of one letter being 1."""


@dataclass(frozen=True, slots=True, order=True)
class _Candidate:
    """How far a name is, how far out its scope, and whether but a part of it is written."""

    cost: float
    scope: int
    name: str
    reworded: bool = False


def nearest(word: str, *scopes: Iterable[str]) -> str | None:
    """The known name nearest to `word`, if one is near enough to be what was meant.

    Of names that are equally near, that of the earlier scope is meant.
    """
    if len(word) > MAX_LENGTH:
        return None
    found = sorted(_candidates(word, scopes))
    if not found:
        return None
    first, alike = found[0], [one for one in found[1:] if one.reworded]
    if first.reworded and any(one.scope == first.scope for one in alike):
        return None  # of two that begin alike neither is more likely than the other
    return first.name


def _candidates(word: str, scopes: Iterable[Iterable[str]]) -> Iterator[_Candidate]:
    seen = {word}
    for scope, names in enumerate(scopes):
        for name in islice(names, MAX_NAMES):
            if name in seen:
                continue
            seen.add(name)
            cost = _spelling(word, name)
            if cost is not None:
                yield _Candidate(cost, scope, name)
            elif _is_reworded(word, name):
                yield _Candidate(_REWORDED, scope, name, reworded=True)


def _spelling(word: str, name: str) -> float | None:
    """How far the spellings are apart; None where it is too far."""
    mine, other = _folded(word), _folded(name)
    if mine == other:
        capitals = word.replace("_", "") != name.replace("_", "")
        underscores = word.casefold() != name.casefold()
        return _CAPITALS * capitals + _UNDERSCORES * underscores
    if _undoubled(mine) == _undoubled(other):
        return _DOUBLED
    if len(mine) == 2 and mine == other[::-1]:
        return _TURNED
    return _slips(mine, other) if mine and other else None


def _folded(word: str) -> str:
    """The word without what is written now this way, now that."""
    return word.casefold().replace("_", "")


def _undoubled(word: str) -> str:
    return "".join(letter for letter, _ in groupby(word))


def _slips(word: str, name: str) -> float | None:
    """The letters that slipped, if they are few for the length of the words."""
    most = min(3, (len(word) + len(name)) // 5)
    turned = word[:2] == name[1::-1]
    first = 0.0 if word[0] == name[0] or turned else _FIRST_LETTER
    cost = _edits(word, name, most) + first
    return cost if cost <= most else None


def _edits(a: str, b: str, most: int) -> float:
    """Letters put in, left out, changed or turned round between `a` and `b`; inf beyond `most`."""
    if abs(len(a) - len(b)) > most:
        return float("inf")
    before: list[float] = []
    row: list[float] = [float(j) for j in range(len(b) + 1)]
    for i, letter in enumerate(a, 1):
        earlier, before, row = before, row, [float(i)]
        for j, other in enumerate(b, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, earlier[j - 2] + _TURNED)
            row.append(cost)
        if min(row) > most:
            return float("inf")
    return row[-1]


def _is_reworded(word: str, name: str) -> bool:
    """Whether one is the beginning, the first or last words, or the initials of the other."""
    mine, other = _parts(word), _parts(name)
    if len(mine) > 1 and "".join(part[0] for part in mine) == name:
        return True
    if min(len(word), len(name)) < 3:
        return False
    few = min(len(mine), len(other))
    if (few and mine[:few] == other[:few]) or (few < len(mine) and mine[-few:] == other):
        return True
    short, long = sorted((_folded(word), _folded(name)), key=len)
    return len(short) > 2 and long.startswith(short)


def _parts(word: str) -> list[str]:
    """The words that a name is made of, in small letters."""
    return [part.casefold() for part in _PARTS.findall(word)]
