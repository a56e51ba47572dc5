"""Names and what they are bound to, in one namespace: block, file, prelude, op."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from graphdsl.compiler.lower.values import Builtin, Value
from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType
from graphdsl.language.source import Span

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

    def names(self) -> Iterator[str]:
        """Every name that could be meant here, for suggestions."""
        yield from self.nodes
        scope: Scope | None = self
        while scope is not None:
            yield from scope.bindings
            last, scope = scope, scope.outer
        if last.fallback:
            yield from last.fallback().names()
        else:
            return
        yield from (*OPS.public(), *BUILTINS, *NUMBERS)


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
