"""What a run has measured, its ratios, and the targets that it misses."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from contenders import BY_HAND, OURS, PEERS, PRODUCTS

# A step of ours to the fastest peer's, by engine and workload.
TO_FASTEST_PEER = {
    "numpy": {
        "micro": 0.45,
        "digits": 0.9,
        "deep": 0.6,
        "wide": 1.2,
        "transformer": 0.95,
        "convnet": 0.85,
    },
    "numba": {
        "micro": 0.1,
        "digits": 0.5,
        "deep": 0.3,
        "wide": 0.8,
        "transformer": 0.8,
        "convnet": 0.7,
    },
}
TO_BY_HAND = 1.05  # of the NumPy engine
# The hand-written step to its products, which shows that it is well written.
BY_HAND_TO_PRODUCTS = {"micro": 4.4, "digits": 2.64}
FIRST_STEP_SECONDS = 1.0
SLOW_STARTERS = ("jax", "torch.compile")
# Resident memory comes in pages and pools: what differs by less is the same.
PAGES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Result:
    """A workload's measurements: µs a step of each contender, one for each round; and of some of
    them the first step's seconds and memory's bytes, as `worker.py` gives them."""

    workload: str
    rounds: dict[str, list[float]]
    first: dict[str, dict[str, Any]] = field(default_factory=dict)
    memory: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def ratio(self, contender: str, base: str) -> float:
        """The median over the rounds of `contender`'s time to `base`'s."""
        pairs = zip(self.rounds[contender], self.rounds[base], strict=True)
        return median(a / b for a, b in pairs)

    @property
    def engines(self) -> list[str]:
        """Ours, by their engines' names."""
        return [name.removeprefix(OURS) for name in self.rounds if name.startswith(OURS)]

    @property
    def fastest_peer(self) -> str | None:
        """The peer of the smallest median; None without peers."""
        peers = [name for name in self.rounds if name in PEERS]
        return min(peers, key=lambda name: median(self.rounds[name]), default=None)

    def target(self, name: str) -> float | None:
        """µs that one of ours may take by the fastest peer's median; None for others."""
        peer = self.fastest_peer
        if peer is None or not name.startswith(OURS):
            return None
        return TO_FASTEST_PEER[name.removeprefix(OURS)][self.workload] * median(self.rounds[peer])

    def bytes_beyond(self, name: str) -> int | None:
        """A warm step's peak beyond parameters, gradients and optimizer states."""
        found = self.memory.get(name)
        return None if found is None else found["growth"] - found["state"]

    def list_misses(self) -> list[str]:
        """A line for every target that is missed."""
        lines = [*self._miss_times(), *self._miss_memory(), *self._miss_first()]
        return [f"{self.workload}: {line}" for line in lines]

    def _miss_times(self) -> Iterator[str]:
        wanted = [
            (OURS + engine, self.fastest_peer, TO_FASTEST_PEER[engine][self.workload])
            for engine in self.engines
        ]
        wanted.append((f"{OURS}numpy", BY_HAND, TO_BY_HAND))
        if self.workload in BY_HAND_TO_PRODUCTS:
            wanted.append((BY_HAND, PRODUCTS, BY_HAND_TO_PRODUCTS[self.workload]))
        for name, base, target in wanted:
            if name not in self.rounds or base not in self.rounds:
                continue
            ratio = self.ratio(name, base)
            if ratio > target:
                yield f"{name} / {base} is {ratio:.2f}, at most {target}"

    def _miss_memory(self) -> Iterator[str]:
        theirs = self.bytes_beyond("torch")
        for engine in self.engines:
            ours = self.bytes_beyond(OURS + engine)
            if ours is not None and theirs is not None and ours > max(theirs, 0) + PAGES:
                yield f"{OURS}{engine} takes {ours:,} bytes, torch {theirs:,}"

    def _miss_first(self) -> Iterator[str]:
        ours = self.first.get(f"{OURS}numpy")
        if ours is None:
            return
        limits = {name: self.first[name]["seconds"] for name in SLOW_STARTERS if name in self.first}
        for name, limit in (limits | {"the target": FIRST_STEP_SECONDS}).items():
            if ours["seconds"] > limit:
                yield f"the first step takes {ours['seconds']:.2f} s, {name} {limit:.2f} s"


def describe(result: Result) -> dict[str, Any]:
    """A result as data for JSON."""
    peer = result.fastest_peer
    bases = {"to_by_hand": BY_HAND, "to_products": PRODUCTS, "to_fastest_peer": peer}
    contenders = {
        name: {
            "median_us": median(times),
            "rounds_us": times,
            **{
                key: result.ratio(name, base)
                for key, base in bases.items()
                if base is not None and base in result.rounds
            },
            "first_step": result.first.get(name),
            "memory_bytes": result.memory.get(name),
            "bytes_beyond_state": result.bytes_beyond(name),
        }
        for name, times in result.rounds.items()
    }
    return {
        "fastest_peer": peer,
        "contenders": contenders,
        "misses": result.list_misses(),
        "faults": result.faults,
    }
