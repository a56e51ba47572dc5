"""Guards: a choice comes in, the same choice goes out whose branch not taken leaks nothing.

Where a branch is not taken its cotangent is 0, but 0 times an infinite derivative is not a number.
The operands of every op that can have such a derivative are therefore replaced, where the branch is
not taken, by a number at which it is finite (the "double where").
"""

from __future__ import annotations

from graphdsl.compiler.rewrite.algebra import number_of
from graphdsl.graph.build import Expr
from graphdsl.graph.graph import Node
from graphdsl.graph.op import OPS, Op
from graphdsl.graph.types import broadcast_shapes

_DEPTH = 64
_EVERYWHERE = (-3.0, 3.0)
"""Where tests sample an operand at which the op has no pole."""
_OVERFLOWING = ("exp", "exp2", "expm1", "sinh", "cosh")


def guard_where(node: Node, operands: tuple[Expr, ...]) -> Expr | None:
    """`where` with both branches guarded; None where nothing needs it."""
    condition, *branches = operands
    if condition.type.weak:
        return None
    guarded = [
        _guard(branch, condition, taken, {}, _DEPTH)
        for branch, taken in zip(branches, (True, False), strict=True)
    ]
    if all(a.id == b.id for a, b in zip(guarded, branches, strict=True)):
        return None
    return OPS["where"](condition, *guarded)


def _guard(x: Expr, condition: Expr, taken: bool, done: dict[int, Expr], depth: int) -> Expr:
    """`x` computed anew, through elementwise ops, from guarded operands."""
    if x.id in done:
        return done[x.id]
    made = x
    if depth and _is_inside(x):
        parts = [_guard(part, condition, taken, done, depth - 1) for part in x.operands]
        parts = [
            _kept_away(part, condition, taken, _safe_number(x.node.op, position))
            if _is_risky(x, position)
            else part
            for position, part in enumerate(parts)
        ]
        if any(p.id != id for p, id in zip(parts, x.node.operands, strict=True)):
            again = x.builder.apply(x.node.op, parts, x.node.attributes())
            made = again if again.type == x.type else x
    done[x.id] = made
    return made


def _is_inside(x: Expr) -> bool:
    """Whether a branch reaches down to `x`: elementwise ops of floats, but no further choice."""
    op = x.node.op
    plain = op.elementwise and op not in (OPS["where"], OPS["copy"], OPS["stop_gradient"])
    return plain and not x.type.weak and x.type.dtype.is_float


def _is_risky(x: Expr, position: int) -> bool:
    """Whether an operand can make a derivative infinite: the op has a pole there, or overflows."""
    if x.operands[position].type.weak:
        return False
    if x.node.op is OPS["power"]:
        exponent = number_of(x.operands[1])
        return not (isinstance(exponent, int | float) and exponent >= 1)
    return _domain(x.node.op, position) != _EVERYWHERE or x.node.op.name in _OVERFLOWING


def _safe_number(op: Op, position: int) -> float:
    """A number at which the op and its derivative are finite: 1 if the domain holds it."""
    low, high = _domain(op, position)
    return 1 if low < 1 < high else (low + high) / 2


def _domain(op: Op, position: int) -> tuple[float, float]:
    return op.domain[min(position, len(op.domain) - 1)]


def _kept_away(part: Expr, condition: Expr, taken: bool, number: float) -> Expr:
    """An operand, but `number` where the branch is not taken."""
    if not part.type.dtype.is_float:
        return part
    if part.node.op is OPS["where"] and part.node.operands[0] == condition.id:
        return part  # the text, or this rule, has done so already
    if broadcast_shapes([condition.type.shape, part.type.shape]) is None:
        return part
    return OPS["where"](condition, *((part, number) if taken else (number, part)))
