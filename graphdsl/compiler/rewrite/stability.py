"""The stability rules: a node's operands come in, a stable formula goes out, or None.

`RULES` lists them, each with the formula it replaces, what is computed instead, and why. A rule
looks through names: `p = softmax(z)` and `ln(p)` two lines below are `ln(softmax(z))`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from graphdsl.compiler.rewrite.algebra import number_of
from graphdsl.compiler.rewrite.axes import Operands
from graphdsl.compiler.rewrite.guards import guard_where
from graphdsl.graph.build import Expr
from graphdsl.graph.graph import Node
from graphdsl.graph.op import OPS, Op
from graphdsl.ops.rules import axes_of

Apply = Callable[[Node, Operands], Expr | None]


@dataclass(frozen=True, slots=True)
class Stability:
    """A rule: the op at whose nodes it looks, the formula it replaces, what by, and why."""

    op: str
    formula: str
    computed: str
    reason: str
    apply: Apply

    @property
    def name(self) -> str:
        """Both formulas, as reports name the rule."""
        return f"{self.formula} = {self.computed}"


@cache
def rules() -> dict[Op, tuple[Stability, ...]]:
    """The rules by op."""
    return {OPS[op]: tuple(rule for rule in RULES if rule.op == op) for op in {r.op for r in RULES}}


def _inner(x: Expr, position: int = 0) -> Expr:
    return x.operands[position]


def _is(x: Expr, name: str) -> bool:
    return x.node.op is OPS[name]


def _negated(x: Expr) -> Expr:
    return _inner(x) if _is(x, "neg") else -x


def _is_same(a: Expr, b: Expr, depth: int = 8) -> bool:
    """Whether two expressions are one, or written the same from the same."""
    if a.id == b.id:
        return True
    if a.node.op is not b.node.op or a.node.op.random or not a.node.operands or depth == 0:
        return False
    alike = (a.node.attrs, len(a.node.operands)) == (b.node.attrs, len(b.node.operands))
    pairs = zip(a.operands, b.operands, strict=False)
    return alike and all(_is_same(one, other, depth - 1) for one, other in pairs)


def _beside(x: Expr, value: float) -> Expr | None:
    """The other operand of a sum of which one is the number `value`."""
    if not _is(x, "add"):
        return None
    a, b = _inner(x), _inner(x, 1)
    other = b if number_of(a) == value else a if number_of(b) == value else None
    return None if other is None or other.type.weak else other


def _squared(x: Expr) -> Expr | None:
    """What `x` is the square of, however it is written."""
    if _is(x, "square"):
        return _inner(x)
    if _is(x, "power"):
        return _inner(x) if number_of(_inner(x, 1)) == 2 else None
    if _is(x, "mul") and _is_same(_inner(x), _inner(x, 1)):
        return _inner(x)
    return None


def _ln_softmax(node: Node, operands: Operands) -> Expr | None:
    (x,) = operands
    if not _is(x, "softmax"):
        return None
    return OPS["log_softmax"](_inner(x), **x.node.attributes())


def _ln_picked_softmax(node: Node, operands: Operands) -> Expr | None:
    (x,) = operands
    if x.node.op not in (OPS["take_along"], OPS["index"], OPS["gather"]):
        return None
    p = _inner(x)
    if not _is(p, "softmax"):
        return None
    logs = OPS["log_softmax"](_inner(p), **p.node.attributes())
    rest = x.operands[1:]
    return x.builder.apply(x.node.op, [logs, *rest], x.node.attributes())


def _ln_sum_exp(node: Node, operands: Operands) -> Expr | None:
    (x,) = operands
    if not _is(x, "sum") or not _is(_inner(x), "exp"):
        return None
    return OPS["logsumexp"](_inner(_inner(x)), **x.node.attributes())


def _ln_sigmoid(node: Node, operands: Operands) -> Expr | None:
    (x,) = operands
    return -OPS["softplus"](_negated(_inner(x))) if _is(x, "sigmoid") else None


def _ln_one_plus_exp(node: Node, operands: Operands) -> Expr | None:
    rest = _beside(operands[0], 1)
    return OPS["softplus"](_inner(rest)) if rest is not None and _is(rest, "exp") else None


def _ln_one_plus(node: Node, operands: Operands) -> Expr | None:
    rest = _beside(operands[0], 1)
    return None if rest is None else OPS["log1p"](rest)


def _ln_one_minus(node: Node, operands: Operands) -> Expr | None:
    (x,) = operands
    if not _is(x, "sub") or number_of(_inner(x)) != 1 or _inner(x, 1).type.weak:
        return None
    return OPS["log1p"](-_inner(x, 1))


def _log1p_exp(node: Node, operands: Operands) -> Expr | None:
    (x,) = operands
    return OPS["softplus"](_inner(x)) if _is(x, "exp") else None


def _exp_minus_one(node: Node, operands: Operands) -> Expr | None:
    a, b = operands
    return OPS["expm1"](_inner(a)) if _is(a, "exp") and number_of(b) == 1 else None


def _one_minus_exp(node: Node, operands: Operands) -> Expr | None:
    a, b = operands
    return -OPS["expm1"](_inner(b)) if _is(b, "exp") and number_of(a) == 1 else None


def _one_minus_sigmoid(node: Node, operands: Operands) -> Expr | None:
    a, b = operands
    return OPS["sigmoid"](_negated(_inner(b))) if _is(b, "sigmoid") and number_of(a) == 1 else None


def _logistic(node: Node, operands: Operands) -> Expr | None:
    one, sum = operands
    rest = _beside(sum, 1)
    if rest is None or not _is(rest, "exp") or number_of(one) != 1:
        return None
    return OPS["sigmoid"](_negated(_inner(rest)))


def _exp_logistic(node: Node, operands: Operands) -> Expr | None:
    top, sum = operands
    rest = _beside(sum, 1)
    if rest is None or not _is(rest, "exp") or not _is_same(top, rest):
        return None
    return OPS["sigmoid"](_inner(rest))


def _exp_over_sum(node: Node, operands: Operands) -> Expr | None:
    top, sum = operands
    if not _is(top, "exp") or not _is(sum, "sum") or not _is_same(top, _inner(sum)):
        return None
    attrs, rank = sum.node.attributes(), top.type.rank
    axes = axes_of(attrs["axis"], rank)
    # without keepdims the sums stand beside the right elements only if the first axes are reduced
    if not axes or not (attrs["keepdims"] or axes == tuple(range(len(axes)))):
        return None
    return OPS["softmax"](_inner(top), axis=axes if len(axes) > 1 else axes[0] - rank)


def _mean_square_minus(node: Node, operands: Operands) -> Expr | None:
    a, b = operands
    m = _squared(b)
    if m is None or not _is(a, "mean") or not _is(m, "mean") or a.node.attrs != m.node.attrs:
        return None
    x = _squared(_inner(a))
    if x is None or not _is_same(x, _inner(m)) or not x.type.dtype.is_float:
        return None
    return OPS["var"](x, **a.node.attributes())


def _root_of_squares(node: Node, operands: Operands) -> Expr | None:
    (x,) = operands
    squares = _squared(_inner(x)) if _is(x, "sum") else None
    if squares is None or not squares.type.dtype.is_float:
        return None
    return OPS["norm"](squares, **x.node.attributes())


_LOST = "the probability is rounded to 0, and its logarithm is -inf"
_FLAT = "the value is right, but its derivative is inf / inf"
RULES = (
    Stability("ln", "ln(softmax(x))", "log_softmax(x)", _LOST, _ln_softmax),
    Stability("ln", "ln(softmax(x)[i])", "log_softmax(x)[i]", _LOST, _ln_picked_softmax),
    Stability("ln", "ln(sum(exp(x)))", "logsumexp(x)", "the exponential overflows", _ln_sum_exp),
    Stability("ln", "ln(sigmoid(x))", "-softplus(-x)", _LOST, _ln_sigmoid),
    Stability("ln", "ln(1 + exp(x))", "softplus(x)", "the exponential overflows", _ln_one_plus_exp),
    Stability("ln", "ln(1 + x)", "log1p(x)", "1 + x rounds a small x away", _ln_one_plus),
    Stability("ln", "ln(1 - x)", "log1p(-x)", "1 - x rounds a small x away", _ln_one_minus),
    Stability("log1p", "log1p(exp(x))", "softplus(x)", "the exponential overflows", _log1p_exp),
    Stability("sub", "exp(x) - 1", "expm1(x)", "near 0 all digits cancel", _exp_minus_one),
    Stability("sub", "1 - exp(x)", "-expm1(x)", "near 0 all digits cancel", _one_minus_exp),
    Stability(
        "sub", "1 - sigmoid(x)", "sigmoid(-x)", "far above 0 all digits cancel", _one_minus_sigmoid
    ),
    Stability("div", "1 / (1 + exp(-x))", "sigmoid(x)", _FLAT, _logistic),
    Stability(
        "div", "exp(x) / (1 + exp(x))", "sigmoid(x)", "the exponential overflows", _exp_logistic
    ),
    Stability(
        "div", "exp(x) / sum(exp(x))", "softmax(x)", "the exponential overflows", _exp_over_sum
    ),
    Stability(
        "sub",
        "mean(x^2) - mean(x)^2",
        "var(x)",
        "beside a large mean all digits cancel; in two passes none do",
        _mean_square_minus,
    ),
    Stability(
        "sqrt", "sqrt(sum(x^2))", "norm(x)", "the derivative at 0 is 0 / 0", _root_of_squares
    ),
    Stability(
        "where",
        "where(c, f(x), b)",
        "where(c, f(where(c, x, 1)), b)",
        "an infinite derivative of the branch not taken makes nan of the gradient",
        guard_where,
    ),
)
