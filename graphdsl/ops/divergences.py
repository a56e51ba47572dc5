"""Further losses of rows of classes: weighted cross entropy, and the divergence of two rows."""

from __future__ import annotations

from graphdsl.graph.build import Expr
from graphdsl.graph.op import Fault, Op, declare
from graphdsl.graph.types import TensorType
from graphdsl.ops.comparison import greater
from graphdsl.ops.functions import ln
from graphdsl.ops.gathering import gather, scatter_add
from graphdsl.ops.network import cross_entropy, log_softmax
from graphdsl.ops.reduction import sum_
from graphdsl.ops.rules import broadcast, check_rank
from graphdsl.ops.selection import where
from graphdsl.ops.shape import expand


def _weighted_type(z: TensorType, y: TensorType, w: TensorType) -> TensorType:
    rows = cross_entropy.infer(z, y, smoothing=0.0)
    if w.shape != z.shape[-1:] or w.dtype is not z.dtype:
        raise Fault(
            "E0201",
            f"'weighted_cross_entropy' of logits {z} needs weights {z.dtype}[{z.shape[-1]}], "
            f"and found {w}",
            operand=2,
        )
    return rows


def _weighted(z: Expr, y: Expr, w: Expr) -> Expr:
    if y.type.dtype.is_float:
        return cross_entropy(z, y * w)
    return gather(w, y, axis=0) * cross_entropy(z, y)


def _weighted_logits(g: Expr, loss: Expr, z: Expr, y: Expr, w: Expr) -> Expr:
    rules = cross_entropy.vjp
    assert isinstance(rules, tuple)
    rule = rules[0]
    assert rule is not None
    if y.type.dtype.is_float:
        return rule(g, loss, z, y * w, smoothing=0.0)
    return rule(g * gather(w, y, axis=0), loss, z, y, smoothing=0.0)


def _weights_vjp(g: Expr, loss: Expr, z: Expr, y: Expr, w: Expr) -> Expr:
    if y.type.dtype.is_float:
        return -(expand(g, axis=-1) * y * log_softmax(z))
    flat = g * cross_entropy(z, y)
    return scatter_add(flat, y, size=z.type.shape[-1], axis=0)


weighted_cross_entropy = declare(
    Op(
        name="weighted_cross_entropy",
        operands=("z", "y", "w"),
        infer=_weighted_type,
        promotion="none",
        vjp=(
            _weighted_logits,
            lambda g, loss, z, y, w: -(expand(g, axis=-1) * w * log_softmax(z)),
            _weights_vjp,
        ),
        decompose=_weighted,
        doc="cross_entropy with a weight for each class.",
        formula="-w[y] ln softmax(z)[y]",
        derivative="w[y] g (softmax(z) - one_hot(y)) for z; the losses, class by class, for w",
        example="loss J = mean(weighted_cross_entropy(z, labels, w))",
    )
)


def _rows(p: TensorType, q: TensorType) -> TensorType:
    both = broadcast(p, q)
    return check_rank(both, 1, "kl_div").with_shape(both.shape[:-1])


def _safe(p: Expr) -> Expr:
    return where(greater(p, 0), p, 1)


def _where_likely(g: Expr, p: Expr, slope: Expr) -> Expr:
    """The cotangent of a term, 0 where p is."""
    return expand(g, axis=-1) * where(greater(p, 0), slope, 0)


def _kl_div(p: Expr, q: Expr) -> Expr:
    terms = where(greater(p, 0), p * (ln(_safe(p)) - ln(q)), 0)
    return sum_(terms, axis=-1, keepdims=False)


kl_div = declare(
    Op(
        name="kl_div",
        operands=("p", "q"),
        infer=_rows,
        promotion="float",
        vjp=(
            lambda g, y, p, q: _where_likely(g, p, ln(_safe(p)) - ln(q) + 1),
            lambda g, y, p, q: _where_likely(g, p, -p / q),
        ),
        decompose=_kl_div,
        domain=((0.1, 1.0), (0.1, 1.0)),
        doc="For each row, the divergence of probabilities q from probabilities p, where 0 ln 0 "
        "is 0 (Kullback & Leibler, 1951); kl_divergence is that of logits.",
        formula="Σ p (ln p - ln q)",
        derivative="g (ln p - ln q + 1) for p, 0 where p is 0; -g p / q for q",
        example="y = kl_div(p, q)",
    )
)
