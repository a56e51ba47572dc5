"""Block calls: arguments bound to formals, the body lowered in a scope of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from graphdsl.compiler.lower import expressions, statements
from graphdsl.compiler.lower.context import MAX_EXPANSION, MAX_NODES, Frame
from graphdsl.compiler.lower.habits import ONE_WAY, argument_help
from graphdsl.compiler.lower.scope import Binding, Scope
from graphdsl.compiler.lower.values import POISON, BlockFunction, Poison, SharedBlock, Value
from graphdsl.graph.graph import Level
from graphdsl.language import ast
from graphdsl.language.diagnostics import Label
from graphdsl.language.walk import children
from graphdsl.ops.rules import plural

MAX_DEPTH = 50
"""Block calls inside one another; a body further in has no reader."""


def call(frame: Frame, expr: ast.Call, function: BlockFunction | SharedBlock) -> Value:
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


def call_all(
    frame: Frame, expr: ast.Call, function: BlockFunction | SharedBlock
) -> list[Value] | Poison:
    """The values that a block returns."""
    shared_block = function if isinstance(function, SharedBlock) else None
    plain = shared_block.function if shared_block else function
    assert isinstance(plain, BlockFunction)
    block = plain.block
    if any(one is block for one in frame.active):
        more = [Label(block.name.span, "the block", primary=False)]
        help = ["blocks may not recurse: write the turns with repeat"]
        return frame.error("E0404", f"'{plain.name}' calls itself", expr.span, more=more, help=help)
    if not _may_expand(frame, expr):
        return POISON
    given = shared_block.given if shared_block else {}
    arguments = bind_arguments(
        frame, expr, function.name, block.formals, block.name, plain.home, given
    )
    if arguments is None:
        return POISON
    if len(frame.active) >= MAX_DEPTH:
        return _too_deep(frame, expr)
    name = frame.call_names.get(id(expr), plain.name)
    prefix = f"{frame.qualified(name)}." if name else frame.prefix
    prefix = shared_block.prefix if shared_block else prefix
    told = f"in the call of '{function.name}'"
    level = Level(expr.span, told, prefix.removesuffix("."), plain.name)
    inner = frame.inside(
        scope=Scope(plain.home, nodes=arguments),
        prefix=prefix,
        trail=(*frame.trail, level),
        active=(*frame.active, block),
        call_names={},
        statement="",
        turn=None,
        collected=None,
        cell=frame.cell or shared_block is not None,
    )
    try:
        return statements.lower_body(inner, block)
    except RecursionError:  # deep calls of deep expressions: the limit alone does not bound both
        return _too_deep(frame, expr)


def _too_deep(frame: Frame, expr: ast.Call) -> Poison:
    return frame.inside(trail=()).error(
        "E0410",
        f"block calls are nested more than {MAX_DEPTH} deep",
        expr.span,
        help=["bind the results of inner calls to names in the file"],
    )


def share(frame: Frame, statement: ast.Share) -> Value:
    """`share cell = Block(arguments)`: the block with one set of parameters for all its calls."""
    function = expressions.evaluate(frame, statement.function)
    if isinstance(function, Poison):
        return POISON
    if not isinstance(function, BlockFunction):
        return frame.error("E0412", "'share' shares a block", statement.function.span)
    names = [formal.name.id for formal in function.block.formals]
    given: dict[str, Binding] = {}
    pairs = [(names[i] if i < len(names) else "", e) for i, e in enumerate(statement.args)]
    pairs += [(k.name.id, k.value) for k in statement.keywords]
    for name, expr in pairs:
        if not name:
            takes = f"{len(names)} {plural(len(names), 'argument', 'arguments')}"
            message = f"'{function.name}' takes {takes}, not {len(statement.args)}"
            return frame.error("E0401", message, expr.span)
        if name not in names:
            message = f"'{function.name}' has no argument '{name}' to give"
            return frame.error("E0403", message, expr.span, help=argument_help(name, names))
        if name in given:
            return frame.error("E0415", f"'{name}' is given twice", expr.span, help=ONE_WAY)
        value, by_mode = expressions.evaluate_traced(frame, expr)
        if isinstance(value, Poison):
            return POISON
        place = (frame, expr)
        given[name] = Binding(value, expr.span, "argument", True, by_mode=by_mode, given=place)
    return SharedBlock(function, statement.name.id, given, f"{frame.qualified(statement.name.id)}.")


def _may_expand(frame: Frame, expr: ast.Call) -> bool:
    shared = frame.shared
    if shared.may_expand(1):
        shared.expanded += 1
        return True
    if not shared.exhausted:  # once: the calls that led here fail with it
        shared.exhausted = True
        many = shared.expanded >= MAX_EXPANSION
        what = f"{MAX_EXPANSION:,} calls and turns" if many else f"{MAX_NODES:,} nodes"
        frame.error("E0410", f"the model expands to over {what}", expr.span)
    return False


def bind_arguments(
    frame: Frame,
    expr: ast.Call,
    called: str,
    formals: tuple[ast.Formal, ...],
    declared: ast.Name,
    home: Scope,
    shared: Mapping[str, Binding] | None = None,
) -> dict[str, Binding] | None:
    """The formals' values: positional, by keyword, by default; None with the faults reported.

    `shared` are those that `share` has given already.
    """
    block = [Label(declared.span, f"'{called}' is declared here", primary=False)]
    bound: dict[str, Binding] = dict(shared or {})
    formals = tuple(formal for formal in formals if formal.name.id not in bound)
    given = _given(frame, expr, called, [formal.name.id for formal in formals], block)
    if given is None:
        return None
    faulty = False
    for formal in formals:
        name = formal.name.id
        argument = given.get(name) or formal.default
        if argument is None:
            message = f"'{called}' needs the argument '{name}'"
            help = [f"give it by name: {called}(…, {name} = …)"]
            frame.error("E0402", message, expr.span, more=block, help=help)
            return None
        # a scope that held what is given in it would live until cycles are collected
        where = frame if name in given else frame.inside(scope=Scope(home, nodes=dict(bound)))
        value, by_mode = expressions.evaluate_traced(where, argument)
        faulty = faulty or isinstance(value, Poison)
        place = (where, argument)
        bound[name] = Binding(value, argument.span, "argument", True, by_mode=by_mode, given=place)
    return None if faulty else bound


def _given(
    frame: Frame, expr: ast.Call, called: str, names: Sequence[str], place: Sequence[Label]
) -> dict[str, ast.Expr] | None:
    """The arguments written in a call by the formals' names; None with the fault reported."""
    if len(expr.args) > len(names):
        extra = expr.args[len(names)]
        takes = f"{len(names)} {plural(len(names), 'argument', 'arguments')}"
        message = f"'{called}' takes {takes}, not {len(expr.args)}"
        frame.error("E0401", message, extra.span, more=place)
        return None
    given: dict[str, ast.Expr] = dict(zip(names, expr.args, strict=False))
    for keyword in expr.keywords:
        name = keyword.name.id
        if name not in names:
            help = argument_help(name, names)
            message = f"'{called}' has no argument '{name}'"
            frame.error("E0403", message, keyword.name.span, more=place, help=help)
            return None
        if name in given:
            frame.error("E0415", f"'{name}' is given twice", keyword.name.span, help=ONE_WAY)
            return None
        given[name] = keyword.value
    return given


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
        found[id(node)] = f"{whole}.{name}{suffix}" if whole else f"{name}{suffix}"
    return found


def _outermost_first(expr: ast.Expr) -> Iterator[ast.Node]:
    """The nodes of `expr`, level by level, each level in the order of the text."""
    level: list[ast.Node] = [expr]
    while level:
        yield from level
        level = [part for node in level for child in children(node) for part in _parts(child)]


def _parts(node: ast.Node) -> Iterator[ast.Node]:
    """A node, or what a keyword or a slice is made of: these are no level of their own."""
    if isinstance(node, ast.Keyword | ast.Slice):
        yield from children(node)
    else:
        yield node
