"""The abstract syntax of a `.gdl` file: frozen nodes, compared without regard to where they stand.

The parser makes these nodes, the printer turns them into text again, the compiler lowers them.
Nothing here knows of the parsing library.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graphdsl.language.ast_expressions import Attribute as Attribute
from graphdsl.language.ast_expressions import Binary as Binary
from graphdsl.language.ast_expressions import Bool as Bool
from graphdsl.language.ast_expressions import Call as Call
from graphdsl.language.ast_expressions import Cond as Cond
from graphdsl.language.ast_expressions import Ellipsis_ as Ellipsis_
from graphdsl.language.ast_expressions import Expr as Expr
from graphdsl.language.ast_expressions import Index as Index
from graphdsl.language.ast_expressions import Keyword as Keyword
from graphdsl.language.ast_expressions import ListExpr as ListExpr
from graphdsl.language.ast_expressions import MapExpr as MapExpr
from graphdsl.language.ast_expressions import Name as Name
from graphdsl.language.ast_expressions import Node as Node
from graphdsl.language.ast_expressions import Number as Number
from graphdsl.language.ast_expressions import Slice as Slice
from graphdsl.language.ast_expressions import String as String
from graphdsl.language.ast_expressions import Unary as Unary
from graphdsl.language.source import Source, Span

# --- parts of declarations --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Type(Node):
    """`f64[N, 3]`: no `dtype` means the model's float, no `sizes` a scalar."""

    dtype: Name | None
    sizes: tuple[Expr, ...] | None


@dataclass(frozen=True, slots=True)
class Draw(Node):
    """`~ name(args)`: an initial value that is drawn. `called` is False where `()` is missing."""

    name: Name
    args: tuple[Expr, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    called: bool = True


@dataclass(frozen=True, slots=True)
class Fill(Node):
    """`= value`: an initial value that is given."""

    value: Expr


@dataclass(frozen=True, slots=True)
class Setting(Node):
    """`key = value` in a `with` clause, a `data` or a `train` block."""

    key: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Formal(Node):
    """A formal parameter of a block or an optimizer."""

    name: Name
    default: Expr | None = None


# --- statements -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Statement(Node):
    """What all statements share: the `##` lines above them."""

    doc: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Const(Statement):
    """`const name = value`."""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Dim(Statement):
    """`dim N, T`."""

    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Input(Statement):
    """`input name: type`."""

    name: Name
    type: Type | None = None


@dataclass(frozen=True, slots=True)
class Param(Statement):
    """`param name: type ~ draw()` or `= value`, `with` settings."""

    name: Name
    type: Type | None = None
    init: Draw | Fill | None = None
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class State(Statement):
    """`state name: type = value`."""

    name: Name
    type: Type | None = None
    init: Draw | Fill | None = None


@dataclass(frozen=True, slots=True)
class Update(Statement):
    """`update name = value`."""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Assign(Statement):
    """`names = value`: an op, or the several results of one block."""

    names: tuple[Name, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class Loss(Statement):
    """`loss name = value`."""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Metric(Statement):
    """`metric name = value`."""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Output(Statement):
    """`output name = value`."""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Return(Statement):
    """`return values` at the end of a block."""

    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Share(Statement):
    """`share name = block(arguments)`: one set of parameters for every later call."""

    name: Name
    function: Name
    args: tuple[Expr, ...] = ()
    keywords: tuple[Keyword, ...] = ()


@dataclass(frozen=True, slots=True)
class Collect(Statement):
    """`collect name = value` inside `repeat`: every turn's value, stacked."""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Block(Statement):
    """`block name(formals) { body }`."""

    name: Name
    formals: tuple[Formal, ...]
    body: tuple[AnyStatement, ...]


@dataclass(frozen=True, slots=True)
class Optimizer(Statement):
    """`optimizer name(formals) { body }`."""

    name: Name
    formals: tuple[Formal, ...]
    body: tuple[AnyStatement, ...]


@dataclass(frozen=True, slots=True)
class Repeat(Statement):
    """`repeat variable in first..last { body }`, both ends included."""

    variable: Name
    first: Expr
    last: Expr
    body: tuple[AnyStatement, ...]


@dataclass(frozen=True, slots=True)
class Import(Statement):
    """`from "path" import names`."""

    path: String
    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Data(Statement):
    """`data { settings }`."""

    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Train(Statement):
    """`train { settings }`."""

    settings: tuple[Setting, ...]


AnyStatement = (
    Const
    | Dim
    | Input
    | Param
    | State
    | Update
    | Assign
    | Loss
    | Metric
    | Output
    | Return
    | Share
    | Collect
    | Block
    | Optimizer
    | Repeat
    | Import
    | Data
    | Train
)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment that documents nothing, kept for the formatter."""

    text: str
    span: Span
    alone: bool
    """True where the comment has its line to itself."""


@dataclass(frozen=True, slots=True)
class Program:
    """A whole file, in the order it was written."""

    statements: tuple[AnyStatement, ...]
    doc: str | None = None
    source: Source = field(compare=False, repr=False, kw_only=True)
    comments: tuple[Comment, ...] = field(default=(), compare=False, repr=False, kw_only=True)
    broken: frozenset[str] = field(default=frozenset(), compare=False, repr=False, kw_only=True)
    """The words of statements that did not parse; what they would have bound is not known."""
    written: Program | None = field(default=None, compare=False, repr=False, kw_only=True)
    """The program as its file has it, where settings from outside have changed it."""
