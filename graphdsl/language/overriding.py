"""Settings from outside a file: a program and values by key come in; the program that has them in
its `data` and `train` blocks goes out, before anything is lowered.

What checks the settings of a file so checks these too, whatever settings there come to be. Each
stands on a line of a text that errors point into; what an option of its own gives has a text too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from graphdsl.language import ast
from graphdsl.language.diagnostics import Diagnostic, UsageError, did_you_mean
from graphdsl.language.near import nearest
from graphdsl.language.parser import parse_settings
from graphdsl.language.settings import KINDS, BlockName, keys, lookup
from graphdsl.language.source import Source
from graphdsl.language.spelling import spell

NODES: Mapping[BlockName, type[ast.Data] | type[ast.Train]] = {
    "data": ast.Data,
    "train": ast.Train,
}


@dataclass(frozen=True, slots=True)
class GivenSettings:
    """Settings by key: texts in the language's own syntax, or plain values; None, or no text,
    leaves a setting out. A key may name its block: `train.seed`. `name` is what errors call them,
    all but those that `options` names by key.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    name: str = "settings"
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Place:
    """The block that a key belongs to, and the key."""

    block: BlockName
    key: str


def override(program: ast.Program, given: GivenSettings) -> ast.Program:
    """The program with the settings given, in a block added where the file has none.

    Raises `UsageError` with every key that says too little, or every text that does not parse.
    """
    if not given.values:
        return program
    words = _place_all(program, given)
    texts = {p: _text(program, p, given.values[word]) for p, word in words.items()}
    named = {p: given.options[word] for p, word in words.items() if word in given.options}
    settings = _parse_all(texts, named, given.name)
    changed = program
    for block in NODES:
        mine = [settings[p] for p in texts if p.block == block and p in settings]
        left_out = {p.key for p, text in texts.items() if p.block == block and not text}
        if mine or left_out:
            changed = _with_settings(changed, block, mine, left_out)
    return replace(changed, written=program)


def block_of(program: ast.Program, block: BlockName) -> ast.Data | ast.Train | None:
    """The program's block of settings, the first where it has two."""
    return next((s for s in program.statements if isinstance(s, NODES[block])), None)


def _parse_all(
    texts: Mapping[_Place, str], named: Mapping[_Place, str], name: str
) -> dict[_Place, ast.Setting]:
    """The settings that texts say; those of options that are `named` stand apart from the others,
    which are lines of one text."""
    lines = [place for place, text in texts.items() if text]
    shared = [place for place in lines if place not in named]
    sources = [(Source(_lines(texts, shared), name), shared)]
    for place in (place for place in lines if place in named):
        sources.append((Source(_lines(texts, [place]), named[place], has_lines=False), [place]))
    settings: dict[_Place, ast.Setting] = {}
    faults: list[Diagnostic] = []
    for source, places in sources:
        parsed, found = parse_settings(source)
        settings |= {places[setting.span.line - 1]: setting for setting in parsed}
        faults += found
    if faults:
        raise UsageError(faults)
    return settings


def _lines(texts: Mapping[_Place, str], places: Sequence[_Place]) -> str:
    return "".join(f"{place.key} = {texts[place]}\n" for place in places)


# --- which setting is meant -------------------------------------------------------------------


def _place_all(program: ast.Program, given: GivenSettings) -> dict[_Place, str]:
    """The keys given, by what each of them means."""
    faults: list[Diagnostic] = []
    placed: dict[_Place, str] = {}
    for word, value in given.values.items():
        found = _place(program, word, is_left_out=value is None or value == "")
        if isinstance(found, _Place) and found in placed:
            help = ("give it once",)
            found = Diagnostic("E0808", f"'{found.key}' is given twice", (), help)
        if isinstance(found, _Place):
            placed[found] = word
        else:
            faults.append(found)
    if faults:
        raise UsageError(faults)
    return placed


def _place(program: ast.Program, word: str, is_left_out: bool) -> _Place | Diagnostic:
    """Where a key belongs. One that no block knows goes to the likelier, whose table tells."""
    owner, dot, rest = word.partition(".")
    key = rest if dot else word
    named = [block for block in NODES if dot and block == owner]
    if not key.isidentifier() or (dot and not named):
        help = ("a key is written as batch or, where it could be of two blocks, train.batch",)
        return Diagnostic("E0808", f"'{word}' is no key of a setting", (), help)
    inputs = _names(program, ast.Input)
    known: dict[BlockName, list[str]] = {
        "data": [*keys("data"), *inputs],
        # scale_lr and its like are keys that the table has as scale_ARG
        "train": [*keys("train"), *([key] if lookup("train", key) else [])],
    }
    owners = [block for block in named or NODES if lookup(block, key) or key in known[block]]
    if len(owners) == 1:
        return _Place(owners[0], key)
    if owners:
        help = (f"write train.{key} or, for what is fed, data.{key}",)
        return Diagnostic("E0808", f"'{key}' is a setting of 'train' and an input", (), help)
    if key in _names(program, ast.Const):
        help = (f"override it as one: --set {key}=… or load(…, {key}=…)",)
        return Diagnostic("E0808", f"'{key}' is a constant, not a setting", (), help)
    if is_left_out:
        near = did_you_mean(key, known["train"], known["data"])
        listed = (f"there are {', '.join([*known['train'], *known['data']])}",)
        return Diagnostic("E0808", f"there is no setting '{key}' to leave out", (), near or listed)
    likely: BlockName = "data" if nearest(key, known["data"]) else "train"
    return _Place(named[0] if named else likely, key)


def _names(program: ast.Program, kind: type[ast.Input] | type[ast.Const]) -> list[str]:
    return [s.name.id for s in program.statements if isinstance(s, kind)]


# --- what it is set to ------------------------------------------------------------------------


def _text(program: ast.Program, place: _Place, value: object) -> str:
    """The value on one line, in the language's syntax; "" for none."""
    if not isinstance(value, str):
        return "" if value is None else _spelled(place, value)
    text = " ".join(value.split("\n")).strip()
    bound = place.block == "data" and place.key in _names(program, ast.Input)
    # a shell takes quotes away
    return f'"{text}"' if not bound and _is_bare(place, text) else text


def _is_bare(place: _Place, text: str) -> bool:
    """Whether the text lacks the quotes that it would have in a file: a path or a column, which
    have no other meaning, or a number with a unit, which is no expression."""
    setting = lookup(place.block, place.key)
    if setting is None or not text:
        return False
    if setting.kind == "memory":
        return _WITH_UNIT.fullmatch(text) is not None
    return setting.kind in ("path", "column") and not text.startswith('"')


_WITH_UNIT = re.compile(r"[0-9.]+ ?[A-Za-z]+")


def _spelled(place: _Place, value: object) -> str:
    try:
        return spell(value)
    except ValueError as why:
        message = f"'{place.key}' cannot be {why}"
        raise UsageError(Diagnostic("E0809", message, (), (_wanted(place),))) from None


def _wanted(place: _Place) -> str:
    """What a key takes: an expression has no other form than a text."""
    setting = lookup(place.block, place.key)
    if setting is not None and setting.kind not in _EXPRESSIONS:
        return f"it is {KINDS[setting.kind]}"
    text = "images / 16" if setting is None else _EXPRESSIONS[setting.kind]
    return f"give it as text, as a file has it: settings={{'{place.key}': '{text}'}}"


_EXPRESSIONS = {"call": "adam(lr = 1e-3)", "criterion": "early(J)"}
"""Kinds of settings that no plain value is, each with an example."""


def _with_settings(
    program: ast.Program, block: BlockName, settings: Sequence[ast.Setting], left_out: set[str]
) -> ast.Program:
    """The program with settings in place of those of the same keys, new ones last."""
    old = block_of(program, block)
    by_key = {setting.key.id: setting for setting in settings}
    kept = [] if old is None else [s for s in old.settings if s.key.id not in left_out]
    merged = [by_key.pop(s.key.id, s) for s in kept]
    merged += by_key.values()
    if old is not None:
        new = replace(old, settings=tuple(merged))
        statements = tuple(new if s is old else s for s in program.statements)
        return replace(program, statements=statements)
    if not merged:
        return program
    first = merged[0].span
    last = [setting.span for setting in merged if setting.span.source is first.source][-1]
    made = NODES[block](tuple(merged), span=first.to(last))
    return replace(program, statements=(*program.statements, made))
