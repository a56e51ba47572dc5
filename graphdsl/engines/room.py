"""What a program takes of a machine's memory beside what its model has: a schedule and a model's
memory come in, and it is refused here or has room.

All of it is counted together, before anything is asked of the system: what each array alone leaves
room for, all of them may not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from graphdsl.compiler.schedule import Schedule
from graphdsl.compiler.slots import Slot
from graphdsl.engines.loaded import part_sizes
from graphdsl.engines.memory import FEWER_ROWS, LARGE, Memory
from graphdsl.graph.flat_arrays import is_kind, is_part, type_of

Need = tuple[str, int]
"""What takes how many bytes."""


def make_room(memory: Memory, schedule: Schedule, slots: Iterable[Slot] = ()) -> None:
    """Give the optimizer states of a program their arrays; raises `DataError` where the machine
    has no room for them with all else that the program takes."""
    slots = memory.missing_slots(slots)
    computed = [*_find_computed(memory, schedule)]
    wanted = [*_find_stored(memory, schedule, slots), *computed]
    if computed and memory.arena.nbytes < schedule.arena_bytes:
        memory.drop_arena()
    check_needs(memory, wanted, *([FEWER_ROWS] if computed else ()))
    memory.add_slots(slots)


def check_results(memory: Memory, schedule: Schedule) -> None:
    """Raise `DataError` where the machine has no room for the caller's own copies of what a program
    hands out."""
    if nbytes := _result_bytes(schedule):
        memory.check_room("the results take", nbytes, FEWER_ROWS)


def check_needs(memory: Memory, wanted: Sequence[Need], *help: str) -> None:
    """Raise `DataError` where what is wanted, all of it together, has no room."""
    wanted = [(what, nbytes) for what, nbytes in wanted if nbytes]
    match wanted:
        case []:
            return
        case [(what, nbytes)]:
            memory.check_room(f"{what} take{'' if what.endswith('s') else 's'}", nbytes, *help)
        case _:
            told = "; ".join(f"{what}: {nbytes:,}" for what, nbytes in wanted)
            total = sum(nbytes for _, nbytes in wanted)
            memory.check_room("what a program needs takes", total, told, *help)


def _find_stored(memory: Memory, schedule: Schedule, slots: Iterable[Slot]) -> Iterator[Need]:
    """What the model keeps from now on."""
    layout = memory.layout
    gradients = {name for name in _arrays(schedule) if is_kind(name, "grad")}
    dtypes = [type_of(name) for name in gradients - memory.arrays.keys() if not is_part(name)]
    sizes = (layout.param_sizes[dtype] * dtype.numpy.itemsize for dtype in dtypes)
    yield "the gradients", sum(sizes)
    yield "the optimizer's states", sum(slot.nbytes for slot in slots)
    parts = part_sizes(schedule).items()
    missing = (
        (name, size)
        for name, size in parts
        if name not in memory.parts or memory.parts[name].size < size
    )
    yield (
        "the workers' gradients",
        sum(size * type_of(name).numpy.itemsize for name, size in missing),
    )


def _find_computed(memory: Memory, schedule: Schedule) -> Iterator[Need]:
    """What is needed while the program runs."""
    if memory.arena.nbytes < schedule.arena_bytes:
        yield "what is computed at once", schedule.arena_bytes
    if schedule.kernel_bytes:
        yield "what NumPy copies meanwhile", schedule.kernel_bytes
    yield "the results", _result_bytes(schedule)


def _result_bytes(schedule: Schedule) -> int:
    """What the caller's own copies take; nothing where that is little."""
    nbytes = sum(type.nbytes for _, _, type in schedule.results)
    return nbytes if nbytes > LARGE else 0


def _arrays(schedule: Schedule) -> set[str]:
    """The names of the flat arrays that a program and its workers read or write."""
    every = (schedule, *schedule.workers)
    return {region.array for one in every for region in one.regions.values()}
