"""Random programs of the language, for tests that run them by two means: `generate(seed)`.

A program is text: inputs, parameters and constants, blocks, `repeat`, and a chain of 5 to 60 ops
with shared subexpressions and many shapes that ends in a scalar loss.
"""

from __future__ import annotations

from random_maker import Generated as Generated
from random_maker import Maker, Shape, Term, count_ops
from random_tensors import TENSOR_TERMS
from random_terms import TERMS, UNARY


def generate(seed: int) -> Generated:
    """The program of a seed."""
    maker = Maker(seed)
    for _ in range(maker.rng.choice((1, 2, 2, 3, 4))):
        maker.leaf()
    makers = (*TERMS, *TENSOR_TERMS, called, repeated)
    wanted = maker.rng.randint(0, 33)
    while maker.ops <= wanted:
        made = maker.rng.choice(makers)(maker)
        if made is not None and made.rank < 5 and maker.count(made.shape) <= 48:
            maker.bind(made)
    maker.close()
    return maker.finished()


def called(maker: Maker) -> Term | None:
    """A call of a block made for it: with a constant by keyword, or with two results."""
    x = maker.pick()
    if x is None:
        return None
    name, inner = maker.name("f"), _unary(maker, "t")
    maker.ops += 4 + count_ops(inner)
    if maker.rng.random() < 0.5:
        maker.lines += [
            f"const {name}k = {maker.number(0.2, 0.9)}",
            f"block {name}(t, k = 0.5, act = tanh) {{",
            f"  u = act({inner})",
            "  return k * u + t",
            "}",
        ]
        return Term(f"{name}({x.text}, k = {name}k / 2, act = sin)", x.shape, x.size + 0.5)
    maker.lines += [f"block {name}(t) {{", f"  return {inner}, cos(t) + 0.1", "}"]
    first, second = maker.name(), maker.name()
    maker.lines.append(f"{first}, {second} = {name}({x.text})")
    return Term(f"{first} * {second}", x.shape, x.size)


def repeated(maker: Maker) -> Term | None:
    """A loop that carries a value and collects one."""
    x = maker.pick()
    if x is None:
        return None
    carried, local, kept = maker.name("o"), maker.name("u"), maker.name("C")
    turns = 1 if maker.ops > 12 else maker.rng.randint(1, 3)
    maker.lines += [
        f"{carried} = 0.5 * {x.text}",
        f"repeat i in 1..{turns} {{",
        f"  {local} = {_unary(maker, carried)}",
        f"  {carried} = 0.5 * tanh({local}) + {carried} / (1 + i)",
        f"  collect {kept} = {carried} * sin({local})",
        "}",
    ]
    maker.ops += 10 * turns
    shape: Shape = (turns, *x.shape)
    return Term(f"{kept} + {carried}", shape, x.size)


def _unary(maker: Maker, name: str) -> str:
    """A function of each element."""
    return maker.rng.choice(list(UNARY)).format(x=name)
