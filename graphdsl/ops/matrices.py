"""What emitted programs call for matrices: LAPACK by NumPy, with faults that name the node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from graphdsl.ops.run_fault import RunFault

Array = np.ndarray[Any, np.dtype[Any]]
STEP = 64
"""Rows of a triangular system that are solved at once; the rest is products."""


class MatrixFault(RunFault):
    """A matrix that was fed or computed has no inverse, or no Cholesky factor."""

    code: ClassVar[str] = "E0619"


def _into(out: Array, compute: Callable[[], Any], where: str, fault: str) -> None:
    try:
        np.copyto(out, compute())
    except np.linalg.LinAlgError:
        raise MatrixFault(where, fault) from None


def solution(a: Array, b: Array, out: Array, where: str) -> None:
    """The solution of a x = b; a vector b is one column."""
    _into(out, lambda: np.linalg.solve(a, b), where, "the matrix is singular")


def inverse(x: Array, out: Array, where: str) -> None:
    """The inverses of matrices."""
    _into(out, lambda: np.linalg.inv(x), where, "the matrix is singular")


def determinant(x: Array, out: Array) -> None:
    """The determinants of matrices; 0 where one is singular."""
    np.copyto(out, np.linalg.det(x))


def log_determinant(x: Array, out: Array) -> None:
    """ln |det x|; -inf where x is singular."""
    np.copyto(out, np.linalg.slogdet(x)[1])


def cholesky_of(x: Array, out: Array, where: str) -> None:
    """The lower triangular L with L Lᵀ = (x + xᵀ) / 2."""
    symmetric = (x + x.swapaxes(-2, -1)) / 2
    fault = "the matrix is not positive definite"
    _into(out, lambda: np.linalg.cholesky(symmetric), where, fault)


def cofactors(x: Array, out: Array) -> None:
    """det(x) x⁻ᵀ, by singular values, so that x may be singular; nan of a matrix with nan.

    x = U S Vᵀ has the cofactors det(U) det(V) U C Vᵀ, where Cᵢᵢ is the product of all Sⱼⱼ but Sᵢᵢ.
    """
    n = x.shape[-1]
    try:
        u, s, v = np.linalg.svd(x)
    except np.linalg.LinAlgError:
        out.fill(np.nan)
        return
    others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)
    sign = np.linalg.det(u) * np.linalg.det(v)
    np.matmul(u * (others * sign[..., None])[..., None, :], v, out)


def triangular_solution(a: Array, b: Array, out: Array, lower: bool, where: str) -> None:
    """The solution of a x = b for triangular a, of which the other triangle is not read."""
    if not a.diagonal(0, -2, -1).all():
        raise MatrixFault(where, "the matrix is singular: it has a 0 on its diagonal")
    fault = "the matrix is singular to within rounding"
    _into(out, lambda: _substituted(a, b, np.empty_like(out), lower), where, fault)


def _substituted(a: Array, b: Array, x: Array, lower: bool) -> Array:
    """`x`, once it solves a x = b for triangular a."""
    columns = x
    if b.ndim == 1:
        b, columns = b[:, None], x[..., None]
    np.copyto(columns, b)
    n = a.shape[-1]
    starts = range(0, n, STEP)
    for start in starts if lower else reversed(starts):
        rows = slice(start, start + STEP)
        block = a[..., rows, rows]
        block = np.tril(block) if lower else np.triu(block)
        columns[..., rows, :] = np.linalg.solve(block, columns[..., rows, :])
        rest = slice(start + STEP, n) if lower else slice(0, start)
        columns[..., rest, :] -= a[..., rest, rows] @ columns[..., rows, :]
    return x
