"""Slices by numbers: elements at equal distances along every axis, taken out and put back.

The derivative of an index is written in these, and so is their own: each is the other's.
"""

from __future__ import annotations

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Shape, Size
from graphdsl.graph.types import TensorType
from graphdsl.ops.rules import check_sizes, check_tensor, plural

Starts = tuple[Size, ...] | None
Steps = tuple[int, ...] | None
_PLACES = {
    "start": Attribute("sizes", None, "where the first stands on each axis; 0 if not given"),
    "step": Attribute("ints", None, "how far they stand apart on each axis; 1 if not given"),
}


def _verify_places(
    inner: Shape, outer: Shape, start: Starts, step: Steps, name: str, rank: int
) -> None:
    """Raise `Fault` where elements of `inner` cannot stand in `outer`, as far as is known; the
    operand, which is one of the two, has `rank` axes."""
    starts, steps = _spelled(start, step, rank)
    lists = (("shape", inner), ("shape", outer), ("start", starts), ("step", steps))
    for what, given in lists:
        if len(given) != rank:
            wanted = f"{rank} {plural(rank, 'number', 'numbers')}, one for each axis"
            message = f"'{name}' needs {wanted}, and '{what}' has {len(given)}"
            raise Fault("E0206", message, attribute=what)
    for axis, (count, size, first, by) in enumerate(zip(inner, outer, starts, steps, strict=True)):
        if by == 0:
            raise Fault("E0207", f"the step of '{name}' is not 0", attribute="step")
        last = first + (count - 1) * by
        if count != 0 and any(_is_outside(place, size) for place in (first, last)):
            raise Fault(
                "E0207",
                f"'{name}' reaches from {first} to {last} on axis {axis}: expected places from 0 "
                f"on, below {size}",
                operand=0,
            )


def _is_outside(place: Size, size: Size) -> bool:
    """Whether an axis has no such place, as far as is known."""
    if not isinstance(place, int):
        return False
    return place < 0 or (isinstance(size, int) and place >= size)


def _spelled(start: Starts, step: Steps, rank: int) -> tuple[tuple[Size, ...], tuple[int, ...]]:
    """A start and a step for each axis."""
    starts: tuple[Size, ...] = (0,) * rank if start is None else start
    return starts, (1,) * rank if step is None else step


def _suffix(k: KernelCall, counts: tuple[int, ...]) -> str:
    """Python's text for the index; the ellipsis keeps even a scalar an array."""
    starts, steps = _spelled(k.attrs["start"], k.attrs["step"], len(counts))
    texts = []
    for count, first, by in zip(counts, starts, steps, strict=True):
        assert isinstance(first, int)  # sizes are numbers by now
        end = first + count * by
        stop = "" if end < 0 else end
        texts.append((f"{first}:{stop}" if by == 1 else f"{first}:{stop}:{by}") if count else ":0")
    return f"[{', '.join([*texts, '...'])}]"


def _taken(x: TensorType, *, shape: Shape, start: Starts, step: Steps) -> TensorType:
    check_tensor(x, "take_slice")
    _verify_places(check_sizes(shape), x.shape, start, step, "take_slice", x.rank)
    return x.with_shape(shape)


def _take_view(k: KernelCall) -> str:
    counts, outer = k.out_type.shape, k.types[0].shape
    start, step = k.attrs["start"], k.attrs["step"]
    _verify_places(counts, outer, start, step, "take_slice", len(outer))
    return _suffix(k, counts)


take_slice: Op = declare(
    Op(
        name="take_slice",
        operands=("x",),
        infer=_taken,
        attributes={"shape": Attribute("sizes", doc="how many to take on each axis"), **_PLACES},
        promotion="none",
        vjp=(
            lambda g, y, x, *, shape, start, step: put_slice(
                g, shape=x.type.shape, start=start, step=step
            ),
        ),
        view=_take_view,
        doc="Elements at equal distances along every axis; where sizes are numbers, an index "
        "says the same.",
        formula="yᵢ = x[start + i step]",
        derivative="g in its place, 0 elsewhere",
        example="y = take_slice(x, [2, 3], start = [1, 0])",
    )
)


def _put(x: TensorType, *, shape: Shape, start: Starts, step: Steps) -> TensorType:
    check_tensor(x, "put_slice")
    _verify_places(x.shape, check_sizes(shape), start, step, "put_slice", x.rank)
    return x.with_shape(shape)


def _emit_put(k: KernelCall) -> None:
    counts, outer = k.types[0].shape, k.out_type.shape
    start, step = k.attrs["start"], k.attrs["step"]
    _verify_places(counts, outer, start, step, "put_slice", len(counts))
    place = k.view(k.out, _suffix(k, counts))
    k.emit(f"{k.out}.fill(0)", f"copyto({place}, {k.args[0]})")


put_slice: Op = declare(
    Op(
        name="put_slice",
        operands=("x",),
        infer=_put,
        attributes={"shape": Attribute("sizes", doc="the sizes of the result"), **_PLACES},
        promotion="none",
        vjp=(
            lambda g, y, x, *, shape, start, step: take_slice(
                g, shape=x.type.shape, start=start, step=step
            ),
        ),
        kernel=_emit_put,
        doc="x in a tensor that is 0 elsewhere, its elements at equal distances along every axis.",
        formula="y[start + i step] = xᵢ",
        derivative="its elements where x stands",
        example="y = put_slice(x, [6, 5], start = [2, 1])",
    )
)


def put(g: Expr, *, shape: Shape, start: tuple[Size, ...], step: tuple[int, ...]) -> Expr:
    """`put_slice`, its defaults left out, or `g` itself where it fills the shape."""
    starts = None if all(first == 0 for first in start) else start
    steps = None if all(by == 1 for by in step) else step
    if g.type.shape == shape and steps is None:
        return g
    return put_slice(g, shape=shape, start=starts, step=steps)
