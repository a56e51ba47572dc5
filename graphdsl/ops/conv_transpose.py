"""The transposes of convolutions: what a convolution of one size makes smaller they make larger.

A transpose is the gradient of the convolution's operand, as an op of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphdsl.graph.build import Expr
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Shape
from graphdsl.graph.types import TensorType
from graphdsl.ops.channels import check_groups
from graphdsl.ops.conv import AXES, ONE, TWO, WAYS, Family, read_windows
from graphdsl.ops.windows import check_images, one_each


@dataclass(frozen=True, slots=True)
class _Transpose:
    """Of the convolutions of one rank."""

    of: Family

    @property
    def name(self) -> str:
        return f"conv_transpose{self.of.rank}d"

    def infer(self, x: TensorType, w: TensorType, **attrs: Any) -> TensorType:
        """The type of the result."""
        check_images(x, self.of.rank, self.name)
        check_images(w, self.of.rank, self.name, 1)
        check_groups(x.shape[1], attrs["groups"], x, 0)
        if w.shape[0] != x.shape[1]:
            raise Fault(
                "E0201",
                f"'{self.name}' of {x} needs a kernel from {x.shape[1]} channels, and {w} is from "
                f"{w.shape[0]}",
                operand=1,
                help="here a kernel is [channels in, channels out / groups, …]",
            )
        return x.with_shape((x.shape[0], w.shape[1] * attrs["groups"], *self._sizes(x, w, attrs)))

    def decompose(self, x: Expr, w: Expr, *, extra: Any, **attrs: Any) -> Expr:
        """The gradient of the operand that the convolution would have had."""
        sizes = self._sizes(x.type, w.type, {**attrs, "extra": extra})
        return self.of.to_input(x, w, sizes=sizes, **attrs)

    def _sizes(self, x: TensorType, w: TensorType, attrs: dict[str, Any]) -> Shape:
        extra = one_each(attrs["extra"], self.of.rank, "extra", 0)
        return read_windows(w.shape, self.of.rank, attrs).spread(x.shape[2:], extra)

    def declare(self) -> Op:
        """The op, entered into the table."""
        conv = self.of
        return declare(
            Op(
                name=self.name,
                operands=("x", "w"),
                infer=self.infer,
                attributes={**WAYS, "extra": Attribute("ints", 0, "places added at the end")},
                promotion="float",
                vjp=(
                    lambda g, y, x, w, *, extra, **attrs: conv.forward(g, w, **attrs),
                    lambda g, y, x, w, *, extra, **attrs: conv.to_kernel(
                        g, x, sizes=w.type.shape[2:], **attrs
                    ),
                ),
                decompose=self.decompose,
                doc=f"The transpose of {conv.name}: each element of x spreads a kernel of w "
                f"[in, out / groups, {AXES[conv.rank]}] (Zeiler et al., 2010).",
                formula="yᵢ = Σ x w over the windows that hold i",
                derivative=f"{conv.name}(g, w) for x; for w the sum of x times the windows of g",
                example=f"y = {self.name}(x, w, stride = 2)",
            )
        )


conv_transpose1d, conv_transpose2d = (_Transpose(family).declare() for family in (ONE, TWO))
