"""Elements of each row at computed positions of that row, as many as wanted (see `picking`)."""

from __future__ import annotations

from graphdsl.graph.kernel import KernelCall
from graphdsl.graph.op import Attribute, Fault, Op, declare
from graphdsl.graph.sizes import Size
from graphdsl.graph.types import TensorType
from graphdsl.ops.places import emit_places, emit_take, in_order
from graphdsl.ops.rules import check_axis, check_integer, check_sizes, check_tensor, check_within


def _check_like(x: TensorType, indices: TensorType, axis: int, name: str) -> int:
    at = check_axis(axis, check_tensor(x, name))
    check_integer(indices, name, 1)
    if indices.rank != x.rank or any(
        a != b for i, (a, b) in enumerate(zip(x.shape, indices.shape, strict=True)) if i != at
    ):
        raise Fault(
            "E0201",
            f"'{name}' along axis {axis} of {x} needs indices of its shape but for that axis, "
            f"and found {indices}",
            operand=1,
        )
    return at


def _taken(x: TensorType, indices: TensorType, *, axis: int) -> TensorType:
    _check_like(x, indices, axis, "take_along_axis")
    return x.with_shape(indices.shape)


take_along_axis = declare(
    Op(
        name="take_along_axis",
        operands=("x", "indices"),
        infer=_taken,
        check=lambda types, values, *, axis: check_within(types[0], axis, values[1], 0),
        attributes={"axis": Attribute("axis", -1, "the axis that the indices count along")},
        promotion="none",
        vjp=(
            lambda g, y, x, indices, *, axis: add_along_axis(
                g, indices, size=x.type.shape[axis], axis=axis
            ),
            None,
        ),
        kernel=emit_take,
        refuses="place",
        doc="The elements of each row at the indices of that row, from 0, as NumPy's.",
        formula="yᵢⱼ = x[i, indices[i, j]]",
        derivative="the g of each index added to its element",
        example="y = take_along_axis(x, argsort(x))",
    )
)


def _added(g: TensorType, indices: TensorType, *, size: Size, axis: int) -> TensorType:
    at = _check_like(g, indices, axis, "add_along_axis")
    if indices.shape != g.shape:
        raise Fault(
            "E0201", f"'add_along_axis' needs an index for each of {g}, not {indices}", operand=1
        )
    check_sizes((size,))
    return g.with_shape((*g.shape[:at], size, *g.shape[at + 1 :]))


def _emit_add(k: KernelCall) -> None:
    """Places are checked before anything is written: the result may stand where a state does."""
    shape = k.out_type.shape
    places = emit_places(k, 1, shape, k.attrs["axis"] % len(shape)) if k.types[0].size else ""
    k.emit(f"{k.out}.fill(0)")
    if places:
        k.emit(f"add.at({k.flat_out()}, {k.view(places, '.reshape(-1)')}, {in_order(k, 0)})")


add_along_axis: Op = declare(
    Op(
        name="add_along_axis",
        operands=("g", "indices"),
        infer=_added,
        attributes={
            "size": Attribute("size", doc="the size of the axis in the result"),
            "axis": Attribute("axis", -1, "the axis that the indices count along", "result"),
        },
        promotion="none",
        vjp=(
            lambda h, y, g, indices, *, size, axis: take_along_axis(h, indices, axis=axis),
            None,
        ),
        kernel=_emit_add,
        refuses="place",
        doc="The elements of each row added up at the indices of that row.",
        formula="y[i, k] = Σ of the gᵢⱼ with indices[i, j] = k",
        derivative="the cotangent at the indices",
        example="y = add_along_axis(x, argsort(x), size = 5)",
    )
)
