"""What an expression can be while it is lowered: a node, a constant, a size, a function.

Constants are Python numbers, lists of them are tuples. `Poison` stands for what could not be
lowered: its fault is reported, and whatever uses it stays silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphdsl.graph.build import Expr
from graphdsl.graph.op import Op
from graphdsl.graph.sizes import Poly
from graphdsl.graph.types import DType
from graphdsl.language import ast

if TYPE_CHECKING:
    from graphdsl.compiler.lower.scope import Binding, Scope


class Poison:
    """The value of something at fault; the only instance is `POISON`."""

    def __repr__(self) -> str:
        return "POISON"


POISON = Poison()


@dataclass(frozen=True, slots=True, eq=False)
class BlockFunction:
    """A block and the scope of the file it was declared in."""

    block: ast.Block
    home: Scope = field(repr=False)

    @property
    def name(self) -> str:
        """The block's name."""
        return self.block.name.id


@dataclass(frozen=True, slots=True, eq=False)
class SharedBlock:
    """A block with one set of parameters for all its calls, and the arguments given to it."""

    function: BlockFunction
    name: str
    given: Mapping[str, Binding] = field(repr=False)
    prefix: str


@dataclass(frozen=True, slots=True, eq=False)
class OptimizerFunction:
    """An optimizer and the scope of the file it was declared in."""

    optimizer: ast.Optimizer
    home: Scope = field(repr=False)


@dataclass(frozen=True, slots=True)
class Builtin:
    """A function of sizes, types or names that the compiler itself answers: `size`, `l2`."""

    name: str


Function = BlockFunction | SharedBlock | OptimizerFunction | Builtin | Op
Value = Expr | bool | int | float | tuple[Any, ...] | Poly | DType | str | Function | Poison

MAX_INTEGER = 2**63 - 1


def is_constant(value: object) -> bool:
    """Whether a value is a number, a truth value or a list of such."""
    if isinstance(value, tuple):
        return all(is_constant(item) for item in value)
    return isinstance(value, bool | int | float)


def is_function(value: object) -> bool:
    """Whether a value can be called."""
    return isinstance(value, BlockFunction | SharedBlock | OptimizerFunction | Builtin | Op)


def describe(value: object) -> str:
    """What a value is, for messages."""
    match value:
        case Expr():
            return str(value.type)
        case bool():
            return f"the truth value {str(value).lower()}"
        case int() | float():
            return f"the number {value}"
        case tuple():
            return f"a list of {len(value)}"
        case Poly():
            return f"the size {value}"
        case str():
            return "a string"
        case DType():
            return f"the type {value}"
        case BlockFunction():
            return f"the block {value.name}"
        case SharedBlock():
            return f"the shared block {value.name}"
        case OptimizerFunction():
            return f"the optimizer {value.optimizer.name.id}"
        case Op() | Builtin():
            return f"the function {value.name}"
    return "nothing"
