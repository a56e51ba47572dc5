"""Tensors that no step changes, such as a unit matrix: computed once, when a program is planned.

A kernel call without operands comes in, the elements that its statements write go out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphdsl.graph.graph import Node
from graphdsl.graph.kernel import Array, ArrayType, KernelCall
from graphdsl.graph.op import OPS, Op
from graphdsl.ops import runtime


def is_fixed(node: Node) -> bool:
    """Whether a node has the same elements at every step and for every batch."""
    sized = all(isinstance(size, int) for size in node.type.shape)
    computed = node.op.kernel is not None and not node.op.random
    return computed and not node.operands and sized and node.op is not OPS["pack"]


def compute_fixed(op: Op, call: KernelCall) -> Array:
    """The result of a call of an op."""
    arrays: dict[str, Any] = {call.out: _empty(call.out_type)}

    def bind_constant(array: Array) -> str:
        name = f"c{len(arrays)}"
        arrays[name] = array
        return name

    call.bind_constant = bind_constant
    call.bind_view = "{}{}".format
    op.emit(call)
    arrays |= {name: _empty(type) for name, type in call.scratches}
    exec("\n".join(call.lines), {**vars(np), **vars(runtime), **arrays})
    made: Array = arrays[call.out]
    return made


def _empty(type: ArrayType) -> Array:
    return np.empty(type.shape, type.dtype.numpy)
