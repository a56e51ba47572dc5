"""What the kernels of convolutions share: checks of channels, and operands as matrices."""

from __future__ import annotations

from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Fault
from graphdsl.graph.sizes import Shape, Size, divide
from graphdsl.graph.types import TensorType


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
        )
    return each


def in_rows(k: KernelCall, position: int) -> str:
    """The operand in C order."""
    if k.contiguous[position]:
        return k.args[position]
    made = k.scratch(k.types[position].shape, k.types[position].dtype)
    k.emit(f"copyto({made}, {k.args[position]})")
    return made


def channels_first(k: KernelCall, position: int) -> str:
    """The operand `[N, C, …]` as `[C, N, …]`, in C order."""
    rows, channels, *sizes = k.types[position].shape
    made = k.scratch((channels, rows, *sizes), k.types[position].dtype)
    k.emit(f"copyto({made}, {k.view(k.args[position], '.swapaxes(0, 1)')})")
    return made


def shaped(k: KernelCall, name: str, shape: tuple[int, int, int]) -> str:
    """A view of one matrix for each group, or as one matrix if there is one group."""
    return k.view(name, f".reshape({shape[1:] if shape[0] == 1 else shape})")


def swapped(groups: int) -> str:
    return ".T" if groups == 1 else ".swapaxes(1, 2)"


def emit_product(k: KernelCall, a: str, b: str, out: str) -> None:
    """One product, or one for each group."""
    k.emit(f"{'dot' if k.attrs['groups'] == 1 else 'matmul'}({a}, {b}, {out})")
