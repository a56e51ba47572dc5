"""What convolutions share: checks of channels, and operands as matrices."""

from __future__ import annotations

from graphdsl.graph.build import Expr
from graphdsl.graph.op import Fault
from graphdsl.graph.sizes import Shape, Size, divide, product
from graphdsl.graph.types import TensorType
from graphdsl.ops.shape import reshape


def whole_sizes(sizes: Shape) -> tuple[int, ...]:
    """A kernel's sizes, which have to be numbers."""
    numbers = [size for size in sizes if isinstance(size, int)]
    if len(numbers) < len(sizes) or min(numbers) < 1:
        found = ", ".join(map(str, sizes))
        raise Fault("E0216", f"a kernel's sizes are numbers from 1 on, not [{found}]", operand=1)
    return tuple(numbers)


def check_groups(channels: Size, groups: int, x: TensorType, operand: int) -> Size:
    """The channels of one group."""
    each = divide(channels, groups) if groups >= 1 else None
    if each is None:
        raise Fault(
            "E0216",
            f"{groups} groups do not divide the {channels} channels of {x}",
            operand=operand,
            attribute="groups",
        )
    return each


def grouped(x: Expr, groups: int, rows: Shape) -> Expr:
    """`x`, whose first sizes are `rows`, as a matrix with these as its rows, or one for each of
    the groups that they are in."""
    count, columns = product(rows), product(x.type.shape[len(rows) :])
    if groups == 1:
        return reshape(x, shape=(count, columns))
    each = divide(count, groups)
    assert each is not None, "checked by the op's rule"
    return reshape(x, shape=(groups, each, columns))
