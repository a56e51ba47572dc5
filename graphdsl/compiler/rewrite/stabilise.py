"""Stability: formulas that lose digits or overflow, replaced by ones of the same value that don't.

The pass runs before the reverse sweep, so that gradients are as exact as values. Each rule is
named after the formula it replaces; `stabilise` tells which have fired, and where.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from graphdsl.compiler.rewrite.algebra import number_of
from graphdsl.graph.build import Builder, Expr, rebuild
from graphdsl.graph.graph import Graph, Node, Origin
from graphdsl.graph.op import OPS, Op
from graphdsl.graph.sizes import Shape

Rule = Callable[[Node, tuple[Expr, ...]], Expr | None]


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule, by the formula it replaces, and the place where it has."""

    rule: str
    origin: Origin | None


def stabilise(graph: Graph) -> tuple[Graph, tuple[Fired, ...]]:
    """The graph with every unstable formula replaced, and the rules that have fired."""
    fired: list[Fired] = []
    table = rules()

    def apply(builder: Builder, node: Node, operands: tuple[Expr, ...]) -> Expr | None:
        if node.type.weak:
            return None
        for name, rule in table.get(node.op, ()):
            made = rule(node, operands)
            if made is not None and made.type == node.type:
                fired.append(Fired(name, node.origin))
                return made
        return None

    return rebuild(graph, apply), tuple(fired)


def _inner(x: Expr, position: int = 0) -> Expr:
    return Expr(x.builder, x.node.operands[position])


def _is(x: Expr, name: str) -> bool:
    return x.node.op is OPS[name]


def _other(a: Expr, b: Expr, value: float) -> Expr | None:
    """The operand beside the number `value`, if one of them is that number."""
    if number_of(a) == value:
        return b
    return a if number_of(b) == value else None


def _ln_softmax(node: Node, operands: tuple[Expr, ...]) -> Expr | None:
    (x,) = operands
    if not _is(x, "softmax"):
        return None
    return OPS["log_softmax"](_inner(x), **x.node.attributes())


def _ln_picked_softmax(node: Node, operands: tuple[Expr, ...]) -> Expr | None:
    """The logarithm of some of a softmax is some of its logarithm."""
    (x,) = operands
    if x.node.op not in (OPS["take_along"], OPS["index"], OPS["gather"]):
        return None
    p = _inner(x)
    if not _is(p, "softmax"):
        return None
    logs = OPS["log_softmax"](_inner(p), **p.node.attributes())
    rest = [Expr(x.builder, id) for id in x.node.operands[1:]]
    return x.builder.apply(x.node.op, [logs, *rest], x.node.attributes())


def _ln_sum_exp(node: Node, operands: tuple[Expr, ...]) -> Expr | None:
    (x,) = operands
    if not _is(x, "sum") or not _is(_inner(x), "exp"):
        return None
    return OPS["logsumexp"](_inner(_inner(x)), **x.node.attributes())


def _ln_sigmoid(node: Node, operands: tuple[Expr, ...]) -> Expr | None:
    (x,) = operands
    return -OPS["softplus"](-_inner(x)) if _is(x, "sigmoid") else None


def _ln_one_plus(node: Node, operands: tuple[Expr, ...]) -> Expr | None:
    (x,) = operands
    if not _is(x, "add"):
        return None
    rest = _other(_inner(x), _inner(x, 1), 1)
    if rest is None or rest.type.weak:
        return None
    return OPS["softplus"](_inner(rest)) if _is(rest, "exp") else OPS["log1p"](rest)


def _log1p_exp(node: Node, operands: tuple[Expr, ...]) -> Expr | None:
    (x,) = operands
    return OPS["softplus"](_inner(x)) if _is(x, "exp") else None


def _exp_minus_one(node: Node, operands: tuple[Expr, ...]) -> Expr | None:
    a, b = operands
    return OPS["expm1"](_inner(a)) if _is(a, "exp") and number_of(b) == 1 else None


def _one_minus_sigmoid(node: Node, operands: tuple[Expr, ...]) -> Expr | None:
    a, b = operands
    return OPS["sigmoid"](-_inner(b)) if _is(b, "sigmoid") and number_of(a) == 1 else None


def _guarded_where(node: Node, operands: tuple[Expr, ...]) -> Expr | None:
    """Where a branch is not taken, its derivative may be infinite, and 0 times that is not a
    number. Both branches are therefore computed from 1 where they are not taken."""
    condition, *branches = operands
    if condition.type.shape != node.type.shape:
        return None
    guarded = [
        _guard(branch, condition, taken, {}) if _is_risky(branch, node) else branch
        for branch, taken in zip(branches, (True, False), strict=True)
    ]
    if all(a.id == b.id for a, b in zip(guarded, branches, strict=True)):
        return None
    return OPS["where"](condition, *guarded)


def _is_risky(x: Expr, node: Node, depth: int = 16) -> bool:
    """Whether an op whose derivative can be infinite works on tensors of the choice's shape."""
    if not _is_inside(x, node.type.shape) or depth == 0:
        return False
    if x.node.op in (OPS["ln"], OPS["div"], OPS["sqrt"], OPS["power"], OPS["exp"], OPS["log1p"]):
        return True
    return any(_is_risky(_inner(x, i), node, depth - 1) for i in range(len(x.node.operands)))


def _is_inside(x: Expr, shape: Shape) -> bool:
    """Whether a branch reaches down to `x`: elementwise ops of its shape, but no choice."""
    op = x.node.op
    plain = op.elementwise and op not in (OPS["where"], OPS["copy"])
    return plain and not x.type.weak and x.type.shape == shape and x.type.dtype.is_float


def _guard(x: Expr, condition: Expr, taken: bool, done: dict[int, Expr]) -> Expr:
    """`x` computed anew from operands that are 1 where the branch is not taken."""
    if x.id in done:
        return done[x.id]
    if x.type.weak or not x.type.dtype.is_float or x.type.shape != condition.type.shape:
        made = x
    elif _is_inside(x, condition.type.shape):
        parts = [_guard(_inner(x, i), condition, taken, done) for i in range(len(x.node.operands))]
        made = x.builder.apply(x.node.op, parts, x.node.attributes())
        if all(p.id == id for p, id in zip(parts, x.node.operands, strict=True)):
            made = x
    elif _is(x, "where") and x.node.operands[0] == condition.id:
        made = x
    else:
        chosen = (x, 1.0) if taken else (1.0, x)
        made = OPS["where"](condition, *chosen)
    done[x.id] = made
    return made


@cache
def rules() -> dict[Op, tuple[tuple[str, Rule], ...]]:
    """The rules by op, each with the formula it replaces and what by."""
    return {
        OPS["ln"]: (
            ("ln(softmax(x)) = log_softmax(x)", _ln_softmax),
            ("ln(softmax(x)[i]) = log_softmax(x)[i]", _ln_picked_softmax),
            ("ln(sum(exp(x))) = logsumexp(x)", _ln_sum_exp),
            ("ln(sigmoid(x)) = -softplus(-x)", _ln_sigmoid),
            ("ln(1 + x) = log1p(x)", _ln_one_plus),
        ),
        OPS["where"]: (("where(c, f(x), b) = where(c, f(where(c, x, 1)), b)", _guarded_where),),
        OPS["log1p"]: (("log1p(exp(x)) = softplus(x)", _log1p_exp),),
        OPS["sub"]: (
            ("exp(x) - 1 = expm1(x)", _exp_minus_one),
            ("1 - sigmoid(x) = sigmoid(-x)", _one_minus_sigmoid),
        ),
    }
