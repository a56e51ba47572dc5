"""Where the time of a step goes: by node, by line of the model file, by sweep.

`engines.readings` has what the clock said; here it becomes shares, and rates beside the machine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from graphdsl.engines.rates import reading_cost
from graphdsl.engines.readings import Readings
from graphdsl.graph.graph import Node
from graphdsl.language.clipping import clip
from graphdsl.language.source import Source, Span

TOP, LONGEST = 12, 70
"""Rows of each table that people are shown, and the characters of a row's name."""
TIMES = ((1e-3, "ms"), (1e-6, "µs"))
AMOUNTS = ((1e6, "MB"), (1e3, "kB"))
"""Units, the largest first: a table has the first in which its step is 1 or more, or the last."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a node, a line or a sweep takes of one step. `flops` are the multiplications and
    additions of products, and `product_seconds` the time of the nodes that have some."""

    what: str
    seconds: float
    share: float
    nbytes: int
    flops: int
    product_seconds: float

    @property
    def flop_rate(self) -> float | None:
        """Multiplications and additions a second, of products; None where there is none."""
        return self.flops / self.product_seconds if self.flops and self.product_seconds else None


@dataclass(frozen=True, slots=True)
class Profile:
    """A step's time, in seconds, and where it goes; every table from the dearest row down."""

    steps: int
    seconds: float
    """Of one step, in its program."""
    elsewhere: float
    """Of these, outside the nodes: checks of what is fed, schedules, values written back."""
    clock: float
    """Of these, spent on reading the clock."""
    rate: float
    """The machine's own rate of products, the best of before the steps and after them:
    multiplications and additions a second."""
    sweeps: tuple[Cost, ...]
    lines: tuple[Cost, ...]
    nodes: tuple[Cost, ...]

    @property
    def peak(self) -> float:
        """The quickest product that was seen: the machine's own, or that of a node, which another
        process may have left more of the machine."""
        return max([self.rate, *(cost.flop_rate or 0.0 for cost in self.nodes)])

    def to_plain(self) -> dict[str, Any]:
        """The same for programs, as JSON takes it."""
        plain = {**asdict(self), "peak": self.peak}
        for table in ("sweeps", "lines", "nodes"):
            for row, cost in zip(plain[table], getattr(self, table), strict=True):
                row["flop_rate"] = cost.flop_rate
        return plain

    def __str__(self) -> str:
        return "\n".join(_told(self))


@dataclass(slots=True)
class _Sum:
    """What several nodes take together."""

    seconds: float = 0.0
    nbytes: int = 0
    flops: int = 0
    product_seconds: float = 0.0

    def add(self, seconds: float, flops: int, nbytes: int) -> None:
        self.seconds += seconds
        self.nbytes += nbytes
        self.flops += flops
        self.product_seconds += seconds if flops else 0.0


@dataclass(slots=True)
class _Table:
    rows: dict[str, _Sum] = field(default_factory=dict)

    def add(self, key: str, cost: tuple[float, int, int]) -> None:
        self.rows.setdefault(key, _Sum()).add(*cost)

    def costs(self, calls: int, total: float) -> tuple[Cost, ...]:
        """The rows of one call, the dearest first."""
        made = [
            Cost(
                what,
                row.seconds / calls,
                row.seconds / total,
                row.nbytes // calls,
                row.flops // calls,
                row.product_seconds / calls,
            )
            for what, row in self.rows.items()
        ]
        return tuple(sorted(made, key=lambda cost: -cost.seconds))


def summarised(programs: Iterable[Readings], calls: int, rate: float, own: Source) -> Profile:
    """The profile of `calls` steps, with lines those of the source `own` as far as they can be."""
    programs = list(programs)
    total = sum(program.seconds for program in programs)
    sweeps, lines, nodes = _Table(), _Table(), _Table()
    readings = sum(program.count for program in programs)
    for program in programs:
        for node, *cost in program.costs():
            seconds, flops, nbytes = cost
            found = (float(seconds), int(flops), int(nbytes))
            sweeps.add(node.sweep, found)
            lines.add(_line(node, own), found)
            nodes.add(_name(node), found)
    return Profile(
        steps=calls,
        seconds=total / calls,
        elsewhere=sum(program.elsewhere() for program in programs) / calls,
        clock=readings * reading_cost() / calls,
        rate=rate,
        sweeps=sweeps.costs(calls, total),
        lines=lines.costs(calls, total),
        nodes=nodes.costs(calls, total),
    )


def _line(node: Node, own: Source) -> str:
    """The line of the model file that a node comes from: where a block was called, if it is a
    block's from elsewhere."""
    if node.origin is None:
        return "the update"
    spans = [level.span for level in node.origin.trail]
    span = next((s for s in (node.origin.span, *spans) if s.source is own), node.origin.span)
    return f"{_place(span)}  {_text(span)}"


def _place(span: Span) -> str:
    return f"{span.source.name.rpartition('/')[2]}:{span.line}"


def _text(span: Span) -> str:
    """The text of the line on which a span begins."""
    return span.source.text.splitlines()[span.line - 1].strip()


def _name(node: Node) -> str:
    """A node as a row of the table: its number tells it from others."""
    name = f"{node.name}: " if node.name else ""
    place = f", {_place(node.origin.span)}" if node.origin else ""
    return f"{node.id} {name}{node.op.name} {node.type} ({node.sweep}{place})"


# --- for people ----------------------------------------------------------------------------------


def _told(profile: Profile) -> Iterator[str]:
    second, time = _fitting(profile.seconds, TIMES)
    byte, amount = _fitting(sum(cost.nbytes for cost in profile.sweeps), AMOUNTS)
    yield (
        f"{profile.seconds / second:.3f} {time} a step, the mean of {profile.steps}; "
        f"{profile.clock / profile.seconds:.1%} of it for the clock"
    )
    quicker = (
        f"; the quickest node: {profile.peak / 1e9:.1f}" if profile.peak > profile.rate else ""
    )
    yield f"this machine's matrix product, 512 by 512: {profile.rate / 1e9:.1f} GFLOP/s{quicker}"
    for title, costs in (
        ("sweep", profile.sweeps),
        ("line", profile.lines[:TOP]),
        ("node", profile.nodes[:TOP]),
    ):
        yield ""
        yield f"{'share':>7} {time:>9} {amount:>8} {'GFLOP/s':>8} {'of peak':>8}  {title}"
        yield from (_row(cost, profile.peak, second, byte) for cost in costs)
        if title == "sweep":
            share = profile.elsewhere / profile.seconds
            yield f"{share:7.1%} {profile.elsewhere / second:9.3f}{'':28}outside the nodes"
    left = len(profile.nodes) - TOP
    if left > 0:
        yield f"{'':44} and {left} more"


def _fitting(value: float, units: Sequence[tuple[float, str]]) -> tuple[float, str]:
    return next((unit for unit in units if value >= unit[0]), units[-1])


def _row(cost: Cost, peak: float, second: float, byte: float) -> str:
    """A row of a table, its time and its bytes in the units that are given."""
    found = cost.flop_rate
    rate = f"{found / 1e9:8.1f} {found / peak:8.0%}" if found is not None else f"{'':17}"
    seconds, nbytes = f"{cost.seconds / second:9.3f}", f"{cost.nbytes / byte:8.3f}"
    return f"{cost.share:7.1%} {seconds} {nbytes} {rate}  {clip(cost.what, LONGEST)}"
