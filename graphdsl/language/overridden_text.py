"""A program with settings from outside -> what they are, and its file's text with them inside.

All else of the text stays as it was written, and it parses as the program that came in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphdsl.language import ast
from graphdsl.language.flat import flat
from graphdsl.language.overriding import NODES, block_of


@dataclass(frozen=True, slots=True)
class _Edit:
    """The characters from `start` to `end` give way to `text`."""

    start: int
    end: int
    text: str


def overridden_text(program: ast.Program) -> str:
    """The text of the program's file, the settings from outside among those of its blocks."""
    text = program.source.text
    if program.written is None:
        return text
    edits = [
        edit
        for block in NODES
        for edit in _edit(text, block, block_of(program.written, block), block_of(program, block))
    ]
    pieces, at = [], 0
    for edit in sorted(edits, key=lambda one: one.start):
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]])


def overridden_settings(program: ast.Program) -> dict[str, str]:
    """The settings from outside, as `override` takes them: their texts by block and key."""
    found: dict[str, str] = {}
    for block in NODES:
        old, new = (_by_key(block_of(one, block)) for one in (program.written or program, program))
        changed = {key: _value(setting) for key, setting in new.items() if old.get(key) != setting}
        left_out = {key: "" for key in old if key not in new}
        found |= {f"{block}.{key}": text for key, text in (*changed.items(), *left_out.items())}
    return found


_Block = ast.Data | ast.Train


def _by_key(block: _Block | None) -> dict[str, ast.Setting]:
    return {} if block is None else {setting.key.id: setting for setting in block.settings}


def _edit(text: str, word: str, old: _Block | None, new: _Block | None) -> Iterator[_Edit]:
    if new is None:
        return
    if old is None:
        yield _Edit(len(text), len(text), f"\n{word} {{\n{_lines(new.settings)}}}\n")
        return
    after = _by_key(new)
    for setting in old.settings:
        start, end = setting.span.start, setting.span.end
        kept = after.pop(setting.key.id, None)
        if kept is None:
            yield _Edit(*_whole_line(text, start, end), "")
        elif kept != setting:
            yield _Edit(start, end, _line(kept))
    if after:
        brace = old.span.end - 1
        start = text.rfind("\n", 0, brace) + 1
        if text[start:brace].strip():  # the body ends on its last setting's line
            end = len(text[:brace].rstrip())
            yield _Edit(end, brace, f"\n{_lines([*after.values()])}")
        else:
            yield _Edit(start, start, _lines([*after.values()]))


def _whole_line(text: str, start: int, end: int) -> tuple[int, int]:
    """The stretch, or the whole of its lines where nothing else stands on them."""
    before, after = text.rfind("\n", 0, start) + 1, text.find("\n", end) + 1
    alone = after and not (text[before:start] + text[end:after]).strip()
    return (before, after) if alone else (start, end)


def _lines(settings: Sequence[ast.Setting]) -> str:
    return "".join(f"  {_line(setting)}\n" for setting in settings)


def _line(setting: ast.Setting) -> str:
    return f"{setting.key.id} = {_value(setting)}"


def _value(setting: ast.Setting) -> str:
    return flat(setting.value)
