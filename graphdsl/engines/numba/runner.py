"""How a program's kernels run: one behind the other, some of them in parts by several threads.

A crew of threads waits for programs. Whoever has one offers it, goes on without those who do not
come at once, and shares each kernel that is worth it with those who did; all wait for one another
before and after. What is computed does not depend on how many came.
"""

# mypy: ignore-errors

from __future__ import annotations

from graphdsl.engines.numba.decorators import compiled, kernel
from graphdsl.engines.numba.intrinsics import (
    add_atomically,
    call,
    exchange,
    i64_at,
    load_atomically,
    store_atomically,
    yield_core,
)

CODE, COUNT, PATCHES, PATCH_COUNT, CLOCK, ARRIVED, BEFORE, INPUTS = 1, 2, 3, 4, 5, 8, 9, 10
"""Where things stand in a program's state, an array of int64: the address of the program, for each
kernel its address, its arguments' and whether it is done in parts; how many; of the places that
inputs' addresses go to, triples (place, number of the input, byte in it); how many; the clock,
three f64; arrivals at meetings, of all runs, and how many there were before this one; the addresses
of the inputs."""

OFFER, JOINED, PROGRAM, WORDS = 0, 8, 16, 24
"""Where things stand in a crew's words, an array of int64, a cache line each: the number of the
last offer; how many have joined it, plus `CLOSED` once nobody may; its state's address."""

CLOSED = 1 << 32
PATIENCE = 3_000
"""Looks at a word before the core is given away, and for which an offer waits."""
WATCH = 40_000
"""Looks for another offer before a thread goes to sleep."""


@compiled
def _meet(address, target):
    """Wait until so many have arrived, oneself included."""
    add_atomically(address, 1)
    looks = 0
    while load_atomically(address) < target:
        looks += 1
        if looks > PATIENCE:
            yield_core()


@compiled
def _run(state, part, parts):
    """One thread's part of all kernels."""
    at = i64_at(state)
    code = i64_at(at[1])
    place = state + 64
    target = at[9]
    shared = False
    if part == 0:
        patches = i64_at(at[3])
        for number in range(at[4]):
            i64_at(patches[3 * number])[0] = (
                at[10 + patches[3 * number + 1]] + patches[3 * number + 2]
            )
    for number in range(at[2]):
        divided = parts > 1 and code[3 * number + 2] != 0
        if divided or shared:
            target += parts
            _meet(place, target)
        if divided:
            call(code[3 * number], code[3 * number + 1], part, parts)
        elif part == 0:
            call(code[3 * number], code[3 * number + 1], 0, 1)
        shared = divided
    if parts > 1:
        _meet(place, target + parts)


@kernel
def run(state, part, parts):
    """Run all kernels of the state at an address alone."""
    _run(state, 0, 1)


@kernel
def offer(state, crew, wanted):
    """Run all kernels of the state at an address with those of a crew, up to `wanted`, who come."""
    i64_at(state)[9] = i64_at(state)[8]
    i64_at(crew)[16] = state
    store_atomically(crew + 64, 0)
    add_atomically(crew, 1)
    looks = 0
    while load_atomically(crew + 64) < wanted and looks < PATIENCE:
        looks += 1
    came = load_atomically(crew + 64)
    while not exchange(crew + 64, came, came + CLOSED):
        came = load_atomically(crew + 64)
    _run(state, 0, came + 1)


@compiled
def _join(crew):
    """Take part in what is offered, if that is not closed."""
    came = load_atomically(crew + 64)
    while came < CLOSED:
        if exchange(crew + 64, came, came + 1):
            state = i64_at(crew)[16]
            closed = load_atomically(crew + 64)
            looks = 0
            while closed < CLOSED:
                closed = load_atomically(crew + 64)
                looks += 1
                if looks > PATIENCE:
                    yield_core()
            _run(state, came + 1, closed - CLOSED + 1)
            return
        came = load_atomically(crew + 64)


@kernel
def serve(crew, seen, _):
    """Take part in a crew's offers after the one that was seen, until there is none for a while."""
    looks = 0
    while looks < WATCH:
        last = load_atomically(crew)
        if last != seen:
            seen = last
            looks = 0
            _join(crew)
        looks += 1
