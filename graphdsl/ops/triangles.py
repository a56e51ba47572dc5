"""Triangles of matrices: what lies on, below or above a diagonal."""

from __future__ import annotations

import numpy as np

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import OPS, Attribute, Op, declare
from graphdsl.graph.sizes import Size
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops.comparison import logical_not
from graphdsl.ops.rules import check_rank, check_sizes
from graphdsl.ops.selection import where

_DIAGONAL = Attribute("int", 0, "how far the last diagonal taken stands right of the main one")


def _tri_type(*, n: Size, m: Size | None, diagonal: int) -> TensorType:
    return TensorType(DType.bool, check_sizes((n, n if m is None else m)))


def _emit_tri(k: KernelCall) -> None:
    rows, columns = k.out_type.shape
    triangle = np.tri(rows, columns, k.attrs["diagonal"], np.bool_)
    k.emit(f"copyto({k.out}, {k.constant(triangle)})")


tri = declare(
    Op(
        name="tri",
        operands=(),
        infer=_tri_type,
        attributes={
            "n": Attribute("size", doc="the number of rows"),
            "m": Attribute("size", None, "the number of columns; n if not given"),
            "diagonal": _DIAGONAL,
        },
        kernel=_emit_tri,
        doc="Where row i may see column j of those up to its own: true on and below a diagonal.",
        formula="j <= i + diagonal",
        derivative="none",
        example="y = where(tri(3), 1, 0)",
    )
)


def _triangle(x: Expr, diagonal: int) -> Expr:
    n, m = x.type.shape[-2:]
    attrs = {"n": n, "m": m, "diagonal": diagonal}
    return x.builder.apply(OPS["tri"], (), attrs)


def _declare(name: str, lower: bool) -> Op:
    side, sign = ("below", "j <= i") if lower else ("above", "j >= i")

    def infer(x: TensorType, *, diagonal: int) -> TensorType:
        return check_rank(x, 2, name)

    def decompose(x: Expr, *, diagonal: int) -> Expr:
        if lower:
            return where(_triangle(x, diagonal), x, 0)
        return where(logical_not(_triangle(x, diagonal - 1)), x, 0)

    return declare(
        Op(
            name=name,
            operands=("x",),
            infer=infer,
            attributes={"diagonal": Attribute("int", 0, "which diagonal ends the triangle")},
            promotion="same",
            vjp=(lambda g, y, x, *, diagonal: OPS[name](g, diagonal=diagonal),),
            decompose=decompose,
            doc=f"The elements on and {side} a diagonal of the last two axes, 0 elsewhere.",
            formula=f"x where {sign} + diagonal, 0 elsewhere",
            derivative=f"{name}(g)",
            example=f"y = {name}(x)",
        )
    )


tril = _declare("tril", lower=True)
triu = _declare("triu", lower=False)
