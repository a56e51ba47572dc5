"""What an exported file has to have where workers share a step: the arrays they write, their names
in a text that all workers of as many rows use, and the call that hands them their rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from graphdsl.compiler.schedule import Schedule
from graphdsl.engines.export_values import quoted, wrapped
from graphdsl.engines.loaded import part_sizes
from graphdsl.graph.flat_arrays import part_array
from graphdsl.graph.types import DType

CALL = "side_by_side(("


def largest_parts(steps: Iterable[Schedule]) -> dict[str, int]:
    """How many elements the flat arrays that workers write need for all of these steps, by name."""
    found: dict[str, int] = {}
    for step in steps:
        for name, size in part_sizes(step).items():
            found[name] = max(size, found.get(name, 0))
    return found


@dataclass(frozen=True, slots=True)
class PartNames:
    """Writes the names of flat arrays for one worker: those of its own by the variable `worker`."""

    worker: int

    def __call__(self, array: str) -> str:
        """An expression for an array's name."""
        own = {part_array(self.worker, dtype): dtype for dtype in DType}
        return f'f"{part_array("{worker}", own[array])}"' if array in own else quoted(array)


def spread_call(line: str) -> Iterator[str]:
    """A line as it is, or the call of workers with a line for each of them."""
    code = line.lstrip()
    indent = line[: len(line) - len(code)]
    if not code.startswith(CALL):
        yield line
        return
    yield f"{indent}{CALL}"
    assert code.endswith("))"), "with its comment it is too long for one line"
    inside = code.removeprefix(CALL).removesuffix("))")
    for one in inside.replace("), (", "),\n(").splitlines():
        yield from wrapped(f"{indent}    {one}")
    yield f"{indent}))"
