"""Names and what they are bound to, in one namespace: block, file, prelude, op."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphdsl.compiler.lower.values import Builtin, Value, is_function
from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.language.source import Span

if TYPE_CHECKING:
    from graphdsl.compiler.lower.context import Frame

BUILTINS = {name: Builtin(name) for name in ("size", "l2")}
NUMBERS: dict[str, float] = {"pi": 3.141592653589793, "inf": float("inf")}
STEP_NAMES = ("t", "epoch", "total_steps")


@dataclass(slots=True)
class Binding:
    """A name's value, the place it was bound at, and whether anything has read it."""

    value: Value
    span: Span
    kind: str
    used: bool = False
    typed: Span | None = None
    """Where its type is written, if it is."""
    by_mode: bool = False
    """Whether it is a constant or a function that `training` has decided."""
    given: tuple[Frame, ast.Expr] | None = None
    """Of a block's argument: what stands for it in the call, and where the call stands."""


@dataclass(slots=True)
class Scope:
    """The names of a file's declarations (`outer` None) or of one block call.

    `fallback` gives the names of the prelude; it is asked last, so that a file that needs none
    of them never loads it.
    """

    outer: Scope | None = None
    bindings: dict[str, Binding] = field(default_factory=dict)
    nodes: dict[str, Binding] = field(default_factory=dict)
    """File scope only: what blocks do not see."""
    fallback: Callable[[], Scope] | None = None
    open: bool = False
    """Whether the nodes of `outer` are seen as well, as inside `repeat`."""

    def find(self, name: str, with_nodes: bool = True) -> Binding | None:
        """The binding of `name`, from the inside out; prelude last."""
        scope: Scope | None = self
        while scope is not None:
            if with_nodes and name in scope.nodes:
                return scope.nodes[name]
            if name in scope.bindings:
                return scope.bindings[name]
            with_nodes = with_nodes and scope.open
            last, scope = scope, scope.outer
        return last.fallback().find(name) if last.fallback else None

    def own(self, name: str) -> Binding | None:
        """The binding of `name` in this scope itself."""
        return self.nodes.get(name) or self.bindings.get(name)

    def hidden(self, name: str) -> Binding | None:
        """The node `name` of a scope further out, which is not seen from here."""
        scope = self.outer
        while scope is not None:
            if name in scope.nodes:
                return scope.nodes[name]
            scope = scope.outer
        return None

    def near(self, called: bool = False) -> tuple[list[str], list[str], list[str]]:
        """The names that could be meant here: of the file from the inside out, the prelude, ops.

        Where one is `called`, they are those of functions.
        """
        own: list[str] = []
        scope: Scope | None = self
        seen = True
        while scope is not None:
            own += [*(_names(scope.nodes, called) if seen else ()), *_names(scope.bindings, called)]
            seen = seen and scope.open
            last, scope = scope, scope.outer
        prelude = _names(last.fallback().bindings, called) if last.fallback else []
        known = [*OPS.public(), *BUILTINS]
        return own, prelude, known if called else [*known, *NUMBERS]


def _names(bindings: Mapping[str, Binding], called: bool) -> list[str]:
    """The names bound; where one is called, those of blocks, shared ones, ops among arguments."""
    return [n for n, b in bindings.items() if not called or _is_called(b)]


def _is_called(binding: Binding) -> bool:
    return is_function(binding.value) and binding.kind != "optimizer"


def universal(name: str, float: DType) -> Value | None:
    """The value of a name that every file knows: an op, a type, a number."""
    if name in NUMBERS:
        return NUMBERS[name]
    if name in OPS and OPS[name].public:
        return OPS[name]
    if name in BUILTINS:
        return BUILTINS[name]
    if name == "float":
        return float
    return DType.__members__.get(name)
