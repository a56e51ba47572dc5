"""Where stored values lie and how long values are needed: what a node's place depends on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from graphdsl.compiler.schedule.values import Region
from graphdsl.graph.flat_arrays import flat_array, part_array
from graphdsl.graph.graph import Graph, Node
from graphdsl.graph.kernel import ArrayType
from graphdsl.graph.layout import Layout
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import Size


class Storage:
    """The stored leaves of a graph, the last reader of every node, and the pinned results.

    `order` holds the ids as the nodes run; `when` each node's place in it, and times are such
    places: `last_read` of a result is the number of nodes. `copies` are the nodes known to be
    computed although their op may be a view: nothing outlives them for their sake.

    A result is pinned where it has a place outside the arena: a gradient in its flat array, a
    written value over the old one, and what is made of a worker's part over that, if nothing needs
    it any more. Until `last_refusal`, when a kernel may still end the program, what lives between
    steps stays as it was.
    """

    def __init__(
        self,
        graph: Graph,
        types: Sequence[ArrayType],
        layout: Layout,
        order: Sequence[int],
        copies: Collection[int] = (),
    ) -> None:
        self.graph = graph
        self.when = _places(order)
        self.types = types
        self.layout = layout
        self.copies = copies
        self.leaves = {n.id: self.region(n) for n in graph.nodes if is_stored(n)}
        self.last_read = _last_reads(graph, self.when, copies)
        self.last_refusal = max((self.when[id] for id in _refusing(graph)), default=-1)
        self.pinned = self._pins()

    def region(self, node: Node) -> Region:
        """The place of a stored leaf."""
        attrs, type = node.attributes(), self.types[node.id]
        if node.op is OPS["group"]:
            return Region(flat_array("param", type.dtype), attrs["start"], type)
        if node.op is OPS["slot"]:
            return Region(flat_array("slot", attrs["name"]), attrs["start"], type)
        if node.op is OPS["part"]:
            return Region(part_array(attrs["worker"], type.dtype), attrs["start"], type)
        assert node.name is not None
        if node.op is OPS["param"]:
            place = self.layout.params[node.name]
            return Region(flat_array("param", type.dtype), place.offset, type)
        return Region(flat_array("state", type.dtype), self.layout.states[node.name].offset, type)

    def unwritten(self) -> list[tuple[int, int]]:
        """(target, value) of the writes that are left for the end of the program."""
        return [
            (w.target, w.value)
            for w in self.graph.writes
            if self.pinned.get(w.value) != self.leaves[w.target]
        ]

    def _pins(self) -> dict[int, Region]:
        nodes = self.graph.nodes
        pins: dict[int, Region] = {}
        for param, gradient in self.graph.gradients:
            place = self.layout.params.get(nodes[param].name or "")
            if place is not None:
                array = flat_array("grad", place.dtype)
                pins[gradient] = Region(array, place.offset, self.types[gradient])
        for write in self.graph.writes:
            target, value = write.target, write.value
            early = self.when[value] < self.last_refusal
            if not early and value not in pins and self._may_overwrite(target, value):
                pins[value] = self.leaves[target]
            else:
                self.last_read[value] = len(nodes)
        return {**dict(self._over_parts()), **pins}

    def _over_parts(self) -> Iterator[tuple[int, Region]]:
        """The nodes that may be computed over a part they read: no call needs it of another."""
        nodes = self.graph.nodes
        # NumPy takes its quick path for arrays without axes only where they are apart
        parts = {i for i in self.leaves if nodes[i].op is OPS["part"] and self.types[i].shape}
        for node in nodes if parts else ():
            read = (id for id in node.operands if id in parts)
            over = next((id for id in read if self._may_overwrite(id, node.id)), None)
            if over is not None:
                yield node.id, self.leaves[over]

    def _may_overwrite(self, target: int, value: int) -> bool:
        """Whether nothing reads the target's old value once the new one is being written."""
        region, reader, now = self.leaves[target], self.graph.nodes[value], self.when[value]
        for leaf, other in self.leaves.items():
            if self.last_read[leaf] < now or not region.overlaps(other):
                continue
            own = leaf == target and self.types[leaf] == self.types[value]
            direct = own and leaf in reader.operands and reader.op.inplace
            if self.last_read[leaf] > now or not direct or self.reads_view(leaf, reader):
                return False
        return True

    def reads_view(self, leaf: int, reader: Node) -> bool:
        """Whether `reader` also reads a view of the leaf, which writing in place would spoil."""
        for id in reader.operands:
            node = self.graph.nodes[id]
            while node.op.view and node.operands and node.id != leaf:
                node = self.graph.nodes[node.operands[0]]
            if node.id == leaf and id != leaf:
                return True
        return False


def is_stored(node: Node) -> bool:
    """Whether a node is a leaf that lives between steps."""
    return node.op in (OPS["param"], OPS["state"], OPS["group"], OPS["slot"], OPS["part"])


def _places(order: Sequence[int]) -> list[int]:
    """The place of each id in an order."""
    places = [0] * len(order)
    for place, id in enumerate(order):
        places[id] = place
    return places


def _refusing(graph: Graph) -> Iterator[int]:
    """The nodes that may find out while they run that there is no value for them. Indices are none
    that are fed, which engines look at first of all, and in the reverse sweep none that an op of
    the forward sweep looks for along as many elements."""
    fed = {id for id in graph.inputs if graph.nodes[id].type.dtype.is_integer}
    met: set[tuple[object, ...]] = set()
    for node in graph.nodes:
        if node.op.refuses is None or node.operands[-1] in fed:
            continue
        if node.op.refuses == "matrix":
            yield node.id
            continue
        looked_for = (node.op.refuses, node.operands[-1], _size_indexed(graph, node))
        if node.sweep != "reverse" or looked_for not in met:
            yield node.id
        met.add(looked_for)


def _size_indexed(graph: Graph, node: Node) -> Size:
    """How many elements there are along the axis that indices count."""
    axis = node.op.attributes.get("axis")
    if axis is None:
        return node.type.shape[-1]
    counted = node if axis.counts == "result" else graph.nodes[node.operands[0]]
    at: int = node.attributes()["axis"]
    return counted.type.shape[at]


def _last_reads(graph: Graph, when: Sequence[int], copies: Collection[int]) -> list[int]:
    """For each node when it, or a view of it, is read last; the end for results."""
    nodes = graph.nodes
    last = list(when)
    for node in nodes:
        for operand in node.operands:
            last[operand] = max(last[operand], when[node.id])
    for result in graph.results:
        last[result.node] = len(nodes)
    for node in reversed(nodes):
        if node.op.view and node.operands and node.id not in copies:
            base = node.operands[0]
            last[base] = max(last[base], last[node.id])
    return last
