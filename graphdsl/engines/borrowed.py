"""Definitions of our own modules as text: those of some names, and all that these need.

What an exported program calls is copied from where it is declared, never written twice.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec

PACKAGE = "graphdsl"
COLUMNS = 100


@dataclass(frozen=True, slots=True)
class _Module:
    """A module's definitions as text, what each of them uses of the module, and its imports."""

    texts: Mapping[str, str]
    uses: Mapping[str, tuple[str, ...]]
    imports: Mapping[str, tuple[str, str]]
    """(module, name) by the name it has here; the name is empty where a module is imported."""


@dataclass(slots=True)
class Borrower:
    """Collects definitions, each behind what it needs, and the imports of all of them.

    Of two definitions of one name the second gets its module's name behind it.
    """

    texts: dict[str, str] = field(default_factory=dict)
    imports: set[tuple[str, str, str]] = field(default_factory=set)
    """(module, name, the name it has here); the second is empty where a module is imported."""
    _names: dict[tuple[str, str], str] = field(default_factory=dict)
    """The names that definitions have here, by module and name."""

    def borrow(self, module: str, names: Iterable[str]) -> None:
        """Take up names that a module defines or imports, and what they need, under these names;
        others are passed over."""
        wanted = list(names)
        for name in wanted:
            self._reserve(module, name)
        for name in wanted:
            self._take(module, name)

    def import_lines(self) -> Iterator[str]:
        """The imports that the definitions need, sorted."""
        for module, _, known in sorted(one for one in self.imports if not one[1]):
            yield f"import {module}" if module == known else f"import {module} as {known}"
        for module in sorted({module for module, name, _ in self.imports if name}):
            names = sorted(name for other, name, _ in self.imports if other == module and name)
            yield from _from_line(module, names)

    def _reserve(self, module: str, name: str) -> str:
        """The name that a definition has here."""
        place = _home(module, name)
        if place not in self._names:
            owners = [other for other, taken in self._names.items() if taken == place[1]]
            same = all(_text(other) == _text(place) for other in owners)
            tail = place[0].rpartition(".")[2]
            self._names[place] = place[1] if same else f"{place[1]}_{tail}"
        return self._names[place]

    def _take(self, module: str, name: str) -> str:
        """Take up one name; the name it has here."""
        where, own = _home(module, name)
        found = _read(where)
        here = self._reserve(where, own)
        if own in found.imports:
            self.imports.add((*found.imports[own], own))
        elif own in found.texts and here not in self.texts:
            self.texts[here] = ""  # what it needs may need it
            renamed = {use: self._take(where, use) for use in found.uses[own]} | {own: here}
            del self.texts[here]
            self.texts[here] = _with_names(found.texts[own], renamed)
        return here


def _from_line(module: str, names: Sequence[str]) -> Iterator[str]:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= COLUMNS:
        yield line
        return
    yield f"from {module} import ("
    yield from (f"    {name}," for name in names)
    yield ")"


@cache
def _read(name: str) -> _Module:
    source = inspect.getsource(import_module(name))
    tree, lines = ast.parse(source), source.splitlines()
    imports = dict(found for statement in tree.body for found in _imports(statement))
    texts: dict[str, str] = {}
    statements: dict[str, ast.stmt] = {}
    for statement in tree.body:
        for defined in _defined(statement):
            texts[defined] = "\n".join(lines[_first(statement, lines) : statement.end_lineno])
            statements[defined] = statement
    known = texts.keys() | imports.keys()
    uses = {key: tuple(_used(statement, known, imports)) for key, statement in statements.items()}
    return _Module(texts, uses, imports)


def _imports(statement: ast.stmt) -> Iterator[tuple[str, tuple[str, str]]]:
    match statement:
        case ast.Import(names=names):
            for alias in names:
                yield alias.asname or alias.name, (alias.name, "")
        case ast.ImportFrom(module=str(module), names=names) if module != "__future__":
            for alias in names:
                assert alias.asname is None, "what is renamed can't be borrowed"
                yield alias.name, _source_of(module, alias.name)


def _source_of(module: str, name: str) -> tuple[str, str]:
    """Where an imported name comes from: a module of ours may be one, with names of its own."""
    whole = f"{module}.{name}"
    if module.partition(".")[0] == PACKAGE and hasattr(import_module(module), "__path__"):
        return (whole, "") if find_spec(whole) else (module, name)
    return module, name


def _defined(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _first(statement: ast.stmt, lines: list[str]) -> int:
    """The index of the line a definition begins at: its decorators and comments are part of it."""
    first = statement.lineno - 1
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        first = min([first, *(one.lineno - 1 for one in statement.decorator_list)])
    while first and lines[first - 1].startswith("#"):
        first -= 1
    return first


def _used(
    statement: ast.stmt, known: Iterable[str], imports: Mapping[str, tuple[str, str]]
) -> Iterator[str]:
    """The names of the module that a definition uses, in order: `owner.name` for those of another
    module of ours."""
    for node in ast.walk(statement):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if _is_ours(imports, owner):
                yield f"{owner}.{name}"
            case ast.Name(id=name) if name in known and not _is_ours(imports, name):
                yield name


def _is_ours(imports: Mapping[str, tuple[str, str]], name: str) -> bool:
    """Whether a name stands for a module of ours."""
    module, member = imports.get(name, ("", "of none"))
    return not member and module.partition(".")[0] == PACKAGE


def _home(module: str, name: str) -> tuple[str, str]:
    """Where a name that a module uses is defined, or imported from outside our package."""
    owner, _, member = name.rpartition(".")
    if owner:
        return _home(_read(module).imports[owner][0], member)
    source, original = _read(module).imports.get(name, ("", ""))
    if original and source.partition(".")[0] == PACKAGE:
        return _home(source, original)
    return module, name


def _text(place: tuple[str, str]) -> str:
    module, name = place
    return _read(module).texts.get(name, name)


def _with_names(text: str, names: Mapping[str, str]) -> str:
    """A definition's text with the names that what it uses has here."""
    for name, here in names.items():
        if name != here:
            text = re.sub(rf"(?<![\w.]){re.escape(name)}\b", here, text)
    return text
