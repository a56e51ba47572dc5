"""Replays an emitted program as text and checks every read against what was written last.

Nothing here asks the planner. The program is parsed as Python, its names are looked up in a loaded
program, and each statement's reads and writes become intervals of memory. A name stands for one
value, views of it included: bytes that were last written under another name are another's.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.array_utils import byte_bounds

from graphdsl.engines.numpy import Executable
from graphdsl.ops import runtime

STORED = 0
"""The owner of bytes that a program finds written: parameters, states, moments."""
NOBODY = -1


@dataclass(frozen=True)
class Access:
    """A statement of the program, the names it reads, the name it writes, and what it spoils."""

    text: str
    reads: tuple[str, ...]
    write: str | None
    spoilt: str | None = None


class PlanFault(AssertionError):
    """A statement that reads what is not there."""


def replay(executable: Executable) -> int:
    """Raise `PlanFault` if a statement reads bytes that were not written, or were written over;
    the number of array reads that were checked."""
    return _Replay(executable).run()


class _Replay:
    def __init__(self, executable: Executable) -> None:
        executable.bound()
        self.arrays = executable.loaded.names
        self.source = ast.parse(executable.program.source)
        memory = executable.memory
        self.bases = {"arena": memory.arena, **memory.arrays}
        self.owners = {
            name: np.full(base.nbytes, NOBODY if name == "arena" else STORED, np.int16)
            for name, base in self.bases.items()
        }
        self.roots: dict[str, str] = {}
        self.numbers: dict[str, int] = {}
        self.cells: set[str] = set()
        self.checked = 0

    def run(self) -> int:
        for function in self._functions("bind_"):
            for statement in function.body:
                if isinstance(statement, ast.Assign):
                    self._alias(statement)
        parts = list(self._functions("part_")) or list(self._functions("run"))
        for part in parts:
            for statement in part.body:
                if not isinstance(statement, ast.Global | ast.Return | ast.Pass):
                    self._step(statement)
        (run,) = self._functions("run")
        for statement in run.body:
            if isinstance(statement, ast.Return):
                for name in own_names(statement.value):
                    self._read(name, ast.unparse(statement))
        return self.checked

    def _functions(self, prefix: str) -> Iterator[ast.FunctionDef]:
        for node in self.source.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith(prefix):
                yield node

    def _step(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
            if name.startswith("v"):
                self._alias(statement)
                return
            assert name.startswith("w"), ast.unparse(statement)
            for read in own_names(statement.value):
                self._read(read, ast.unparse(statement))
            self.cells.add(name)
            return
        access = accesses(statement)
        for name in access.reads:
            self._read(name, access.text)
        if access.spoilt is not None:
            self._write(access.spoilt)
        if access.write is not None:
            self._apart(access)
            self._write(access.write)

    def _apart(self, access: Access) -> None:
        """What a statement writes it reads under the same name or not at all: NumPy would make
        a copy of an array that it finds to be half of the result."""
        root = self.roots.get(access.write or "", access.write)
        for name in access.reads:
            if name != access.write and self.roots.get(name, name) == root:
                raise PlanFault(f"{access.text}: {name} is another view of what is written")

    def _alias(self, statement: ast.Assign) -> None:
        """A view belongs to what it is a view of."""
        (target,) = statement.targets
        assert isinstance(target, ast.Name)
        base = next(name for name in own_names(statement.value))
        self.roots[target.id] = self.roots.get(base, base)

    def _place(self, name: str) -> tuple[str, int, int] | None:
        """The array a name's bytes lie in, and from where to where."""
        low, high = byte_bounds(self.arrays[name])
        for base, array in self.bases.items():
            start, stop = byte_bounds(array) if array.size else (0, 0)
            if start <= low and high <= stop:
                return base, low - start, high - start
        return None

    def _owner(self, name: str) -> int:
        root = self.roots.get(name, name)
        return self.numbers.setdefault(root, len(self.numbers) + 1)

    def _read(self, name: str, text: str) -> None:
        root = self.roots.get(name, name)
        if name in ("t", "epoch", "total_steps") or root[0] in "xcs":
            return
        if root[0] in "wk":
            if root not in self.cells:
                raise PlanFault(f"{text}: {name} is read before it is written")
            return
        if not self.arrays[name].size:
            return
        place = self._place(name)
        assert place is not None, f"{text}: {name} lies nowhere"
        base, low, high = place
        found = _distinct(self.owners[base][low:high])
        self.checked += 1
        if base.startswith("grad_") and self.arrays[name].ndim == 1:
            found.discard(STORED)  # the gaps between gradients in a group stay as they are
            if not found:
                raise PlanFault(f"{text}: no gradient in {name} is written")
            return
        allowed = {self._owner(name)} if base == "arena" else {self._owner(name), STORED}
        if not found <= allowed:
            says = "is read before it is written" if NOBODY in found else "has been written over"
            raise PlanFault(f"{text}: {name} {says}")

    def _write(self, name: str) -> None:
        if name.startswith("k"):
            self.cells.add(name)
            return
        if not self.arrays[name].size:
            return
        place = self._place(name)
        assert place is not None, f"{name} lies nowhere"
        base, low, high = place
        self.owners[base][low:high] = self._owner(name)


def _distinct(owners: np.ndarray) -> set[int]:
    first = owners[0]
    return {int(first)} if (owners == first).all() else set(owners.tolist())


def accesses(statement: ast.stmt) -> Access:
    """What a statement reads and writes; an unknown form is an error."""
    text = ast.unparse(statement)
    if isinstance(statement, ast.Assign):
        (target,) = statement.targets
        assert isinstance(target, ast.Subscript), text
        assert isinstance(target.value, ast.Name), text
        reads = (*own_names(target.slice), *own_names(statement.value))
        return Access(text, reads, target.value.id)
    assert isinstance(statement, ast.Expr), text
    assert isinstance(statement.value, ast.Call), text
    call = statement.value
    parameters = _parameters(call)
    out = parameters.get("out") or _output(call)
    written = out.id if isinstance(out, ast.Name) else None
    reads = list(own_names(call))
    spoilt = ast.unparse(parameters["work"]) if "work" in parameters else None
    if spoilt is not None:  # written before it is read
        reads.remove(spoilt)
    if written is not None:
        reads.remove(written)  # once: an operand that is also the output is still read
    return Access(text, tuple(reads), written, spoilt)


def _parameters(call: ast.Call) -> dict[str, ast.expr]:
    """The arguments of a function of ours, by the names it gives them."""
    function = getattr(runtime, call.func.id, None) if isinstance(call.func, ast.Name) else None
    names = inspect.signature(function).parameters if function else ()
    return dict(zip(names, call.args, strict=False))


def _output(call: ast.Call) -> ast.expr | None:
    """The argument that a call writes."""
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if "out" in keywords:
        return keywords["out"]
    match call.func:
        case ast.Name(id=name) if name.startswith("check_"):
            return None
        case ast.Name(id="copyto"):
            return call.args[0]
        case ast.Name():
            return call.args[-1]
        case ast.Attribute(value=ast.Name(id=name), attr="fill"):
            return call.func.value
        case ast.Attribute(attr="at"):
            return call.args[0]
        case ast.Attribute(attr="reduce"):
            return call.args[3]
        case ast.Attribute(attr="take"):
            return call.args[2]
        case ast.Attribute(value=ast.Name(id=name)) if name.startswith("r"):
            return call.args[-1]  # a random stream
        case ast.Attribute(attr="dot" | "argmax" | "argmin" | "any" | "all" | "cumsum"):
            return call.args[1]
    raise AssertionError(f"an unknown form: {ast.unparse(call)}")


def own_names(node: ast.AST | None) -> Iterator[str]:
    """The program's own names in an expression."""
    if node is None:
        return
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and _is_own(inner.id):
            yield inner.id


def _is_own(name: str) -> bool:
    kind, rest = name[0], name[1:]
    if kind == "k":
        return rest.startswith("_w") or rest.startswith("_t") or rest.startswith("_epoch")
    return kind in "bcpvwx" and rest.replace("_", "").isdigit()
