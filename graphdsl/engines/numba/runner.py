"""How a program's kernels run: one behind the other, some of them in parts by several threads.

A crew of threads waits for programs. Whoever has one offers it and goes on; those who knock, at
once or later, are let in before the next kernel that is done in parts. All wait for one another
before and after such a kernel. What is computed does not depend on how many came.
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
from graphdsl.engines.numba.subnormals import flush_subnormals, restore_subnormals

THREADS, CODE, COUNT, PATCHES, PATCH_COUNT, CLOCK, FLUSHING, INPUTS = 0, 1, 2, 3, 4, 5, 8, 9
"""Where things stand in a program's state, an array of int64: the threads that there is room for;
the address of the program, for each kernel its address, its arguments' and whether it is done in
parts; how many; of the places that inputs' addresses go to, triples (place, number of the input,
byte in it); how many; the clock, three f64; 1 where subnormal numbers are taken for zero; the
addresses of the inputs."""

OFFER, ADMITTED, AWAKE, ARRIVED, PROGRAM, PARTS, DOORS, WORDS = 0, 8, 16, 24, 32, 33, 35, 64
"""Where things stand in a crew's words, an array of int64, those that are waited for in a cache
line each: the number of the last offer, times 256, plus those who have knocked, plus `CLOSED` once
nobody may; likewise those who were let in; how many watch; arrivals at meetings; the address of the
program's state; the parts that kernels are done in after a meeting with an even number, and one
with an odd number: who is slow reads the one while the other is written; for each who was let in
the number of the first kernel, the arrivals that it waits for, and the number of the meeting."""

CLOSED = 128
PATIENCE = 3_000
"""Looks at a word before each further one lets others have the core, and for which an offer waits
for those who watch."""
WATCH = 4_000
"""Further looks for another offer before a thread goes to sleep: about a millisecond."""


@compiled
def _wait(address, target):
    """Wait until so many have arrived."""
    looks = 0
    while load_atomically(address) < target:
        looks += 1
        if looks > PATIENCE:
            yield_core()


@compiled
def _admit(crew, most, number, target, meeting):
    """Let in those who have knocked: they begin at a kernel, after so many arrivals."""
    words = i64_at(crew)
    offer = load_atomically(crew + 8 * OFFER)
    before = words[ADMITTED] % CLOSED
    after = max(before, min(offer % CLOSED, most))
    words[PARTS + meeting % 2] = after + 1
    if after > before:
        for one in range(before, after):
            words[DOORS + 3 * one] = number
            words[DOORS + 3 * one + 1] = target
            words[DOORS + 3 * one + 2] = meeting
        store_atomically(crew + 8 * ADMITTED, offer // 256 * 256 + after)


@compiled
def _patch(at):
    """Write the addresses of what was fed to where kernels look for them."""
    patches = i64_at(at[PATCHES])
    for number in range(at[PATCH_COUNT]):
        place = i64_at(patches[3 * number])
        place[0] = at[INPUTS + patches[3 * number + 1]] + patches[3 * number + 2]


@compiled
def _run(state, crew, part, number, target, meeting, met):
    """One thread's part of all kernels from one on, after so many arrivals and meetings; `met` if
    it has waited for the others there."""
    at = i64_at(state)
    code = i64_at(at[CODE])
    words = i64_at(crew)
    arrived = crew + 8 * ARRIVED
    parts = words[PARTS + meeting % 2]
    shared = False
    before = flush_subnormals(at[FLUSHING])
    while number < at[COUNT]:
        divided = code[3 * number + 2] != 0
        if (divided or shared) and not met:
            if parts > 1:
                target += parts
            meeting += 1
            if part == 0:
                _admit(crew, at[THREADS] - 1, number, target, meeting)
            if parts > 1:
                add_atomically(arrived, 1)
                _wait(arrived, target)
            parts = words[PARTS + meeting % 2]
        if divided:
            call(code[3 * number], code[3 * number + 1], part, parts)
        elif part == 0:
            call(code[3 * number], code[3 * number + 1], 0, 1)
        shared = divided
        met = False
        number += 1
    restore_subnormals(before)
    add_atomically(arrived, 1)
    if part == 0:
        _wait(arrived, target + parts)


@kernel
def run(state, part, parts):
    """Run all kernels of the state at an address alone."""
    at = i64_at(state)
    code = i64_at(at[CODE])
    _patch(at)
    before = flush_subnormals(at[FLUSHING])
    for number in range(at[COUNT]):
        call(code[3 * number], code[3 * number + 1], 0, 1)
    restore_subnormals(before)


@kernel
def offer(state, crew, wanted):
    """Run all kernels of the state at an address with those of a crew, `wanted` at most."""
    words = i64_at(crew)
    _patch(i64_at(state))
    words[ARRIVED] = 0
    words[PROGRAM] = state
    words[PARTS] = 1
    number = words[OFFER] // 256 * 256 + 256
    words[ADMITTED] = number
    store_atomically(crew + 8 * OFFER, number)
    awake = min(load_atomically(crew + 8 * AWAKE), wanted)
    looks = 0
    while load_atomically(crew + 8 * OFFER) - number < awake and looks < PATIENCE:
        looks += 1
    _run(state, crew, 0, 0, 0, 0, False)
    add_atomically(crew + 8 * OFFER, CLOSED)


@compiled
def _come_in(crew, mine):
    """Do what one who was let in has to do, whenever it comes."""
    words = i64_at(crew)
    number, target = words[DOORS + 3 * mine], words[DOORS + 3 * mine + 1]
    meeting = words[DOORS + 3 * mine + 2]
    _wait(crew + 8 * ARRIVED, target)
    _run(words[PROGRAM], crew, mine + 1, number, target, meeting, True)


@compiled
def _knock(crew, word):
    """Take part in what is offered, if one is let in before it is closed."""
    while not exchange(crew + 8 * OFFER, word, word + 1):
        word = load_atomically(crew + 8 * OFFER)
        if word % 256 >= CLOSED:
            return
    mine, number = word % CLOSED, word // 256
    looks = 0
    while True:
        now = load_atomically(crew + 8 * OFFER)
        admitted = load_atomically(crew + 8 * ADMITTED)
        if admitted // 256 == number and admitted % CLOSED > mine:
            break
        if now // 256 != number or now % 256 >= CLOSED:
            return
        looks += 1
        if looks > PATIENCE:
            yield_core()
    _come_in(crew, mine)


@kernel
def serve(crew, seen, _):
    """Take part in a crew's offers after the one that was seen, until there is none for a while."""
    add_atomically(crew + 8 * AWAKE, 1)
    looks = 0
    while looks < PATIENCE + WATCH:
        last = load_atomically(crew + 8 * OFFER)
        if last // 256 != seen:
            seen = last // 256
            if last % 256 < CLOSED:
                _knock(crew, last)
            looks = 0
        looks += 1
        if looks > PATIENCE:
            yield_core()
    add_atomically(crew + 8 * AWAKE, -1)
