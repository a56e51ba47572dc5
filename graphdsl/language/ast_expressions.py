"""The syntax of expressions; `ast` hands these nodes out together with those of statements."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphdsl.language.source import Span


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
