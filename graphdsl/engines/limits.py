"""What a machine's memory allows: the sizes a program can be made for, none negative and no array
beyond it; and what is raised where it runs out in spite of all that is counted before.
"""

from __future__ import annotations

import errno
import inspect
import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import wraps
from typing import ParamSpec, TypeVar

from graphdsl.engines.machine import free_memory, machine_memory
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.sizes import evaluate, told
from graphdsl.graph.types import TensorType
from graphdsl.language.diagnostics import DataError, Diagnostic, ModelError

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)


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


def naive_bytes(graph: Graph, sizes: Mapping[str, int]) -> int:
    """The bytes of all arrays of a graph, though no program has them all at once."""
    return sum(
        count * evaluate(type.size, sizes) * type.dtype.numpy.itemsize
        for type, count in Counter(node.type for node in graph.nodes).items()
    )


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


def ran_out(what: str) -> Diagnostic:
    """What to tell where memory ran out while `what` was done, which nobody had counted."""
    message = (
        f"this machine's memory does not suffice for {what}: it has {machine_memory():,} bytes, "
        f"of which {free_memory():,} are free now"
    )
    help = (
        "compute fewer rows at once: --batch, or eval_batch in the train block",
        "or end what else takes memory here",
    )
    return Diagnostic("E0802", message, (), help)


def is_lack(fault: Exception) -> bool:
    """Whether it says that memory ran out, as Python does or as the system where it refuses a
    process or a mapped file."""
    return isinstance(fault, MemoryError) or (
        isinstance(fault, OSError) and fault.errno == errno.ENOMEM
    )


def within_memory(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which raises `DataError` where memory runs out."""

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (MemoryError, OSError) as fault:
            if not is_lack(fault):
                raise
        raise DataError(ran_out(f"'{function.__name__}'"))  # here what it held is free

    return called


def all_within_memory(cls: C) -> C:
    """The class, of which every public method is `within_memory`."""
    for name, method in list(vars(cls).items()):
        if inspect.isfunction(method) and not name.startswith("_"):
            setattr(cls, name, within_memory(method))
    return cls
