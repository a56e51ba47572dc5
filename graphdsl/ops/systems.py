"""Linear systems, inverses, determinants and factors of square matrices, batched as NumPy's.

NumPy has no `out` for LAPACK, so these kernels allocate. A singular matrix is a fault that names
the node, found when the program runs; the derivatives are those of M. B. Giles, "An extended
collection of matrix derivative results for forward and reverse mode automatic differentiation"
(Oxford, 2008).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import Array, ArrayType
from graphdsl.graph.op import OPS, Attribute, Fault, Kernel, Op, declare
from graphdsl.graph.types import DType, TensorType, broadcast_shapes
from graphdsl.ops.matrices import STEP
from graphdsl.ops.reduction import sum_
from graphdsl.ops.rules import common_dtype
from graphdsl.ops.shape import expand, reshape, swap
from graphdsl.ops.squares import check_square, from_diagonal
from graphdsl.ops.triangles import tril, triu


def _calling(function: str) -> Kernel:
    """A kernel that calls a function of `matrices` on the operands, the result and, where the op
    refuses some matrices, the node."""
    return lambda k: k.emit(
        f"{function}({', '.join([*k.args, k.out, *([repr(k.where)] if k.where else [])])})"
    )


def _wide(size: int) -> int:
    """The bytes of so many elements as LAPACK has them: NumPy hands it f64 alone."""
    return size * DType.f64.numpy.itemsize


def _cast(x: ArrayType) -> int:
    """The bytes of all matrices as they are handed over, where they are no f64."""
    return 0 if x.dtype is DType.f64 else _wide(x.size)


def _one(x: ArrayType) -> int:
    """The bytes of one of the matrices: LAPACK takes a copy of each in turn."""
    return _wide(math.prod(x.shape[-2:]))


def _solution_bytes(y: ArrayType, a: ArrayType, b: ArrayType) -> int:
    return _cast(a) + _cast(b) + _wide(y.size) + _one(a) + _one(b)


def _substitution_bytes(y: ArrayType, a: ArrayType, b: ArrayType, *, lower: bool) -> int:
    """The solution and, of what is yet to be solved, what a few rows of it add; then those rows and
    their part of a."""
    if not a.size:
        return 0
    few, n = min(a.shape[-1], STEP), a.shape[-1]
    block, rows = a.size * few * few // n**2, y.size * few // n
    return 2 * y.nbytes + (block + rows) * y.dtype.numpy.itemsize + _wide(block + 2 * rows)


def _solved(a: TensorType, b: TensorType, name: str) -> TensorType:
    check_square(a, name)
    vector = b.rank == 1
    if not b.rank or b.shape[0 if vector else -2] != a.shape[-1]:
        raise Fault("E0204", f"'{name}' with {a} needs {a.shape[-1]} rows, not {b}", operand=1)
    batch = broadcast_shapes([a.shape[:-2], () if vector else b.shape[:-2]])
    if batch is None:
        raise Fault(
            "E0201", f"the leading sizes of {a} and {b} do not broadcast in '{name}'", operand=1
        )
    rows = b.shape if vector else b.shape[-2:]
    return TensorType(common_dtype((a, b)), (*batch, *rows))


def _check_regular(
    types: Sequence[TensorType], values: Sequence[Array | None], **attributes: object
) -> None:
    """Refuse a matrix of constants that has no inverse; it is no data that may turn out so."""
    if values[0] is None:
        return
    try:
        np.linalg.inv(values[0].astype(np.float64))
    except np.linalg.LinAlgError:
        raise Fault("E0217", "the matrix is singular: it has no inverse", operand=0) from None


def _product(left: Expr, right: Expr, vector: bool) -> Expr:
    """left rightᵀ for columns: of a vector, one for each matrix of a batch."""
    if not vector:
        return left @ swap(right)
    return expand(left, axis=-1) * expand(right, axis=-2)


def _solve_right(g: Expr, y: Expr, a: Expr, b: Expr) -> Expr:
    return _columns(solve, swap(a), g, b)


def _columns(system: Op, a: Expr, g: Expr, b: Expr, **attributes: bool) -> Expr:
    """A system for the cotangent of a result; for vectors of a batch, as columns."""
    if b.type.rank > 1 or g.type.rank == 1:
        return system(a, g, **attributes)
    found = system(a, expand(g, axis=-1), **attributes)
    return reshape(found, shape=g.type.shape)


solve: Op = declare(
    Op(
        name="solve",
        operands=("a", "b"),
        infer=lambda a, b: _solved(a, b, "solve"),
        check=_check_regular,
        promotion="float",
        vjp=(
            lambda g, y, a, b: -_product(_solve_right(g, y, a, b), y, b.type.rank == 1),
            _solve_right,
        ),
        kernel=_calling("solution"),
        refuses="matrix",
        allocates=_solution_bytes,
        doc="The x with a x = b; b is a vector or a matrix of columns.",
        formula="a⁻¹ b",
        derivative="h = a⁻ᵀ g for b, -h yᵀ for a",
        example="y = solve(a, b)",
    )
)


def _triangular_type(a: TensorType, b: TensorType, *, lower: bool) -> TensorType:
    return _solved(a, b, "triangular_solve")


def _triangular_right(g: Expr, y: Expr, a: Expr, b: Expr, *, lower: bool) -> Expr:
    return _columns(triangular_solve, swap(a), g, b, lower=not lower)


def _triangular_left(g: Expr, y: Expr, a: Expr, b: Expr, *, lower: bool) -> Expr:
    h = _triangular_right(g, y, a, b, lower=lower)
    whole = -_product(h, y, b.type.rank == 1)
    return tril(whole, diagonal=0) if lower else triu(whole, diagonal=0)


triangular_solve: Op = declare(
    Op(
        name="triangular_solve",
        operands=("a", "b"),
        infer=_triangular_type,
        attributes={"lower": Attribute("bool", True, "whether a is read below its diagonal")},
        promotion="float",
        vjp=(_triangular_left, _triangular_right),
        kernel=lambda k: k.emit(
            f"triangular_solution({', '.join(k.args)}, {k.out}, {k.attrs['lower']}, {k.where!r})"
        ),
        refuses="matrix",
        allocates=_substitution_bytes,
        doc="The x with a x = b for a triangular a, of which the other triangle is not read.",
        formula="a⁻¹ b",
        derivative="h = a⁻ᵀ g for b, the triangle of -h yᵀ for a",
        example="y = triangular_solve(a, b)",
    )
)


inv: Op = declare(
    Op(
        name="inv",
        operands=("x",),
        infer=lambda x: check_square(x, "inv"),
        check=_check_regular,
        promotion="float",
        vjp=(lambda g, y, x: -(swap(y) @ g @ swap(y)),),
        kernel=_calling("inverse"),
        refuses="matrix",
        allocates=lambda y, x: _cast(x) + _wide(y.size) + 2 * _one(x),
        doc="The inverses of matrices; solve(a, b) is quicker and more exact than inv(a) @ b.",
        formula="x⁻¹",
        derivative="-yᵀ g yᵀ",
        example="y = inv(x)",
    )
)


def _corner(g: Expr) -> Expr:
    """One number for each matrix, with two axes more."""
    return reshape(g, shape=(*g.type.shape, 1, 1))


det = declare(
    Op(
        name="det",
        operands=("x",),
        infer=lambda x: check_square(x, "det").with_shape(x.shape[:-2]),
        promotion="float",
        vjp=(lambda g, y, x: _corner(g) * cofactor(x),),
        kernel=_calling("determinant"),
        allocates=lambda y, x: _cast(x) + _one(x),
        doc="The determinants of matrices.",
        formula="det x",
        derivative="g cofactor(x), which is g y x⁻ᵀ where that is",
        example="y = det(x)",
    )
)


def _cofactor_vjp(g: Expr, y: Expr, x: Expr) -> Expr:
    z = swap(inv(x))
    inner = sum_(g * z, axis=(-2, -1), keepdims=True)
    return _corner(OPS["det"](x)) * (inner * z - z @ swap(g) @ z)


cofactor: Op = declare(
    Op(
        name="cofactor",
        operands=("x",),
        infer=lambda x: check_square(x, "cofactor"),
        promotion="float",
        vjp=(_cofactor_vjp,),
        kernel=_calling("cofactors"),
        allocates=lambda y, x: _cast(x) + 2 * _wide(x.size) + x.nbytes + 10 * _one(x),
        doc="The matrix of cofactors, the derivative of the determinant; x may be singular.",
        formula="det(x) x⁻ᵀ",
        derivative="det(x) (⟨g, x⁻ᵀ⟩ x⁻ᵀ - x⁻ᵀ gᵀ x⁻ᵀ), where x has an inverse",
        example="y = cofactor(x)",
    )
)

logdet = declare(
    Op(
        name="logdet",
        operands=("x",),
        infer=lambda x: check_square(x, "logdet").with_shape(x.shape[:-2]),
        promotion="float",
        vjp=(lambda g, y, x: _corner(g) * swap(inv(x)),),
        kernel=_calling("log_determinant"),
        allocates=lambda y, x: _cast(x) + _one(x),
        doc="The logarithm of |det x|, where the determinant itself would overflow; -inf if 0.",
        formula="ln |det x|",
        derivative="g x⁻ᵀ",
        example="y = logdet(x)",
    )
)


def _cholesky_vjp(g: Expr, y: Expr, x: Expr) -> Expr:
    """P = Φ(yᵀ g), Φ the lower triangle with half its diagonal; y⁻ᵀ (P + Pᵀ) y⁻¹ / 2."""
    p = tril(swap(y) @ g, diagonal=0)
    p = p - 0.5 * from_diagonal(OPS["diagonal"](p))
    both = p + swap(p)
    upper = swap(y)
    left = triangular_solve(upper, both, lower=False)
    return 0.5 * swap(triangular_solve(upper, swap(left), lower=False))


cholesky = declare(
    Op(
        name="cholesky",
        operands=("x",),
        infer=lambda x: check_square(x, "cholesky"),
        promotion="float",
        vjp=(_cholesky_vjp,),
        kernel=_calling("cholesky_of"),
        refuses="matrix",
        allocates=lambda y, x: x.nbytes + _cast(x) + _wide(y.size) + _one(x),
        doc="The lower triangle y of a positive definite matrix, of which (x + xᵀ) / 2 is taken.",
        formula="y yᵀ = x",
        derivative="y⁻ᵀ (P + Pᵀ) y⁻¹ / 2, P the lower triangle of yᵀ g with half its diagonal",
        example="y = cholesky(x @ x.T + eye(3))",
    )
)
