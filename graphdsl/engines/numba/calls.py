"""Calls of kernels: what each is given, and about what it costs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from graphdsl.compiler.schedule import Schedule
from graphdsl.engines.numba.formula import converted
from graphdsl.engines.numba.items import Matrices, Product
from graphdsl.engines.numba.writing import Argument, Kernel

MULTIPLY = "multiply_"
"""What the name of a product begins with; the element type follows."""

LOOP, PRODUCT = 0.1, 0.007
"""About how many ns an element of a loop takes, and a multiplication with its addition."""

MEETING, LONG = 1_000.0, 100_000.0
"""The ns from which on a kernel is worth two meetings of threads, which take 70 to 250 each and
move what the others wrote from core to core, and a program waking them."""

BRIEF, FEW = 500.0, 2
"""The ns from which on a kernel is done in parts between two that are, and how many there may be
one behind the other: the threads meet there in any case."""

PANEL, DEPTH = 256, 256
"""What a product copies at once at most: bytes of a row of its right factor, and rows, of which so
many stay in the cache; no more products are summed in one go."""


@dataclass(frozen=True, slots=True)
class Call:
    """A kernel called: its name, and what it is given: numbers, and addresses of arrays."""

    kernel: str
    arguments: tuple[Argument | int, ...]
    nodes: tuple[int, ...]
    """The nodes that it computes; none where that depends on the step alone."""
    divided: bool
    """Whether it is done in parts where there are several threads; before `share`, whether it can
    be."""
    cost: float
    """About how many ns it takes."""


def loop_call(name: str, kernel: Kernel, nodes: tuple[int, ...]) -> Call:
    """The call of a kernel of loops."""
    cost = LOOP * kernel.work
    return Call(name, kernel.arguments, nodes, kernel.divided, cost)


def room_for(product: Product) -> int:
    """The bytes that one thread's part of a product needs for its copies: whole cache lines."""
    itemsize, depth = product.dtype.numpy.itemsize, min(product.inner, DEPTH)
    if product.left.strides[3] == 1:
        return depth * PANEL
    return depth * PANEL + -(-product.rows * depth * itemsize // 64) * 64


def product_call(product: Product, room: str, each: int) -> Call:
    """The call of a product: its arguments are `products.ARGUMENTS`; `room` is the root of what it
    copies to, `each` the bytes of one part."""
    itemsize = product.dtype.numpy.itemsize

    def matrices(one: Matrices) -> tuple[Argument, list[int]]:
        return (one.root, one.start * itemsize), [itemsize * stride for stride in one.strides]

    left, a = matrices(product.left)
    right, b = matrices(product.right)
    out, y = matrices(product.out)
    arguments: list[Argument | int] = [product.rows, product.columns, product.inner]
    arguments += [left, *a[2:], right, *b[2:], out, y[2]]
    arguments += [(room, 0), each, product.batches, product.turns]
    arguments += [*a[:2], *b[:2], *y[:2], ("functions", 0)]
    count = product.batches * product.turns * product.rows * product.columns * product.inner
    cost = PRODUCT * count * itemsize / 4
    return Call(f"{MULTIPLY}{product.dtype}", tuple(arguments), (product.node,), True, cost)


def share(calls: Sequence[Call]) -> Iterator[Call]:
    """The calls of a segment, those done in parts that are worth it."""

    def is_long(call: Call) -> bool:
        return call.divided and call.cost >= MEETING

    runs = [(long, list(run)) for long, run in groupby(calls, is_long)]
    for number, (long, run) in enumerate(runs):
        inside = 0 < number < len(runs) - 1 and len(run) <= FEW
        brief = inside and all(call.divided and call.cost >= BRIEF for call in run)
        for call in run:
            yield call if call.divided == (long or brief) else replace(call, divided=long or brief)


def scalar_kernel(schedule: Schedule, known: set[str]) -> Kernel | None:
    """A kernel for what depends on the step alone, if all of it can be compiled."""
    lines, dtypes = schedule.scalars, schedule.cells
    code = "\n".join(text for _, text in lines)
    called = set(re.findall(r"(?<![\w.])([a-z_]\w*)(?=\()", code))
    if not lines or not called <= known:
        return None
    cells = {name: number for number, name in enumerate(dtypes, 1)}
    body = ["at = i64_at(arguments)", "clock = f64_at(at[0])"]
    body += ["t = clock[0]", "epoch = clock[1]", "total_steps = clock[2]"]
    for name, text in lines:
        cell = name.removesuffix("[()]")
        if cell in cells:
            body.append(f"c{cells[cell]} = {dtypes[cell]}_at(at[{cells[cell]}])")
            body.append(f"c{cells[cell]}[0] = {converted(text, dtypes[cell])}")
        else:
            body.append(f"{name} = {text}")
    return Kernel(tuple(body), (("clock", 0), *((cell, 0) for cell in cells)), False, len(lines))
