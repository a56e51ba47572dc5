"""Cases for linear algebra: products, sums by equations, systems and factors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from graphdsl.graph.kernel import Array
from ops.cases import Case, rng_of

MATRICES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((4,), (4,)),
    ((3, 4), (4,)),
    ((4,), (4, 2)),
    ((3, 4), (4, 2)),
    ((2, 3, 4), (4,)),
    ((2, 3, 4), (4, 2)),
    ((2, 3, 4), (2, 4, 5)),
    ((3, 4), (2, 4, 5)),
    ((4,), (2, 4, 5)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((1, 3, 4), (2, 4, 1)),
    ((3, 0), (0, 2)),
)
EQUATIONS: tuple[tuple[str, tuple[tuple[int, ...], ...]], ...] = (
    ("ij,jk->ik", ((3, 4), (4, 5))),
    ("ij,jk->ki", ((3, 4), (4, 5))),
    ("ij,kj->ik", ((3, 4), (5, 4))),
    ("ji,jk", ((4, 3), (4, 5))),
    ("ij->ji", ((3, 4),)),
    ("ij->", ((3, 4),)),
    ("ij->j", ((3, 4),)),
    ("ii->i", ((3, 3),)),
    ("ii", ((3, 3),)),
    ("iij->j", ((3, 3, 2),)),
    ("iii->i", ((3, 3, 3),)),
    ("i,i", ((4,), (4,))),
    ("i,j->ij", ((4,), (3,))),
    ("ij,j->i", ((3, 4), (4,))),
    ("ij,ij->i", ((3, 4), (3, 4))),
    ("ij,ij->ij", ((3, 4), (3, 4))),
    ("bij,bjk->bik", ((2, 3, 4), (2, 4, 5))),
    ("bij,bkj->bki", ((2, 3, 4), (2, 5, 4))),
    ("bhid,bhjd->bhij", ((2, 2, 3, 4), (2, 2, 5, 4))),
    ("bihd,bjhd->bhij", ((2, 3, 2, 4), (2, 5, 2, 4))),
    ("...ij,...jk->...ik", ((2, 3, 4), (2, 4, 5))),
    ("...ij,...jk->...ik", ((2, 1, 3, 4), (5, 4, 2))),
    ("...i,...i->...", ((2, 3), (3,))),
    ("...ii->...i", ((2, 3, 3),)),
    ("i...->...", ((2, 3, 4),)),
    ("ij,jk,kl->il", ((2, 3), (3, 4), (4, 5))),
    ("ij,jk,ki->", ((2, 3), (3, 4), (4, 2))),
    ("i,ij,j", ((3,), (3, 4), (4,))),
    ("ab,cb,ad,d->ac", ((2, 3), (4, 3), (2, 5), (5,))),
    ("ij,k->i", ((3, 4), (2,))),
    ("ii,ij->j", ((3, 3), (3, 2))),
    ("ijk,lkj->il", ((2, 3, 4), (5, 4, 3))),
    ("ij,jk->ik", ((3, 0), (0, 5))),
    (",i->i", ((), (3,))),
)
BATCHES: tuple[tuple[int, ...], ...] = ((), (2,), (2, 3), (1,))


def algebra() -> Iterator[Case]:
    """Products, sums by equations, systems and factors."""
    for left, right in MATRICES:
        a, b = (rng_of(left, right, s).uniform(-2, 2, s) for s in (left, right))
        yield Case("matmul", (a, b), {}, np.matmul)
        if len(left) < 3 and len(right) < 3:
            yield Case("dot", (a, b), {}, np.dot)
    for equation, shapes in EQUATIONS:
        operands = tuple(
            np.asarray(rng_of(equation, i).uniform(-2, 2, s)) for i, s in enumerate(shapes)
        )
        yield Case(
            "einsum",
            operands,
            {"equation": equation},
            lambda *x, e=equation: np.einsum(e, *x),
        )
    a, b = rng_of(1).uniform(-2, 2, 4), rng_of(2).uniform(-2, 2, 3)
    yield Case("outer", (a, b), {}, np.outer)
    for batch, n in product(BATCHES, (1, 3, 4)):
        rng = rng_of(batch, n)
        x = rng.uniform(-1, 1, (*batch, n, n)) + 3 * np.eye(n)
        for name in ("inv", "det"):
            yield Case(name, (x,), {}, getattr(np.linalg, name))
        yield Case("logdet", (x,), {}, lambda x: np.linalg.slogdet(x)[1])
        yield Case("cofactor", (x,), {}, _cofactor)
        yield Case("cholesky", (x @ x.swapaxes(-1, -2),), {}, np.linalg.cholesky)
        yield Case("trace", (x,), {}, lambda x: np.trace(x, 0, -2, -1))
        yield Case("diagonal", (x,), {}, lambda x: np.diagonal(x, 0, -2, -1))
        yield Case("from_diagonal", (x[..., 0],))
        for shape in ((*batch, n, 2), (n, 3), (n,)):
            b = rng.uniform(-1, 1, shape)
            yield Case("solve", (x, b), {}, np.linalg.solve)
            for lower in (False, True):
                part = np.tril(x) if lower else np.triu(x)
                yield Case(
                    "triangular_solve",
                    (x, b),
                    {"lower": lower},
                    lambda _, b, part=part: np.linalg.solve(part, b),
                )
        for name, d in product(("tril", "triu"), (-1, 0, 1)):
            yield Case(name, (x,), {"diagonal": d}, lambda x, n=name, d=d: getattr(np, n)(x, d))
        if len(x.shape) == 2:
            yield Case("diag", (x,), {}, np.diag)
            yield Case("diag", (x[0],), {}, np.diag)


def _cofactor(x: Array) -> Any:
    return np.linalg.det(x)[..., None, None] * np.linalg.inv(x).swapaxes(-1, -2)
