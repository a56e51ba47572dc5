"""What sizes a program can be made for: none negative, no array beyond the machine's memory."""

from __future__ import annotations

import math
from collections.abc import Mapping

from graphdsl.engines.machine import free_memory, machine_memory
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.sizes import evaluate, told
from graphdsl.graph.types import TensorType
from graphdsl.language.diagnostics import DataError, Diagnostic, ModelError


def check_sizes(graph: Graph, sizes: Mapping[str, int]) -> None:
    """Refuse a program one of whose arrays is larger than the machine's memory."""
    limit = machine_memory()
    seen: set[TensorType] = set()
    for node in graph.nodes:
        if node.type not in seen:
            seen.add(node.type)
            _check_size(node, sizes, limit)


def _check_size(node: Node, sizes: Mapping[str, int], limit: int) -> None:
    what = _place(node)
    try:
        shape = [evaluate(size, sizes) for size in node.type.shape]
    except KeyError as unbound:
        message = f"the size {unbound.args[0]} is bound by nothing that is fed"
        help = f"feed an input that has {unbound.args[0]} as a size of its own"
        raise ModelError(Diagnostic("E0804", message, (), (help,))) from None
    except ZeroDivisionError:
        raise refused_sizes("E0815", f"a size of {what} divides by zero", sizes) from None
    if any(size < 0 for size in shape):
        message = f"{what} is {node.type}, which is {shape} here: no size is negative"
        help = "feed more rows: a slice or a window reaches too far"
        raise refused_sizes("E0815", message, sizes, help)
    nbytes = math.prod(shape) * node.type.dtype.numpy.itemsize
    if nbytes > limit:
        message = f"{what} takes {nbytes:,} bytes; this machine has {limit:,}"
        raise refused_sizes("E0802", message, sizes)


def refused_program(graph: Graph, sizes: Mapping[str, int]) -> DataError:
    """What to raise where memory ran out while a program was made: by its largest array."""

    def nbytes(node: Node) -> int:
        return evaluate(node.type.size, sizes) * node.type.dtype.numpy.itemsize

    largest = max(graph.nodes, key=nbytes)
    message = (
        f"this program's arrays take more memory than there is, of which the largest, "
        f"{_place(largest)}, takes {nbytes(largest):,} bytes; this machine has "
        f"{machine_memory():,}, of which {free_memory():,} are free"
    )
    return refused_sizes("E0802", message, sizes)


def _place(node: Node) -> str:
    return f"{node.name or node.op.name} at {node.origin.span if node.origin else 'the update'}"


def refused_sizes(code: str, message: str, sizes: Mapping[str, int], *help: str) -> DataError:
    """Sizes that a program cannot be made for."""
    bound = (f"with {told(sizes)}",) if sizes else ()
    return DataError(Diagnostic(code, message, (), (*bound, *help)))
