"""Block calls: arguments bound to formals, the body lowered in a scope of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphdsl.compiler.lower import expressions, statements
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.scope import Binding, Scope
from graphdsl.compiler.lower.values import POISON, BlockFunction, Poison, Value
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label, did_you_mean

MAX_EXPANSION = 1_000_000
"""Nodes a file may expand to; more is refused before memory is."""


def call(frame: Frame, expr: ast.Call, function: BlockFunction) -> Value:
    """The value of a call of a block that gives one result."""
    values = call_all(frame, expr, function)
    if isinstance(values, Poison):
        return POISON
    if len(values) != 1:
        return frame.error(
            "E0405",
            f"'{function.name}' returns {len(values)} values, one is wanted here",
            expr.span,
            help=["bind them all: 'h, c = " + function.name + "(…)'"],
        )
    return values[0]


def call_all(frame: Frame, expr: ast.Call, function: BlockFunction) -> list[Value] | Poison:
    """The values that a block returns."""
    block = function.block
    if block in frame.active:
        return frame.error(
            "E0404",
            f"'{function.name}' calls itself",
            expr.span,
            more=[Label(block.name.span, "the block", primary=False)],
            help=["blocks may not recurse: write the turns with repeat"],
        )
    arguments = bind_arguments(frame, expr, function.name, block.formals, block.name, function.home)
    if arguments is None:
        return POISON
    if len(frame.shared.builder.nodes) > MAX_EXPANSION:
        return frame.error("E0410", f"the model expands to over {MAX_EXPANSION:,} nodes", expr.span)
    name = frame.call_names.get(id(expr), function.name)
    inner = frame.inside(
        scope=Scope(function.home, nodes=arguments),
        prefix=f"{frame.qualified(name)}.",
        trail=(*frame.trail, (expr.span, f"in the call of '{function.name}'")),
        active=(*frame.active, block),
        call_names={},
    )
    return statements.lower_body(inner, block)


def bind_arguments(
    frame: Frame,
    expr: ast.Call,
    called: str,
    formals: tuple[ast.Formal, ...],
    declared: ast.Name,
    home: Scope,
) -> dict[str, Binding] | None:
    """The formals' values: positional, by keyword, by default; None with the faults reported."""
    place = [Label(declared.span, f"'{called}' is declared here", primary=False)]
    names = [formal.name.id for formal in formals]
    given: dict[str, ast.Expr] = dict(zip(names, expr.args, strict=False))
    if len(expr.args) > len(formals):
        extra = expr.args[len(formals)]
        frame.error(
            "E0401",
            f"'{called}' takes {len(formals)} arguments, not {len(expr.args)}",
            extra.span,
            more=place,
        )
        return None
    for keyword in expr.keywords:
        name = keyword.name.id
        if name not in names:
            help = did_you_mean(name, names) or [f"its arguments: {', '.join(names) or 'none'}"]
            message = f"'{called}' has no argument '{name}'"
            frame.error("E0403", message, keyword.name.span, more=place, help=help)
            return None
        if name in given:
            frame.error("E0403", f"'{name}' is given twice", keyword.name.span)
            return None
        given[name] = keyword.value
    bound: dict[str, Binding] = {}
    defaults = frame.inside(scope=Scope(home, nodes=bound))
    for formal in formals:
        name = formal.name.id
        argument = given.get(name) or formal.default
        if argument is None:
            message = f"'{called}' needs the argument '{name}'"
            frame.error("E0402", message, expr.span, more=place)
            return None
        value = expressions.evaluate(frame if name in given else defaults, argument)
        if isinstance(value, Poison):
            return None
        bound[name] = Binding(value, argument.span, "argument", used=True)
    return bound


def names_of_calls(expr: ast.Expr, whole: str, frame: Frame) -> Mapping[int, str]:
    """The names that the block calls of one statement give their parameters.

    A call that is the whole right-hand side takes the name on its left (`whole`); nested calls
    add the block's name, numbered by position, outermost first.
    """
    found: dict[int, str] = {}
    counts: dict[str, int] = {}
    for node in _outermost_first(expr):
        if not isinstance(node, ast.Call) or not isinstance(node.function, ast.Name):
            continue
        binding = frame.scope.find(node.function.id)
        if binding is None or not isinstance(binding.value, BlockFunction):
            continue
        if node is expr:
            found[id(node)] = whole
            continue
        name = binding.value.name
        counts[name] = counts.get(name, 0) + 1
        suffix = f"_{counts[name]}" if counts[name] > 1 else ""
        found[id(node)] = f"{whole}.{name}{suffix}"
    return found


def _outermost_first(expr: ast.Expr) -> Iterator[ast.Expr]:
    """The expressions inside `expr`, level by level, each level in the order of the text."""
    level: list[ast.Expr] = [expr]
    while level:
        yield from level
        level = [child for node in level for child in children(node)]


def children(expr: ast.Expr) -> Iterator[ast.Expr]:
    """The expressions an expression is made of, in the order of the text."""
    match expr:
        case ast.Unary():
            yield expr.operand
        case ast.Binary():
            yield from (expr.left, expr.right)
        case ast.Cond():
            yield from (expr.then, expr.test, expr.orelse)
        case ast.Call():
            yield expr.function
            yield from expr.args
            yield from (keyword.value for keyword in expr.keywords)
        case ast.Index():
            yield expr.base
            for item in expr.items:
                parts = (
                    (item.start, item.stop, item.step) if isinstance(item, ast.Slice) else (item,)
                )
                yield from (p for p in parts if p and not isinstance(p, ast.Ellipsis_))
        case ast.Attribute():
            yield expr.base
        case ast.ListExpr():
            yield from expr.items
        case ast.MapExpr():
            yield from (part for entry in expr.entries for part in entry)
