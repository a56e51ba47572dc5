"""What the grammar's rules become: tokens and nodes come in, AST nodes go out.

Each method is named after a rule or alias of the grammar and gets that rule's children, every
token among them. Builders keep no state, so that one serves all files and threads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import isinf
from typing import Any, NamedTuple

from graphdsl.language import ast
from graphdsl.language.diagnostics import Diagnostic, Label
from graphdsl.language.source import Span

MAX_INT = 2**63 - 1

Children = list[Any]


class BuildFault(Exception):
    """A statement that parses but may not be written so; carries the diagnostic."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def _over(children: Children) -> Span:
    first, last = children[0].span, children[-1].span
    return Span(first.source, first.start, last.end)


def _nodes(children: Children) -> tuple[Any, ...]:
    """Every second child: the elements of a list that commas separate."""
    return tuple(children[::2])


class Builder:
    """One method a rule."""

    # --- statements ---------------------------------------------------------------------------

    def const(self, c: Children) -> ast.Const:
        return ast.Const(c[1], c[3], span=_over(c))

    def dim(self, c: Children) -> ast.Dim:
        return ast.Dim(_nodes(c[1:]), span=_over(c))

    def input(self, c: Children) -> ast.Input:
        return ast.Input(c[1], c[3] if len(c) > 2 else None, span=_over(c))

    def param(self, c: Children) -> ast.Param:
        parts = optional_parts(c[2:])
        return ast.Param(c[1], parts[0], parts[1], parts[2] or (), span=_over(c))

    def state(self, c: Children) -> ast.State:
        parts = optional_parts(c[2:])
        return ast.State(c[1], parts[0], parts[1], span=_over(c))

    def update(self, c: Children) -> ast.Update:
        return ast.Update(c[1], c[3], span=_over(c))

    def assign(self, c: Children) -> ast.Assign:
        return ast.Assign(_nodes(c[:-2]), c[-1], span=_over(c))

    def loss(self, c: Children) -> ast.Loss:
        return ast.Loss(c[1], c[3], span=_over(c))

    def metric(self, c: Children) -> ast.Metric:
        return ast.Metric(c[1], c[3], span=_over(c))

    def output(self, c: Children) -> ast.Output:
        return ast.Output(c[1], c[3], span=_over(c))

    def return_(self, c: Children) -> ast.Return:
        return ast.Return(_nodes(c[1:]), span=_over(c))

    def share(self, c: Children) -> ast.Share:
        args, keywords = c[5] if len(c) > 6 else ((), ())
        return ast.Share(c[1], c[3], args, keywords, span=_over(c))

    def collect(self, c: Children) -> ast.Collect:
        return ast.Collect(c[1], c[3], span=_over(c))

    def import_(self, c: Children) -> ast.Import:
        path = ast.String(c[1].text[1:-1], span=c[1].span)
        return ast.Import(path, _nodes(c[3:]), span=_over(c))

    # --- headers; their bodies are joined on by the parser --------------------------------------

    def block_head(self, c: Children) -> ast.Block:
        return ast.Block(c[1], c[3] if len(c) > 4 else (), (), span=_over(c))

    def optimizer_head(self, c: Children) -> ast.Optimizer:
        return ast.Optimizer(c[1], c[3] if len(c) > 4 else (), (), span=_over(c))

    def repeat_head(self, c: Children) -> ast.Repeat:
        return ast.Repeat(c[1], c[3], c[5], (), span=_over(c))

    def data_head(self, c: Children) -> ast.Data:
        return ast.Data((), span=_over(c))

    def train_head(self, c: Children) -> ast.Train:
        return ast.Train((), span=_over(c))

    # --- parts of declarations ------------------------------------------------------------------

    def type(self, c: Children) -> ast.Type:
        if len(c) == 1:
            return ast.Type(c[0], None, span=_over(c))
        return ast.Type(c[0], c[2] if len(c) > 3 else (), span=_over(c))

    def float_type(self, c: Children) -> ast.Type:
        return ast.Type(None, c[1] if len(c) > 2 else (), span=_over(c))

    def sizes(self, c: Children) -> tuple[ast.Expr, ...]:
        return _nodes(c)

    formals = entries = sizes

    def draw(self, c: Children) -> ast.Draw:
        args, keywords = c[3] if len(c) > 4 else ((), ())
        if len(c) == 2:
            help = f"write '~ {c[1].id}()'"
            message = f"a draw is a call: '{c[1].id}' needs parentheses"
            raise BuildFault(Diagnostic("E0122", message, (Label(c[1].span),), (help,)))
        return ast.Draw(c[1], args, keywords, span=_over(c))

    def fill(self, c: Children) -> ast.Fill:
        return ast.Fill(c[1], span=_over(c))

    def with_(self, c: Children) -> With:
        return With(_nodes(c[1:]), _over(c))

    def setting(self, c: Children) -> ast.Setting:
        return ast.Setting(c[0], c[2], span=_over(c))

    def formal(self, c: Children) -> ast.Formal:
        return ast.Formal(c[0], c[2] if len(c) > 1 else None, span=_over(c))

    # --- expressions ----------------------------------------------------------------------------

    def name(self, c: Children) -> ast.Name:
        return ast.Name(c[0].text, span=c[0].span)

    key = name

    def number(self, c: Children) -> ast.Number:
        return number(c[0].text, c[0].span)

    def string(self, c: Children) -> ast.String:
        return ast.String(c[0].text[1:-1], span=c[0].span)

    def bool(self, c: Children) -> ast.Bool:
        return ast.Bool(c[0].text == "true", span=c[0].span)

    def cond(self, c: Children) -> ast.Cond:
        return ast.Cond(c[0], c[2], c[4], span=_over(c))

    def infix(self, c: Children) -> ast.Binary:
        left, sign, right = c
        return ast.Binary(sign.text, left, right, span=_over(c), op_span=sign.span)

    def prefix(self, c: Children) -> ast.Unary:
        return ast.Unary(c[0].text, c[1], span=_over(c))

    def call(self, c: Children) -> ast.Call:
        args, keywords = c[2] if len(c) > 3 else ((), ())
        return ast.Call(c[0], args, keywords, span=_over(c))

    def index(self, c: Children) -> ast.Index:
        return ast.Index(c[0], c[2], span=_over(c))

    items = sizes

    def attribute(self, c: Children) -> ast.Attribute:
        return ast.Attribute(c[0], c[2], span=_over(c))

    def paren(self, c: Children) -> ast.Expr:
        """The expression itself, its span widened to the parentheses."""
        inner: ast.Expr = replace(c[1], span=_over(c))
        return inner

    def list(self, c: Children) -> ast.ListExpr:
        return ast.ListExpr(c[1] if len(c) > 2 else (), span=_over(c))

    def map(self, c: Children) -> ast.MapExpr:
        return ast.MapExpr(c[1] if len(c) > 2 else (), span=_over(c))

    def entry(self, c: Children) -> tuple[ast.Expr, ast.Expr]:
        return c[0], c[2]

    def keyword(self, c: Children) -> ast.Keyword:
        return ast.Keyword(c[0], c[2], span=_over(c))

    def ellipsis(self, c: Children) -> ast.Ellipsis_:
        return ast.Ellipsis_(span=_over(c))

    def slice(self, c: Children) -> ast.Slice:
        bounds: Children = [None]
        for child in c:
            if getattr(child, "type", None) == "COLON":
                bounds.append(None)
            else:
                bounds[-1] = child
        start, stop, step = (*bounds, None)[:3]
        return ast.Slice(start, stop, step, span=_over(c))

    def args(self, c: Children) -> Arguments:
        return arguments(_nodes(c))


@dataclass(frozen=True, slots=True)
class With:
    """A `with` clause on its way into its declaration."""

    settings: tuple[ast.Setting, ...]
    span: Span


class Arguments(NamedTuple):
    """A call's arguments on their way into the call."""

    args: tuple[ast.Expr, ...]
    keywords: tuple[ast.Keyword, ...]


def arguments(given: tuple[Any, ...]) -> Arguments:
    """Positional arguments and keywords told apart; `BuildFault` where they are out of order."""
    args = tuple(one for one in given if not isinstance(one, ast.Keyword))
    if len(args) == len(given):
        return Arguments(args, ())
    keywords = given[len(args) :]
    if not all(isinstance(one, ast.Keyword) for one in keywords):
        late = next(b for a, b in pairwise(given) if _is_keyword(a) and not _is_keyword(b))
        first = next(one for one in given if _is_keyword(one))
        labels = (Label(late.span), Label(first.span, "the first keyword", primary=False))
        message = "an argument without a keyword stands after one with a keyword"
        raise BuildFault(Diagnostic("E0120", message, labels, ("keywords come last",)))
    seen: dict[str, ast.Keyword] = {}
    for one in keywords:
        if (before := seen.setdefault(one.name.id, one)) is not one:
            labels = (Label(one.name.span), Label(before.name.span, "given here", primary=False))
            message = f"the keyword '{one.name.id}' is given twice"
            raise BuildFault(Diagnostic("E0120", message, labels))
    return Arguments(args, keywords)


def _is_keyword(argument: Any) -> bool:
    return isinstance(argument, ast.Keyword)


def optional_parts(children: Children) -> tuple[Any, Any, tuple[ast.Setting, ...]]:
    """The type, the initial value and the settings among a declaration's children."""
    type = init = None
    settings: tuple[ast.Setting, ...] = ()
    for child in children:
        match child:
            case ast.Type():
                type = child
            case ast.Draw() | ast.Fill():
                init = child
            case With():
                settings = child.settings
    return type, init, settings


def number(text: str, span: Span) -> ast.Number:
    """The number that `text` writes; `BuildFault` if no 64 bits hold it."""
    digits = text.replace("_", "")
    if digits.isdecimal():
        if len(digits.lstrip("0")) > 19 or (value := int(digits.lstrip("0") or "0")) > MAX_INT:
            help = f"the largest integer is {MAX_INT}; with a point, '1.0' or '1e30', it is a float"
            raise _number_fault("this integer does not fit into 64 bits", span, help)
        return ast.Number(value, text, span=span)
    real = float(digits)
    if isinf(real):
        raise _number_fault("this number is larger than any float", span, "infinity is written inf")
    if not real and digits.lower().partition("e")[0].strip("0."):
        raise _number_fault("this number is smaller than any float", span, "write 0.0")
    return ast.Number(real, text, span=span)


def _number_fault(message: str, span: Span, help: str) -> BuildFault:
    return BuildFault(Diagnostic("E0107", message, (Label(span),), (help,)))
