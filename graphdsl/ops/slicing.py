"""Slices by numbers: elements at equal distances along every axis, taken out and put back.

The derivative of an index is written in these, and so is their own: each is the other's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Shape, Size
from graphdsl.graph.types import TensorType
from graphdsl.ops import row_rules
from graphdsl.ops.rules import check_sizes, check_tensor, plural

Starts = tuple[Size, ...] | None
Steps = tuple[int, ...] | None
_PLACES = {
    "start": Attribute("sizes", None, "where the first stands on each axis; 0 if not given"),
    "step": Attribute("ints", None, "how far they stand apart on each axis; 1 if not given"),
}


def _verify_places(
    name: str, inner: Shape, outer: Shape, starts: Sequence[Size], steps: Sequence[int]
) -> None:
    """Raise `Fault` where elements of `inner` cannot stand in `outer`, as far as is known."""
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


def _verify_lengths(name: str, rank: int, **lists: Sequence[Size]) -> None:
    """Raise `Fault` unless each list has a number for each axis of the operand."""
    for what, given in lists.items():
        if len(given) != rank:
            wanted = f"{rank} {plural(rank, 'number', 'numbers')}, one for each axis"
            message = f"'{name}' needs {wanted}, and '{what}' has {len(given)}"
            raise Fault("E0206", message, attribute=what)


def _is_outside(place: Size, size: Size) -> bool:
    """Whether an axis has no such place, as far as is known."""
    if not isinstance(place, int):
        return False
    return place < 0 or (isinstance(size, int) and place >= size)


def _spelled(start: Starts, step: Steps, rank: int) -> tuple[tuple[Size, ...], tuple[int, ...]]:
    """A start and a step for each axis."""
    starts: tuple[Size, ...] = (0,) * rank if start is None else start
    return starts, (1,) * rank if step is None else step


def _axis_text(count: Size, first: Size, by: int) -> str:
    """Python's text for the places on one axis, of numbers."""
    assert isinstance(count, int)
    assert isinstance(first, int)
    if not count:
        return ":0"
    end = first + count * by
    stop = "" if end < 0 else end
    return f"{first}:{stop}" if by == 1 else f"{first}:{stop}:{by}"


@dataclass(frozen=True, slots=True)
class _Slice:
    """What the two ops share. Of operand and result one is the `inner` shape, all of whose
    elements stand in the other, the outer one."""

    name: str
    inner_is_result: bool

    def infer(self, x: TensorType, *, shape: Shape, start: Starts, step: Steps) -> TensorType:
        """The type of the result."""
        check_tensor(x, self.name)
        self._verify(x.shape, check_sizes(shape), start, step)
        return x.with_shape(shape)

    def index(self, k: KernelCall) -> str:
        """Python's text for the index of the inner elements in the outer array; the ellipsis keeps
        even a scalar an array. Sizes are numbers by now, and are looked at again."""
        inner, starts, steps = self._verify(
            k.types[0].shape, k.out_type.shape, k.attrs["start"], k.attrs["step"]
        )
        texts = [_axis_text(*axis) for axis in zip(inner, starts, steps, strict=True)]
        return f"[{', '.join([*texts, '...'])}]"

    def _verify(
        self, given: Shape, made: Shape, start: Starts, step: Steps
    ) -> tuple[Shape, tuple[Size, ...], tuple[int, ...]]:
        """The inner shape, a start and a step for each axis; raises `Fault` where they do not
        fit."""
        starts, steps = _spelled(start, step, len(given))
        _verify_lengths(self.name, len(given), shape=made, start=starts, step=steps)
        inner, outer = (made, given) if self.inner_is_result else (given, made)
        _verify_places(self.name, inner, outer, starts, steps)
        return inner, starts, steps


_TAKEN, _PUT = _Slice("take_slice", True), _Slice("put_slice", False)

take_slice: Op = declare(
    Op(
        name="take_slice",
        operands=("x",),
        infer=_TAKEN.infer,
        attributes={"shape": Attribute("sizes", doc="how many to take on each axis"), **_PLACES},
        promotion="none",
        vjp=(lambda g, y, x, *, shape, **places: put_slice(g, shape=x.type.shape, **places),),
        view=_TAKEN.index,
        doc="Elements at equal distances along every axis; where sizes are numbers, an index "
        "says the same.",
        formula="yᵢ = x[start + i step]",
        derivative="g in its place, 0 elsewhere",
        example="y = take_slice(x, [2, 3], start = [1, 0])",
    )
)


def _emit_put(k: KernelCall) -> None:
    place = k.view(k.out, _PUT.index(k))
    k.emit(f"{k.out}.fill(0)", f"copyto({place}, {k.args[0]})")


put_slice: Op = declare(
    Op(
        name="put_slice",
        operands=("x",),
        infer=_PUT.infer,
        attributes={"shape": Attribute("sizes", doc="the sizes of the result"), **_PLACES},
        promotion="none",
        vjp=(lambda g, y, x, *, shape, **places: take_slice(g, shape=x.type.shape, **places),),
        kernel=_emit_put,
        rows=row_rules.placed,
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
