"""Elements and slices at fixed positions: `x[0, 1:3]`."""

from __future__ import annotations

from graphdsl.graph.build import Expr
from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.rows import Asked, Rows
from graphdsl.graph.sizes import Poly, Size, minimum
from graphdsl.graph.types import TensorType
from graphdsl.ops.rules import check_tensor, plural
from graphdsl.ops.shape import reshape
from graphdsl.ops.slicing import put, take_slice

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


def _row_slices(asked: Asked) -> Rows | None:
    """Where the rows stand, if all of them are taken in order."""
    (rows,), (given,) = asked.rows, asked.types
    if rows is None or asked.is_told("items"):
        return None
    items = _spelled(asked.attrs["items"], given.rank)
    item = items[rows.axis]
    axis = rows.axis - sum(not isinstance(other, tuple) for other in items[: rows.axis])
    if not isinstance(item, tuple) or item[3] not in (None, 1):
        return None
    kept = asked.result.shape[axis] == given.shape[rows.axis]
    return Rows(axis, rows.inner) if kept else None


def _unindexed(g: Expr, y: Expr, x: Expr, *, items: Items) -> Expr:
    """g where its elements were taken from x, 0 elsewhere: axes that an item has dropped back at
    size 1, each axis at its start and step."""
    spelled = _spelled(items, x.type.rank)
    taken = iter(g.type.shape)
    counts = tuple(next(taken) if isinstance(item, tuple) else 1 for item in spelled)
    places = [_place(i, n, c) for i, n, c in zip(spelled, x.type.shape, counts, strict=True)]
    whole = g if g.type.shape == counts else reshape(g, shape=counts)
    start, step = tuple(first for first, _ in places), tuple(by for _, by in places)
    return put(whole, shape=x.type.shape, start=start, step=step)


def _place(item: Size | Slice, size: Size, count: Size) -> tuple[Size, int]:
    """Where an item of an index starts, counted from the front, and its step."""
    if not isinstance(item, tuple):
        return (size + item if _is_negative(item) else item), 1
    _, start, stop, by = item
    step = 1 if by is None else by
    if isinstance(size, int) and isinstance(start, int | None) and isinstance(stop, int | None):
        return slice(start, stop, step).indices(size)[0], step
    if step < 0:  # with open ends alone
        return size - 1, step
    if start is None:
        return 0, step
    if isinstance(start, int) and start < 0:
        return size - minimum(size, -start), step
    return (size + start if _is_negative(start) else start), step


index = declare(
    Op(
        name="index",
        operands=("x",),
        infer=_indexed,
        attributes={"items": Attribute("internal")},
        promotion="none",
        vjp=(_unindexed,),
        view=_index_view,
        rows=_row_slices,
        public=False,
        doc="Elements and slices at fixed positions, as NumPy's; written `x[…]`.",
        formula="x[i, j:k]",
        derivative="g in its place, 0 elsewhere",
        example="y = x[:, 1:3]",
    )
)


def stretch(x: Expr, *, start: Size, size: Size, axis: int) -> Expr:
    """`size` elements from `start` on along an axis: an index, where that is known to be as
    long."""
    stop = start + size
    whole: Slice = ("slice", None, None, None)
    first = None if start == 0 else start
    item: Slice = ("slice", first, None if stop == x.type.shape[axis] else stop, None)
    shape = (*x.type.shape[:axis], size, *x.type.shape[axis + 1 :])
    if _slice_size(item, x.type.shape[axis]) == size:
        return x if shape == x.type.shape else index(x, items=(*[whole] * axis, item))
    starts = tuple(start if a == axis else 0 for a in range(x.type.rank))
    return take_slice(x, shape=shape, start=None if start == 0 else starts)
