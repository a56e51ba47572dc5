"""Elements and slices at fixed positions: `x[0, 1:3]`."""

from __future__ import annotations

from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Poly, Size, minimum
from graphdsl.graph.types import TensorType
from graphdsl.ops.rules import check_tensor, plural

Slice = tuple[str, Size | None, Size | None, int | None]
Item = Size | str | Slice
Items = tuple[Item, ...]
"""A fixed index: for each axis a number or ("slice", start, stop, step); "..." once."""


def _spelled(items: Items, rank: int) -> list[Size | Slice]:
    """One item for each axis: the ellipsis and what is missing at the end become whole slices."""
    whole: Slice = ("slice", None, None, None)
    if "..." not in items:
        items = (*items, "...")
    at = items.index("...")
    missing = rank - len(items) + 1
    given = (*items[:at], *[whole] * missing, *items[at + 1 :])
    return [item for item in given if not isinstance(item, str)]


def _indexed(x: TensorType, *, items: Items) -> TensorType:
    check_tensor(x, "[…]")
    if items.count("...") > 1:
        raise Fault("E0207", "an index has more than one '...'", operand=0)
    given = len(items) - items.count("...")
    if given > x.rank:
        axes = plural(x.rank, "axis", "axes")
        raise Fault("E0207", f"{given} indices for the {x.rank} {axes} of {x}", operand=0)
    shape: list[Size] = []
    for axis, (item, size) in enumerate(zip(_spelled(items, x.rank), x.shape, strict=True)):
        if isinstance(item, tuple):
            shape.append(_slice_size(item, size))
        else:
            check_position(item, size, axis, x)
    return x.with_shape(shape)


def check_position(index: Size, size: Size, axis: int, x: object) -> None:
    """Raise `Fault` E0207 where a fixed index lies outside an axis whose size is known."""
    if isinstance(size, int) and isinstance(index, int) and not -size <= index < size:
        expected = f"expected {-size} to {size - 1}" if size else "the axis is empty"
        raise Fault(
            "E0207",
            f"index {index} is out of range for axis {axis} of {x}: {expected}",
            operand=0,
        )


def _slice_size(item: Slice, size: Size) -> Size:
    """The number of elements a slice takes; a bound beyond a size that is known is cut off.

    Of a symbolic size, what a slice leaves out at an end is taken to be there, so that `x[1:]`
    and `x[:-1]` of `[N]` are both `[N - 1]`; so is a symbolic bound.
    """
    _, start, stop, step = item
    step = 1 if step is None else step
    if step == 0:
        raise Fault("E0207", "a slice cannot have a step of 0", operand=0)
    if not isinstance(size, Poly) and not isinstance(start, Poly) and not isinstance(stop, Poly):
        return len(range(*slice(start, stop, step).indices(size)))
    if step < 0 and (start is not None or stop is not None):
        raise Fault(
            "E0207",
            "a slice that runs backwards needs open ends where a size is a symbol",
            operand=0,
            help="take the slice first, then reverse it: x[1:5][::-1]",
        )
    length = _span(start, stop, size) if step > 0 else size
    if isinstance(length, int):
        return -(-length // abs(step))
    return length if abs(step) == 1 else (length + (abs(step) - 1)) // abs(step)


def _span(start: Size | None, stop: Size | None, size: Size) -> Size:
    """The length of x[start:stop] where a bound or the size is a symbol."""
    start = 0 if start is None else start
    if isinstance(start, Poly) or isinstance(stop, Poly):
        end = size if stop is None else size + stop if _is_negative(stop) else stop
        return end - (size + start if _is_negative(start) else start)
    if stop is None:
        return size - start if start >= 0 else minimum(size, -start)
    if (start < 0) == (stop < 0):
        if stop <= start:
            return 0
        if start == 0:
            return minimum(size, stop)
        if start > 0:
            return minimum(size, stop) - minimum(size, start)
        return minimum(size, -start) - minimum(size, -stop)
    if start >= 0:  # from near the front to near the back
        return size + stop - start
    raise Fault(
        "E0207",
        f"the length of the slice {start}:{stop} of a symbolic size is not known",
        operand=0,
        help="count both bounds from the same end",
    )


def _is_negative(bound: Size) -> bool:
    """Whether a bound counts from the end."""
    if isinstance(bound, int):
        return bound < 0
    return all(coefficient < 0 for _, coefficient in bound.terms)


def _suffix(items: Items) -> str:
    """Python's text for the index; the ellipsis keeps even a scalar an array."""
    texts = []
    for item in items if "..." in items else (*items, "..."):
        if isinstance(item, tuple):
            start, stop, step = ("" if part is None else str(part) for part in item[1:])
            texts.append(f"{start}:{stop}:{step}" if step else f"{start}:{stop}")
        else:
            texts.append(str(item))
    return f"[{', '.join(texts)}]"


def _index_view(k: KernelCall) -> str:
    given = k.types[0]
    for axis, (item, size) in enumerate(
        zip(_spelled(k.attrs["items"], given.rank), given.shape, strict=True)
    ):
        if not isinstance(item, tuple):
            check_position(item, size, axis, given)
    return _suffix(k.attrs["items"])


index = declare(
    Op(
        name="index",
        operands=("x",),
        infer=_indexed,
        attributes={"items": Attribute("internal")},
        promotion="none",
        vjp=(lambda g, y, x, *, items: unindex(g, items=items, shape=x.type.shape),),
        view=_index_view,
        public=False,
        doc="Elements and slices at fixed positions, as NumPy's; written `x[…]`.",
        formula="x[i, j:k]",
        derivative="g in its place, 0 elsewhere",
        example="y = x[:, 1:3]",
    )
)


def _emit_unindex(k: KernelCall) -> None:
    place = k.view(k.out, _suffix(k.attrs["items"]))
    k.emit(f"{k.out}.fill(0)", f"copyto({place}, {k.args[0]})")


unindex: Op = declare(
    Op(
        name="unindex",
        operands=("g",),
        infer=lambda g, *, items, shape: g.with_shape(shape),
        attributes={"items": Attribute("internal"), "shape": Attribute("sizes")},
        promotion="none",
        vjp=(lambda h, y, g, *, items, shape: index(h, items=items),),
        kernel=_emit_unindex,
        public=False,
        doc="The operand at a fixed index of a tensor that is 0 elsewhere.",
        formula="g at [i, j:k]",
        derivative="its elements at the index",
        example="g = grad(sum(x[0]), x)",
    )
)
