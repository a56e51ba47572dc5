"""What stands after a point: a parameter by its qualified name, a transpose, habits of Python."""

from __future__ import annotations

from collections.abc import Sequence

from graphdsl.compiler.lower import expressions, habits, names
from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.scope import STEP_NAMES, universal
from graphdsl.compiler.lower.values import POISON, Poison, Value, is_function
from graphdsl.graph.build import Expr
from graphdsl.graph.op import OPS, REQUIRED
from graphdsl.language import ast
from graphdsl.language.diagnostics import did_you_mean

MAX_SHOWN = 24
"""Letters of an expression that a help repeats."""


def attribute(frame: Frame, expr: ast.Attribute, call: ast.Call | None = None) -> Value:
    """The value of `base.name`, perhaps called: a parameter by its qualified name, a transpose."""
    path = path_of(expr)
    if path is not None:
        qualified = frame.qualified(path)
        shared = frame.shared
        variable = shared.params.get(qualified) or shared.states.get(qualified)
        if variable is not None:
            return Expr(shared.builder, variable.node)
    if expr.name.id == "T":
        x = expressions.tensor(frame, expr.base)
        if isinstance(x, Poison):
            return x
        return frame.apply(OPS["swap"], [(x, expr.base)], {}, expr.span)
    root = _root(expr)
    if isinstance(root, ast.Name) and _is_at_fault(frame, root, expr.name.id, call):
        return POISON
    return frame.error(
        "E0316",
        f"'{expr.span.text}' is neither a parameter nor '.T'",
        expr.name.span,
        "not found",
        help=_attribute_help(frame, expr, path, call),
    )


def _root(expr: ast.Expr) -> ast.Expr:
    """What the first point of `a.b.c` follows."""
    while isinstance(expr, ast.Attribute):
        expr = expr.base
    return expr


def _is_at_fault(frame: Frame, root: ast.Name, last: str, call: ast.Call | None) -> bool:
    """Whether the name that a path begins with has a fault, which is reported; `last` ends it."""
    binding = frame.scope.find(root.id)
    if binding is not None:
        return isinstance(binding.value, Poison)
    if root.id in (*STEP_NAMES, "training") or universal(root.id, frame.shared.float) is not None:
        return False
    if habits.of_module(root.id):
        names.report_unknown(frame, root, lambda: _module_help(frame, last, call))
    else:
        names.report_unknown(frame, root, lambda: names.near_names(frame, root.id, called=False))
    return True


def _module_help(frame: Frame, name: str, call: ast.Call | None) -> Sequence[str]:
    """What a function is called that others keep in a module."""
    known = habits.equivalent(name)
    if _is_function(frame, known):
        return [f"functions are called by their bare names: {_as_call(known, '', call)}"]
    return habits.of_name(name) or [
        "functions are called by their bare names, without a module",
        *did_you_mean(name, *frame.scope.near(called=True)),
    ]


def _is_function(frame: Frame, name: str) -> bool:
    binding = frame.scope.find(name)
    found = binding.value if binding else universal(name, frame.shared.float)
    return is_function(found)


def _as_call(name: str, base: str, call: ast.Call | None) -> str:
    """`x.name(a)` or `m.name(a)` as it is written here; `…` stands for arguments that change."""
    op = OPS.get(name)
    places = 1
    if op is not None:
        places = len(op.operands) + sum(a.default is REQUIRED for a in op.attributes.values())
    given = (*call.args, *call.keywords) if call is not None else ()
    renamed = call is None or name != _last(call.function)
    count = (len(call.args) if call is not None else 0) + bool(base)
    if op is None or op.variadic or count > places or (renamed and (given or places > 1)):
        return f"{name}({base}, …)" if base else f"{name}(…)"
    return f"{name}({', '.join([base] * bool(base) + [a.span.text for a in given])})"


def _last(expr: ast.Expr) -> str:
    return expr.name.id if isinstance(expr, ast.Attribute) else ""


def _attribute_help(
    frame: Frame, expr: ast.Attribute, path: str | None, call: ast.Call | None
) -> Sequence[str]:
    """What was meant by `base.name`: a method of other languages, a parameter nearly so called."""
    if (turn := turn_of(expr)) is not None:
        return turn
    name, written = expr.name.id, expr.base.span.text
    if isinstance(expr.base, ast.Binary | ast.Unary | ast.Cond):
        written = written[1:-1]  # it stands in parentheses, which those of the call replace
    base = written if len(written) <= MAX_SHOWN and "\n" not in written else "x"
    known = (*frame.shared.params, *frame.shared.states)
    if path is not None:
        qualified = frame.qualified(path)
        own = [one for one in known if one.startswith(qualified.rpartition(".")[0] + ".")]
        if near := did_you_mean(qualified, own, known):
            return near
    if help := habits.of_method(name, base):
        return help
    if _is_function(frame, habits.equivalent(name)):
        return [f"it is a function: {_as_call(habits.equivalent(name), base, call)}"]
    return ["'.T' transposes; 'h.W' is the parameter W of the block call bound to h"]


def turn_of(expr: ast.Expr) -> Sequence[str] | None:
    """What to write instead of `o[3].W`, the qualified name of a parameter of a turn."""
    if not isinstance(expr, ast.Attribute) or not isinstance(_root(expr), ast.Index):
        return None
    return [
        "in an expression o[3] is an index: the parameter of a turn is named inside its loop alone",
        f"outside the file it is called \"{expr.span.text}\", in 'l2' as well",
    ]


def path_of(expr: ast.Expr) -> str | None:
    """`a.b.c` as text if the expression is names and attributes alone."""
    if isinstance(expr, ast.Name):
        return expr.id
    if isinstance(expr, ast.Attribute) and (base := path_of(expr.base)) is not None:
        return f"{base}.{expr.name.id}"
    return None
