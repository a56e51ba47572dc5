"""Elements in another order along an axis, and repeated: roll, flip, tile, split."""

from __future__ import annotations

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import OPS, Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Size, divide
from graphdsl.graph.types import TensorType
from graphdsl.ops.indexing import stretch
from graphdsl.ops.joining import along
from graphdsl.ops.reduction import sum_
from graphdsl.ops.rules import Axes, axes_of, check_axes, check_axis, check_sizes, check_tensor
from graphdsl.ops.shape import broadcast_to, reshape


def _rolled(x: TensorType, *, shift: int, axis: int) -> TensorType:
    check_axis(axis, check_tensor(x, "roll"))
    return x


def _emit_roll(k: KernelCall) -> None:
    axis = k.attrs["axis"] % k.out_type.rank
    n, x = k.out_type.shape[axis], k.args[0]
    shift = k.attrs["shift"] % n if n else 0
    if not shift:
        k.emit(f"copyto({k.out}, {x})")
        return
    for to, where in ((f"{shift}:", f":{n - shift}"), (f":{shift}", f"{n - shift}:")):
        k.emit(f"copyto({k.view(k.out, along(axis, to))}, {k.view(x, along(axis, where))})")


roll: Op = declare(
    Op(
        name="roll",
        operands=("x",),
        infer=_rolled,
        attributes={
            "shift": Attribute("int", doc="how many places elements move on"),
            "axis": Attribute("axis", -1, "the axis along which they move"),
        },
        promotion="none",
        vjp=(lambda g, y, x, *, shift, axis: roll(g, shift=-shift, axis=axis),),
        kernel=_emit_roll,
        doc="x moved along an axis; what leaves at the end enters at the beginning.",
        formula="yᵢ = x₍ᵢ₋ₛ₎ mod n",
        derivative="g rolled back",
        example="y = roll(x, 1, axis = 0)",
    )
)


def _flipped(x: TensorType, *, axis: Axes) -> TensorType:
    check_axes(axis, check_tensor(x, "flip"))
    return x


def _flip_view(k: KernelCall) -> str:
    axes = axes_of(k.attrs["axis"], k.out_type.rank)
    items = ["::-1" if a in axes else ":" for a in range(k.out_type.rank)]
    return f"[{', '.join([*items, '...'])}]"


flip: Op = declare(
    Op(
        name="flip",
        operands=("x",),
        infer=_flipped,
        attributes={"axis": Attribute("axes", None, "the axis or axes; all of them if not given")},
        promotion="none",
        vjp=(lambda g, y, x, *, axis: flip(g, axis=axis),),
        view=_flip_view,
        doc="x backwards along axes.",
        formula="yᵢ = x₍ₙ₋₁₋ᵢ₎",
        derivative="g backwards",
        example="y = flip(x, axis = 0)",
    )
)


def _spread(x: TensorType, reps: tuple[Size, ...]) -> tuple[list[Size], list[Size]]:
    """The repetitions and the sizes of x, both for every axis of the result."""
    rank = max(x.rank, len(reps))
    ones: list[Size] = [1] * rank
    return (
        [*ones[: rank - len(reps)], *reps],
        [*ones[: rank - x.rank], *x.shape],
    )


def _tiled(x: TensorType, *, reps: tuple[Size, ...]) -> TensorType:
    check_sizes(reps)
    times, sizes = _spread(check_tensor(x, "tile"), reps)
    return x.with_shape([n * s for n, s in zip(times, sizes, strict=True)])


def _tile(x: Expr, *, reps: tuple[Size, ...]) -> Expr:
    times, sizes = _spread(x.type, reps)
    apart = [part for s in sizes for part in (1, s)]
    spread = [part for pair in zip(times, sizes, strict=True) for part in pair]
    wide = broadcast_to(reshape(x, shape=tuple(apart)), shape=tuple(spread))
    return reshape(wide, shape=_tiled(x.type, reps=reps).shape)


def _tile_vjp(g: Expr, y: Expr, x: Expr, *, reps: tuple[Size, ...]) -> Expr:
    times, sizes = _spread(x.type, reps)
    spread = [part for pair in zip(times, sizes, strict=True) for part in pair]
    apart = reshape(g, shape=tuple(spread))
    total = sum_(apart, axis=tuple(range(0, len(spread), 2)), keepdims=False)
    return reshape(total, shape=x.type.shape)


tile = declare(
    Op(
        name="tile",
        operands=("x",),
        infer=_tiled,
        attributes={"reps": Attribute("sizes", doc="how often, for each axis, the last last")},
        vjp=(_tile_vjp,),
        decompose=_tile,
        promotion="none",
        doc="x repeated as a whole along its axes, and along new ones in front.",
        formula="[x, x, …]",
        derivative="g summed over the copies",
        example="y = tile(x, [2, 1])",
    )
)


def _repeated(x: TensorType, *, n: Size, axis: int) -> TensorType:
    at = check_axis(axis, check_tensor(x, "repeat_elements"))
    check_sizes((n,))
    return x.with_shape((*x.shape[:at], x.shape[at] * n, *x.shape[at + 1 :]))


def _repeat(x: Expr, *, n: Size, axis: int) -> Expr:
    at, shape = axis % x.type.rank, x.type.shape
    apart = reshape(x, shape=(*shape[: at + 1], 1, *shape[at + 1 :]))
    wide = broadcast_to(apart, shape=(*shape[: at + 1], n, *shape[at + 1 :]))
    return reshape(wide, shape=_repeated(x.type, n=n, axis=axis).shape)


def _repeat_vjp(g: Expr, y: Expr, x: Expr, *, n: Size, axis: int) -> Expr:
    at, shape = axis % x.type.rank, x.type.shape
    apart = reshape(g, shape=(*shape[: at + 1], n, *shape[at + 1 :]))
    return sum_(apart, axis=at + 1, keepdims=False)


repeat_elements = declare(
    Op(
        name="repeat_elements",
        operands=("x",),
        infer=_repeated,
        attributes={
            "n": Attribute("size", doc="how often each element comes"),
            "axis": Attribute("axis", -1, "the axis along which elements follow on"),
        },
        promotion="none",
        vjp=(_repeat_vjp,),
        decompose=_repeat,
        doc="Each element n times, one after another, along an axis.",
        formula="[x₀, x₀, …, x₁, x₁, …]",
        derivative="g summed over the copies",
        example="y = repeat_elements(x, 2, axis = 0)",
    )
)


def _split_type(x: TensorType, *, parts: int, index: int, axis: int) -> TensorType:
    at = check_axis(axis, check_tensor(x, "split"))
    if parts < 1 or not 0 <= index < parts:
        raise Fault(
            "E0216",
            f"'split' gives part {index} of {parts}: expected 0 to {max(parts, 1) - 1}",
            attribute="index",
        )
    size = divide(x.shape[at], parts)
    if size is None:
        raise Fault(
            "E0206", f"axis {axis} of {x} cannot be divided into {parts} equal parts", operand=0
        )
    return x.with_shape((*x.shape[:at], size, *x.shape[at + 1 :]))


def _split(x: Expr, *, parts: int, index: int, axis: int) -> Expr:
    at = axis % x.type.rank
    size = _split_type(x.type, parts=parts, index=index, axis=axis).shape[at]
    return stretch(x, start=size * index, size=size, axis=at)


split = declare(
    Op(
        name="split",
        operands=("x",),
        infer=_split_type,
        attributes={
            "parts": Attribute("int", doc="how many equal parts there are"),
            "index": Attribute("int", doc="which of them is wanted, from 0"),
            "axis": Attribute("axis", -1, "the axis that is divided"),
        },
        promotion="none",
        vjp=(
            lambda g, y, x, *, parts, index, axis: OPS["pad"](
                g,
                before=y.type.shape[axis] * index,
                after=y.type.shape[axis] * (parts - 1 - index),
                axis=axis,
                value=0,
            ),
        ),
        decompose=_split,
        doc="One of several equal parts along an axis.",
        formula="x[index n : (index + 1) n]",
        derivative="g in its place, 0 elsewhere",
        example="y = split(x, 3, 0)",
    )
)
