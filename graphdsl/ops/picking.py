"""One element of each row at a computed position: taken, put, added to; and one-hot rows."""

from __future__ import annotations

from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Shape, Size
from graphdsl.graph.types import DType, TensorType
from graphdsl.ops import row_rules
from graphdsl.ops.places import emit_places, emit_take
from graphdsl.ops.rules import check_axis, check_integer, check_sizes, check_tensor, check_within


def _check_rows(shape: Shape, indices: TensorType, name: str) -> None:
    check_integer(indices, name, 1)
    if indices.shape != shape:
        raise Fault(
            "E0201",
            f"'{name}' needs one index for each row, [{', '.join(map(str, shape))}], "
            f"and found {indices}",
            operand=1,
        )


def _taken(x: TensorType, indices: TensorType, *, axis: int) -> TensorType:
    at = check_axis(axis, check_tensor(x, "take_along"))
    shape = (*x.shape[:at], *x.shape[at + 1 :])
    _check_rows(shape, indices, "take_along")
    return x.with_shape(shape)


take_along = declare(
    Op(
        name="take_along",
        operands=("x", "indices"),
        infer=_taken,
        check=lambda types, values, *, axis: check_within(types[0], axis, values[1], 0),
        attributes={"axis": Attribute("axis", -1, "the axis that the indices count along")},
        promotion="none",
        vjp=(
            lambda g, y, x, indices, *, axis: put_along(
                g, indices, size=x.type.shape[axis], axis=axis % x.type.rank
            ),
            None,
        ),
        kernel=emit_take,
        refuses="place",
        rows=row_rules.picked,
        doc="One element of each row: the indices, from 0, have x's shape without the axis.",
        formula="x[i, indices[i]]",
        derivative="g at the indices, 0 elsewhere",
        example="y = take_along(x, [0, 2])",
    )
)


def _put(g: TensorType, indices: TensorType, *, size: Size, axis: int) -> TensorType:
    _check_rows(g.shape, indices, "put_along")
    check_sizes((size,))
    if not 0 <= axis <= g.rank:
        raise Fault("E0205", f"axis {axis} is out of range: expected 0 to {g.rank}")
    return g.with_shape((*g.shape[:axis], size, *g.shape[axis:]))


def _emit_put_along(k: KernelCall) -> None:
    """Places are checked before anything is written: the result may stand where a state does."""
    places = emit_places(k, 1, k.out_type.shape, k.attrs["axis"]) if k.types[0].size else ""
    k.emit(f"{k.out}.fill(0)")
    if places:
        k.emit(f"{k.flat_out()}[{places}] = {k.args[0]}")


put_along: Op = declare(
    Op(
        name="put_along",
        operands=("g", "indices"),
        infer=_put,
        attributes={
            "size": Attribute("size", doc="the size of the new axis"),
            "axis": Attribute("axis", 0, "where that axis stands, counted from 0", "result"),
        },
        promotion="none",
        vjp=(
            lambda h, y, g, indices, *, size, axis: take_along(h, indices, axis=axis),
            None,
        ),
        kernel=_emit_put_along,
        refuses="place",
        rows=row_rules.put,
        doc="One element in each row, at the index, and 0 elsewhere.",
        formula="y[i, indices[i]] = g[i]",
        derivative="g at the indices",
        example="y = put_along(x, labels, size = 10, axis = 1)",
    )
)


def _added(x: TensorType, g: TensorType, indices: TensorType, *, axis: int) -> TensorType:
    at = check_axis(axis, check_tensor(x, "add_along"))
    rows = (*x.shape[:at], *x.shape[at + 1 :])
    if not g.weak and g != x.with_shape(rows):
        raise Fault("E0201", f"'add_along' needs {x.with_shape(rows)}, and found {g}", operand=1)
    check_integer(indices, "add_along", 2)
    if indices.shape != rows:
        raise Fault("E0201", f"'add_along' needs an index for each row of {x}", operand=2)
    return x


def _emit_add_along(k: KernelCall) -> None:
    """Places are checked before anything is written: the result may stand where x does."""
    x, g, rows = k.args[0], k.args[1], k.types[2].shape
    places = emit_places(k, 2, k.out_type.shape, k.attrs["axis"]) if k.types[2].size else ""
    if x != k.out:
        k.emit(f"copyto({k.out}, {x})")
    if places:
        flat, taken = k.flat_out(), k.scratch(rows)
        k.emit(
            f'{flat}.take({places}, 0, {taken}, "clip")',
            f"add({taken}, {g}, {taken})",
            f"{flat}[{places}] = {taken}",
        )


add_along: Op = declare(
    Op(
        name="add_along",
        operands=("x", "g", "indices"),
        infer=_added,
        attributes={"axis": Attribute("axis", 0, "the axis that the indices count along")},
        promotion="none",
        kernel=_emit_add_along,
        refuses="place",
        inplace=True,
        public=False,
        rows=row_rules.added,
        doc="x, and g added to one element of each row, at the index; rewriting makes it.",
        formula="yᵢⱼ = xᵢⱼ + gᵢ if j = indices[i] else xᵢⱼ",
        derivative="none: it is made after the reverse sweep",
        example="g = grad(sum(cross_entropy(z, labels)), z)",
    )
)


def _one_hot_type(x: TensorType, *, n: Size, dtype: DType) -> TensorType:
    check_integer(x, "one_hot", 0)
    return TensorType(dtype, (*x.shape, n))


def _emit_one_hot(k: KernelCall) -> None:
    """As `put_along`, 1 being put."""
    places = emit_places(k, 0, k.out_type.shape, k.types[0].rank) if k.types[0].size else ""
    k.emit(f"{k.out}.fill(0)")
    if places:
        k.emit(f"{k.flat_out()}[{places}] = 1")


one_hot = declare(
    Op(
        name="one_hot",
        operands=("x",),
        infer=_one_hot_type,
        attributes={
            "n": Attribute("size", doc="the number of classes"),
            "dtype": Attribute("dtype", None, "the element type; the model's float if not given"),
        },
        promotion="none",
        kernel=_emit_one_hot,
        refuses="place",
        rows=row_rules.extended,
        doc="Rows that are 1 at the index and 0 elsewhere.",
        formula="yᵢⱼ = 1 if j = xᵢ else 0",
        derivative="none",
        example="y = one_hot(labels, 10)",
    )
)
