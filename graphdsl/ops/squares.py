"""Diagonals and traces of square matrices, and products of vectors."""

from __future__ import annotations

from graphdsl.graph.build import Expr
from graphdsl.graph.op import OPS, Fault, Op, declare
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops.linear import matmul
from graphdsl.ops.reduction import sum_
from graphdsl.ops.rules import check_rank, check_tensor, common_dtype
from graphdsl.ops.selection import where
from graphdsl.ops.shape import expand, reshape


def check_square(x: TensorType, name: str) -> TensorType:
    """`x` itself; raises `Fault` E0213 where its last two axes make no square matrix."""
    check_rank(x, 2, name)
    if x.shape[-1] != x.shape[-2]:
        raise Fault("E0213", f"'{name}' needs square matrices, and found {x}", operand=0)
    return x


def _unit(x: Expr) -> Expr:
    """Where the diagonals are, as truth values."""
    n = x.type.shape[-1]
    return x.builder.apply(OPS["eye"], (), {"n": n, "dtype": DType.bool})


def _diagonal_type(x: TensorType) -> TensorType:
    return check_square(x, "diagonal").with_shape(x.shape[:-1])


diagonal: Op = declare(
    Op(
        name="diagonal",
        operands=("x",),
        infer=_diagonal_type,
        promotion="none",
        vjp=(lambda g, y, x: from_diagonal(g),),
        view=lambda k: ".diagonal(0, -2, -1)",
        doc="The diagonals of the matrices that the last two axes make.",
        formula="yᵢ = xᵢᵢ",
        derivative="g on the diagonal, 0 elsewhere",
        example="y = diagonal(x)",
    )
)


def _matrix_type(x: TensorType) -> TensorType:
    check_rank(x, 1, "from_diagonal")
    return x.with_shape((*x.shape, x.shape[-1]))


from_diagonal: Op = declare(
    Op(
        name="from_diagonal",
        operands=("x",),
        infer=_matrix_type,
        promotion="same",
        vjp=(lambda g, y, x: diagonal(g),),
        decompose=lambda x: where(_unit(x), expand(x, axis=-1), 0),
        doc="Matrices with the last axis of x on the diagonal, 0 elsewhere.",
        formula="yᵢⱼ = xᵢ δᵢⱼ",
        derivative="the diagonal of g",
        example="y = from_diagonal(x)",
    )
)


def _diag_type(x: TensorType) -> TensorType:
    check_rank(x, 1, "diag")
    if x.rank > 2:
        raise Fault(
            "E0202",
            f"'diag' takes a vector or a matrix, and found {x}",
            operand=0,
            help="diagonal and from_diagonal take any number of matrices and vectors",
        )
    return _matrix_type(x) if x.rank == 1 else _diagonal_type(x)


def _diag(x: Expr) -> Expr:
    return from_diagonal(x) if x.type.rank == 1 else diagonal(x)


diag = declare(
    Op(
        name="diag",
        operands=("x",),
        infer=_diag_type,
        promotion="none",
        vjp=(lambda g, y, x: _diag(g),),
        decompose=_diag,
        doc="The matrix with a vector on its diagonal; of a matrix, the vector on its diagonal.",
        formula="yᵢⱼ = xᵢ δᵢⱼ, or yᵢ = xᵢᵢ",
        derivative="diag(g)",
        example="y = diag(x)",
    )
)


def _trace_type(x: TensorType) -> TensorType:
    result = check_square(x, "trace").with_shape(x.shape[:-2])
    return result.with_dtype(DType.i64) if result.dtype is DType.i32 else result


def _trace_vjp(g: Expr, y: Expr, x: Expr) -> Expr:
    return where(_unit(x), reshape(g, shape=(*g.type.shape, 1, 1)), 0)


trace = declare(
    Op(
        name="trace",
        operands=("x",),
        infer=_trace_type,
        vjp=(_trace_vjp,),
        decompose=lambda x: sum_(diagonal(x), axis=-1, keepdims=False),
        doc="The sum of the diagonal of the matrices that the last two axes make.",
        formula="Σ xᵢᵢ",
        derivative="g on the diagonal, 0 elsewhere",
        example="y = trace(x)",
    )
)


def _outer_type(a: TensorType, b: TensorType) -> TensorType:
    for position, operand in enumerate((a, b)):
        if check_tensor(operand, "outer", position).rank != 1:
            raise Fault(
                "E0202",
                f"'outer' multiplies vectors, and found {operand}",
                operand=position,
                help="einsum multiplies along any axes",
            )
    return TensorType(common_dtype((a, b)), (*a.shape, *b.shape))


outer = declare(
    Op(
        name="outer",
        operands=("a", "b"),
        infer=_outer_type,
        vjp=(lambda g, y, a, b: g @ b, lambda g, y, a, b: a @ g),
        decompose=lambda a, b: expand(a, axis=-1) * expand(b, axis=0),
        doc="The products of each element of one vector with each of another.",
        formula="yᵢⱼ = aᵢ bⱼ",
        derivative="g b and gᵀ a",
        example="y = outer(a, b)",
    )
)


def _dot_type(a: TensorType, b: TensorType) -> TensorType:
    for position, operand in enumerate((a, b)):
        if operand.rank > 2:
            raise Fault(
                "E0202",
                f"'dot' multiplies vectors and matrices, and found {operand}",
                operand=position,
                help="'@' multiplies batches of matrices",
            )
    return matmul.infer(a, b)


dot = declare(
    Op(
        name="dot",
        operands=("a", "b"),
        infer=_dot_type,
        vjp=matmul.vjp,
        decompose=lambda a, b: matmul(a, b),
        doc="The product of vectors or matrices; `a @ b` says the same.",
        formula="Σₖ aₖ bₖ",
        derivative="g b and g a; of matrices, g bᵀ and aᵀ g",
        example="y = dot(a, b)",
    )
)
