"""Names for the nodes of a printed graph: a node's own where it has one, else one that says where
it belongs, `h_1` on the way to `h`, `d_h` for the cotangent of `h`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from graphdsl.graph.graph import Graph
from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType
from graphdsl.language.tokens import KEYWORDS

KNOWN = frozenset(
    (*KEYWORDS, *OPS.public(), "size", "l2", "pi", "inf", "training", "float", *DType.__members__)
)
"""Words that a printed file may need for what they mean."""


class Names:
    """Gives each name once: a second gets a number."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = {*KNOWN, *taken}
        self._last: dict[str, int] = {}

    def own(self, qualified: str) -> str:
        """A node's own name: `W1`, `h_W` for `h.W`, `o_3_W` for `o[3].W`."""
        plain = re.sub(r"\W+", "_", qualified).strip("_") or "v"
        return self._free(plain if not plain[0].isdigit() else f"v_{plain}")

    def cotangent(self, of: str) -> str:
        """`d_h` for the cotangent of `h`."""
        return self._free(f"d_{of}")

    def numbered(self, base: str) -> str:
        """`h_1`, `h_2`, … for what has no name on the way to `h`."""
        while True:
            self._last[base] = self._last.get(base, 0) + 1
            found = f"{base}_{self._last[base]}"
            if found not in self.taken:
                self.taken.add(found)
                return found

    def _free(self, wanted: str) -> str:
        found, number = wanted, 2
        while found in self.taken:
            found, number = f"{wanted}_{number}", number + 1
        self.taken.add(found)
        return found


def own_names(
    graph: Graph, ids: Iterable[int], dims: Iterable[str]
) -> tuple[Names, dict[int, str]]:
    """The nodes of `ids` that the file names, by name; names that need no change come first, so
    that no other takes one of them."""
    named = [(id, graph.nodes[id].name or "") for id in ids if graph.nodes[id].name]
    plain = {name for _, name in named if name.isidentifier() and name not in KNOWN}
    names, found = Names({*dims, *plain}), {}
    for id, name in named:
        if name in plain:
            plain.discard(name)  # a second node of that name gets a number
            found[id] = name
        else:
            found[id] = names.own(name)
    return names, found


def bases(
    order: Iterable[int], readers: Mapping[int, list[int]], named: Mapping[int, str]
) -> dict[int, str]:
    """For each node the first name that it flows into, its own if it has one."""
    found: dict[int, str] = {}
    for id in order:
        nearest = next((found[reader] for reader in readers.get(id, []) if reader in found), "v")
        found[id] = named.get(id, nearest)
    return found
