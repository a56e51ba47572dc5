"""Sums and products that run along an axis, the recurrence behind them, and products over axes.

The product of all elements but one is made of two running products, from both ends, and not by
division: zeros among the elements are as good as any.
"""

from __future__ import annotations

from collections.abc import Callable

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import product
from graphdsl.graph.types import TensorType
from graphdsl.ops.arithmetic import mul
from graphdsl.ops.comparison import greater, less
from graphdsl.ops.joining import along
from graphdsl.ops.making import arange
from graphdsl.ops.rearranging import roll
from graphdsl.ops.reduction import AXES, accumulated, count, kept, widened
from graphdsl.ops.rules import Axes, axes_of, check_axis, check_tensor
from graphdsl.ops.selection import where
from graphdsl.ops.shape import reshape, transpose

_RUN = {
    "axis": Attribute("axis", -1, "the axis along which it runs"),
    "reverse": Attribute("bool", False, "whether it runs from the last element to the first"),
}


def _running(x: TensorType, *, axis: int, reverse: bool) -> TensorType:
    check_axis(axis, check_tensor(x, "a running sum or product"))
    return widened(x)


def _directed(k: KernelCall, name: str, axis: int) -> str:
    """The array, seen in the direction in which the op runs."""
    return k.view(name, along(axis, "::-1")) if k.attrs["reverse"] else name


def _emit_running(ufunc: str) -> Callable[[KernelCall], None]:
    def emit(k: KernelCall) -> None:
        axis = k.attrs["axis"] % k.out_type.rank
        x, out = _directed(k, k.args[0], axis), _directed(k, k.out, axis)
        k.emit(f"{ufunc}.accumulate({x}, {axis}, None, {out})")

    return emit


cumsum: Op = declare(
    Op(
        name="cumsum",
        operands=("x",),
        infer=_running,
        attributes=_RUN,
        vjp=(lambda g, y, x, *, axis, reverse: cumsum(g, axis=axis, reverse=not reverse),),
        kernel=_emit_running("add"),
        doc="The sums of all elements up to each, along an axis.",
        formula="yᵢ = Σ of the xⱼ with j <= i",
        derivative="the cumsum of g that runs the other way",
        example="y = cumsum(x, axis = 0)",
    )
)


def _recurrence_type(a: TensorType, b: TensorType, *, axis: int, reverse: bool) -> TensorType:
    if a.shape != b.shape:
        raise Fault("E0201", f"'recurrence' needs equal shapes, and found {a} and {b}", operand=1)
    check_axis(axis, check_tensor(a, "recurrence"))
    return a


def _emit_recurrence(k: KernelCall) -> None:
    axis = k.attrs["axis"] % k.out_type.rank
    names = [_directed(k, name, axis) for name in (*k.args, k.out)]
    order = (axis, *(a for a in range(k.out_type.rank) if a != axis))
    if axis:
        names = [k.view(name, f".transpose({order})") for name in names]
    if k.out_type.size:
        k.emit(f"recur({', '.join(names)})")


def _before(y: Expr, axis: int, reverse: bool, first: float) -> Expr:
    """The element before each, in the direction in which an op runs; `first` before the first."""
    at = axis % y.type.rank
    n = y.type.shape[at]
    ones = [1] * y.type.rank
    places = reshape(y.builder.apply(arange, (), {"n": n}), shape=(*ones[:at], n, *ones[at + 1 :]))
    inner = less(places, count(y, at) - 1) if reverse else greater(places, 0)
    return where(inner, roll(y, shift=-1 if reverse else 1, axis=at), first)


def _recurrence_vjp(g: Expr, y: Expr, a: Expr, b: Expr, *, axis: int, reverse: bool) -> Expr:
    ahead = roll(a, shift=1 if reverse else -1, axis=axis)
    return recurrence(ahead, g, axis=axis, reverse=not reverse)


recurrence: Op = declare(
    Op(
        name="recurrence",
        operands=("a", "b"),
        infer=_recurrence_type,
        attributes=_RUN,
        promotion="float",
        vjp=(
            lambda g, y, a, b, *, axis, reverse: (
                _recurrence_vjp(g, y, a, b, axis=axis, reverse=reverse)
                * _before(y, axis, reverse, 0)
            ),
            _recurrence_vjp,
        ),
        kernel=_emit_recurrence,
        doc="A linear recurrence along an axis; the first of a is not used.",
        formula="y₀ = b₀, yᵢ = aᵢ yᵢ₋₁ + bᵢ",
        derivative="hᵢ = gᵢ + aᵢ₊₁ hᵢ₊₁ for b, hᵢ yᵢ₋₁ for a",
        example="y = recurrence(a, b, axis = 0)",
    )
)


def _cumprod_vjp(g: Expr, y: Expr, x: Expr, *, axis: int, reverse: bool) -> Expr:
    ahead = roll(x, shift=1 if reverse else -1, axis=axis)
    rest = recurrence(ahead, g, axis=axis, reverse=not reverse)
    return rest * _before(y, axis, reverse, 1)


cumprod = declare(
    Op(
        name="cumprod",
        operands=("x",),
        infer=_running,
        attributes=_RUN,
        vjp=(_cumprod_vjp,),
        kernel=_emit_running("multiply"),
        doc="The products of all elements up to each, along an axis.",
        formula="yᵢ = Π of the xⱼ with j <= i",
        derivative="yᵢ₋₁ hᵢ with hᵢ = gᵢ + xᵢ₊₁ hᵢ₊₁: no division, so x may be 0",
        example="y = cumprod(x, axis = 0)",
    )
)


def _emit_prod(k: KernelCall) -> None:
    axes = axes_of(k.attrs["axis"], k.types[0].rank)
    if axes:
        k.emit(f"multiply.reduce({k.args[0]}, {axes}, None, {k.out}, {k.attrs['keepdims']})")
    else:
        k.emit(f"copyto({k.out}, {k.args[0]})")


def _others(x: Expr) -> Expr:
    """For each element of the last axis, the product of all others."""
    up = cumprod(x, axis=-1, reverse=False)
    down = cumprod(x, axis=-1, reverse=True)
    return _before(up, -1, False, 1) * _before(down, -1, True, 1)


def _prod_vjp(g: Expr, y: Expr, x: Expr, *, axis: Axes, keepdims: bool) -> Expr:
    axes = axes_of(axis, x.type.rank)
    if not axes:
        return g
    order = (*(a for a in range(x.type.rank) if a not in axes), *axes)
    moved = transpose(x, axes=order)
    split = len(order) - len(axes)
    flat = (*moved.type.shape[:split], product(moved.type.shape[split:]))
    others = reshape(_others(reshape(moved, shape=flat)), shape=moved.type.shape)
    back = tuple(order.index(a) for a in range(len(order)))
    return mul(kept(g, x, axis), transpose(others, axes=back))


prod = declare(
    Op(
        name="prod",
        operands=("x",),
        infer=accumulated,
        attributes=AXES,
        vjp=(_prod_vjp,),
        kernel=_emit_prod,
        doc="The product over axes; 1 of no elements.",
        formula="Π x",
        derivative="g times the product of all other elements, exact where some are 0",
        example="y = prod(x, axis = 0)",
    )
)
