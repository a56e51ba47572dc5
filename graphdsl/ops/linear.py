"""Products of matrices and vectors."""

from __future__ import annotations

import math

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Fault, Op, declare
from graphdsl.graph.sizes import product
from graphdsl.graph.types import TensorType, broadcast_shapes
from graphdsl.ops import row_rules
from graphdsl.ops.rules import check_tensor, common_dtype, find_unequal
from graphdsl.ops.shape import reshape, swap


def _product(a: TensorType, b: TensorType) -> TensorType:
    for position, operand in enumerate((a, b)):
        check_tensor(operand, "@", position)
        if not operand.rank:
            raise Fault(
                "E0202",
                f"'@' needs vectors or matrices, and {operand} is a scalar",
                operand=position,
                help="'*' multiplies with a scalar",
            )
    inner = b.shape[-2] if b.rank > 1 else b.shape[0]
    if a.shape[-1] != inner:
        raise Fault(
            "E0204",
            f"the inner sizes of '@' differ: {a.shape[-1]} and {inner}",
            operand=1,
            help=_advice(a, b),
            clash=((0, -1), (1, -2 if b.rank > 1 else 0)),
        )
    batch = broadcast_shapes([a.shape[:-2], b.shape[:-2]])
    if batch is None:
        back = 2 + find_unequal(a.shape[:-2], b.shape[:-2])
        raise Fault(
            "E0201",
            f"the leading sizes of {a} and {b} do not broadcast in '@'",
            operand=1,
            clash=((0, -back), (1, -back)),
        )
    rows = a.shape[-2:-1] if a.rank > 1 else ()
    columns = b.shape[-1:] if b.rank > 1 else ()
    return TensorType(common_dtype((a, b)), (*batch, *rows, *columns))


def _advice(a: TensorType, b: TensorType) -> str:
    for left, right, text in (
        (a.shape[-1], b.shape[-1], "'{a} @ {b}.T' would fit"),
        (a.shape[-2:-1], b.shape[-2:-1], "'{a}.T @ {b}' would fit"),
        (a.shape[-2:-1], b.shape[-1:], "'{b} @ {a}' would fit"),
    ):
        if b.rank > 1 and a.rank > 1 and left == right:
            return text
    more = {1: "", 2: ", …"}.get(b.rank)
    wanted = f"[…, {a.shape[-1]}, …]" if more is None else f"[{a.shape[-1]}{more}]"
    return f"'{{a}} @ {{b}}' needs {{b}} to be {wanted}"


def _emit_product(k: KernelCall) -> None:
    """`dot` where it means the same, since it starts quicker than `matmul`; the method `dot` twice
    as quick as the function, which first asks whether an operand brings one of its own."""
    (a, b), (left, right) = k.args, k.types
    if left.rank <= 2 and right.rank <= 2:
        k.emit(f"{a}.dot({b}, {k.out})")
    elif right.rank <= 2 and k.contiguous[0]:
        rows, inner = math.prod(left.shape[:-1]), left.shape[-1]
        a = k.view(a, f".reshape({rows}, {inner})")
        columns = "" if right.rank == 1 else f", {right.shape[1]}"
        out = k.view(k.out, f".reshape({rows}{columns})")
        k.emit(f"{a}.dot({b}, {out})")
    else:
        k.emit(f"matmul({a}, {b}, {k.out})")


def _row(x: Expr) -> Expr:
    return reshape(x, shape=(*x.type.shape[:-1], 1, x.type.shape[-1]))


def _column(x: Expr) -> Expr:
    return reshape(x, shape=(*x.type.shape, 1))


def _flat(x: Expr) -> Expr:
    shape = (product(x.type.shape[:-1]), x.type.shape[-1])
    return reshape(x, shape=shape) if x.type.rank > 2 else x


def _left_vjp(g: Expr, y: Expr, a: Expr, b: Expr) -> Expr:
    if a.type.rank == 1 and b.type.rank == 1:
        return g * b
    if b.type.rank == 1:
        return _column(g) * b
    if a.type.rank == 1:
        if b.type.rank == 2:
            return b @ g
        full = b @ _column(g)
        return reshape(full, shape=full.type.shape[:-1])
    return g @ swap(b)


def _right_vjp(g: Expr, y: Expr, a: Expr, b: Expr) -> Expr:
    if a.type.rank == 1 and b.type.rank == 1:
        return g * a
    if b.type.rank == 1:
        return reshape(g, shape=(g.type.size,)) @ _flat(a)
    if a.type.rank == 1:
        return _column(a) * _row(g)
    if b.type.rank == 2:  # one product, not one for each matrix of the batch
        return swap(_flat(a)) @ _flat(g)
    return swap(a) @ g


matmul = declare(
    Op(
        name="matmul",
        operands=("a", "b"),
        infix="@",
        infer=_product,
        vjp=(_left_vjp, _right_vjp),
        kernel=_emit_product,
        flops=lambda y, a, b: 2 * y.size * a.shape[-1],
        rows=row_rules.multiplied,
        doc="The product of matrices, batches of matrices or vectors, as NumPy's `@`.",
        formula="Σₖ aᵢₖ bₖⱼ",
        derivative="g bᵀ and aᵀ g",
        example="y = a @ b",
    )
)
