"""Factors moved outward: what a tensor is multiplied by goes from op to op until it has to be paid.

A node comes in, each operand a factor times a core; out goes the node as a factor times a core, the
operands' factors met or gone: √(c·V) is √c times √V, and of k·(a·x) only x takes a kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from math import isfinite

from graphdsl.compiler.rewrite.algebra import number_of
from graphdsl.compiler.rewrite.factors import ONE, Factor, Maker, Scalars
from graphdsl.graph.build import Expr
from graphdsl.graph.graph import Node
from graphdsl.graph.op import OPS, Op


@dataclass(frozen=True, slots=True)
class Scaled:
    """A node of the old graph as a factor times a node of the new one."""

    factor: Factor
    core: Expr


Given = tuple[Scaled, ...]


@dataclass(frozen=True, slots=True)
class Mover:
    """Moves the factors of nodes, which come in order.

    `units` are those of states, by the ids of their leaves: a unit times what is stored. `goals`
    are the factors that nodes are wanted with: the unit of a state for its new value.
    """

    scalars: Scalars
    make: Maker
    units: Mapping[int, Factor]
    goals: Mapping[int, Factor]
    done: dict[int, Scaled] = field(default_factory=dict)
    paid: dict[tuple[int, Factor], Expr] = field(default_factory=dict)

    def visit(self, node: Node, operands: tuple[Expr, ...]) -> Expr:
        """The core of a node; `operands` stand for those that were not visited."""
        pairs = zip(node.operands, operands, strict=True)
        given = tuple(self.done.get(id) or Scaled(ONE, x) for id, x in pairs)
        rule = _rules().get(node.op)
        made = rule(self, node, given) if rule and node.type.dtype.is_float else None
        if made is None or not made.factor.tame:
            made = self.applied(node, *(self.pay(x) for x in given))
        self.done[node.id] = made
        return made.core

    def pay(self, x: Scaled, wanted: Factor = ONE) -> Expr:
        """What `wanted` times gives `x`: a kernel, unless that is its factor."""
        ratio = x.factor / wanted
        if ratio.gone:
            return x.core
        key = (x.core.id, ratio)
        if key not in self.paid:
            self.paid[key] = x.core * self.make.expression(ratio)
        return self.paid[key]

    def applied(self, node: Node, *cores: Expr, factor: Factor = ONE) -> Scaled:
        """The op of a node on other operands, times a factor."""
        made = self.make.builder.apply(node.op, cores, node.attributes())
        if node.name is not None and factor == ONE:
            self.make.builder.nodes[made.id] = replace(made.node, name=node.name)
        return Scaled(factor, made)

    def number(self, node: Node, position: int) -> Factor | None:
        """An operand of a node as a factor, None if it is a tensor."""
        id = node.operands[position]
        return self.scalars.factor(id) if self.scalars.builder.nodes[id].type.weak else None

    def is_positive(self, x: Scaled) -> bool:
        """Whether the factor of `x` can be divided by, and passes roots and signs."""
        return self.scalars.is_positive(x.factor)


Rule = Callable[[Mover, Node, Given], Scaled | None]


@cache
def _rules() -> dict[Op, Rule]:
    """What becomes of factors, by op; a rule gives None where they have to be paid first."""
    table: dict[str, Rule] = {
        "slot": _state,
        "copy": _copy,
        "mul": _multiply,
        "div": _divide,
        "add": _combine,
        "sub": _combine,
        "maximum": _combine,
        "minimum": _combine,
        "neg": _negate,
        "abs": _absolute,
        "sqrt": _root,
        "power": _power,
        "sign": _sign,
    }
    return {OPS[name]: rule for name, rule in table.items()}


def combines(op: Op) -> bool:
    """Whether an op needs its operands in one unit, and gives its result in that."""
    return _rules().get(op) is _combine


def _state(mover: Mover, node: Node, given: Given) -> Scaled:
    """s = u·S, for its unit u."""
    unit = mover.units.get(node.id, ONE)
    attrs = node.attributes() | {"unit": unit.number}
    return Scaled(unit, mover.make.builder.apply(node.op, (), attrs))


def _copy(mover: Mover, node: Node, given: Given) -> Scaled:
    """What is stored is what the state's unit times gives the new value."""
    goal = mover.goals.get(node.id, ONE)
    return mover.applied(node, mover.pay(given[0], goal), factor=goal)


def _multiply(mover: Mover, node: Node, given: Given) -> Scaled:
    """k·(a·x) = ka·x, and (a·x)·(b·y) = ab·(x·y)."""
    x, y = given
    for k, other in ((mover.number(node, 0), y), (mover.number(node, 1), x)):
        if k is not None:
            return Scaled(k * other.factor, other.core)
    return mover.applied(node, x.core, y.core, factor=x.factor * y.factor)


def _divide(mover: Mover, node: Node, given: Given) -> Scaled | None:
    """(a·x) / k = a/k·x, and (a·x) / (b·y) = a/b·(x/y), for b, k > 0."""
    x, y = given
    k = mover.number(node, 1)
    if k is not None:
        return Scaled(x.factor / k, x.core) if mover.scalars.is_positive(k) else None
    if not mover.is_positive(y):
        return None
    return mover.applied(node, x.core, y.core, factor=x.factor / y.factor)


def _combine(mover: Mover, node: Node, given: Given) -> Scaled:
    """a·x + b·y = b·(a/b·x + y), for b > 0: of two factors one is paid."""
    common = _common(mover, node, given)
    numbers = [mover.number(node, position) for position in range(len(given))]
    terms = [
        mover.pay(x, common) if k is None else mover.make.expression(k / common)
        for x, k in zip(given, numbers, strict=True)
    ]
    return mover.applied(node, *terms, factor=common)


def _common(mover: Mover, node: Node, given: Given) -> Factor:
    """The factor to leave to others: the one that is wanted, or that fewest kernels are for."""
    if node.id in mover.goals:
        return mover.goals[node.id]
    tensors = [x for i, x in enumerate(given) if mover.number(node, i) is None]
    if any(x.factor.gone for x in tensors):
        return ONE
    return next((x.factor for x in reversed(tensors) if mover.is_positive(x)), ONE)


def _negate(mover: Mover, node: Node, given: Given) -> Scaled:
    """-(a·x) = a·(-x)."""
    return mover.applied(node, given[0].core, factor=given[0].factor)


def _absolute(mover: Mover, node: Node, given: Given) -> Scaled | None:
    """|a·x| = a·|x|, for a > 0."""
    return _negate(mover, node, given) if mover.is_positive(given[0]) else None


def _root(mover: Mover, node: Node, given: Given) -> Scaled | None:
    """√(a·x) = √a·√x, for a > 0."""
    return _raised(mover, node, given, Fraction(1, 2))


def _power(mover: Mover, node: Node, given: Given) -> Scaled | None:
    """(a·x)^k = a^k·x^k, for a > 0 and a number k."""
    value = number_of(given[1].core)
    if value is None or not isfinite(value):
        return None
    return _raised(mover, node, given, Fraction(value))


def _raised(mover: Mover, node: Node, given: Given, exponent: Fraction) -> Scaled | None:
    x, *rest = given
    if not mover.is_positive(x):
        return None
    return mover.applied(node, x.core, *(y.core for y in rest), factor=x.factor**exponent)


def _sign(mover: Mover, node: Node, given: Given) -> Scaled | None:
    """sign(a·x) = sign(x), for a > 0."""
    return mover.applied(node, given[0].core) if mover.is_positive(given[0]) else None
