"""The abstract syntax of a `.gdl` file: frozen nodes, compared without regard to where they stand.

The parser makes these nodes, the printer turns them into text again, the compiler lowers them.
Nothing here knows of the parsing library.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graphdsl.language.source import Source, Span

# --- expressions -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Node:
    """What all nodes share: the place they were read from, which no comparison sees."""

    span: Span = field(compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A name, NFKC-normalised; also the binding occurrence of one in a declaration."""

    id: str


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number: an int where it is written without point and exponent, else a float."""

    value: int | float
    text: str | None = field(default=None, compare=False, repr=False)
    """How it was written, which the formatter keeps."""


@dataclass(frozen=True, slots=True)
class String(Node):
    """A string in double quotes, without them."""

    value: str


@dataclass(frozen=True, slots=True)
class Bool(Node):
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`-x` or `not x`; `op` is "-" or "not"."""

    op: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`left op right`; `op` is one of `+ - * / @ ^ and or == != < <= > >=`."""

    op: str
    left: Expr
    right: Expr
    op_span: Span = field(compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Cond(Node):
    """`then if test else orelse`, decided at compile time."""

    then: Expr
    test: Expr
    orelse: Expr


@dataclass(frozen=True, slots=True)
class Keyword(Node):
    """`name = value` among a call's arguments."""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`function(args, keywords)`."""

    function: Expr
    args: tuple[Expr, ...]
    keywords: tuple[Keyword, ...] = ()


@dataclass(frozen=True, slots=True)
class Slice(Node):
    """`start:stop:step` inside an index."""

    start: Expr | None
    stop: Expr | None
    step: Expr | None


@dataclass(frozen=True, slots=True)
class Ellipsis_(Node):
    """`...` inside an index."""


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`base[items]`."""

    base: Expr
    items: tuple[Expr | Slice | Ellipsis_, ...]


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """`base.name`: a parameter of a call's result, or the transpose `.T`."""

    base: Expr
    name: Name


@dataclass(frozen=True, slots=True)
class ListExpr(Node):
    """`[a, b, …]`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class MapExpr(Node):
    """`{key: value, …}`, a setting."""

    entries: tuple[tuple[Expr, Expr], ...]


Expr = (
    Name
    | Number
    | String
    | Bool
    | Unary
    | Binary
    | Cond
    | Call
    | Index
    | Attribute
    | ListExpr
    | MapExpr
)

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
