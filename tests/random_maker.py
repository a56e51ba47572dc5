"""`Maker`, which writes one random program for `random_graphs`, statement by statement.

Each expression is a `Term` that knows its shape, so that every program is well-typed, and its
typical size, so that values stay tame: what would grow is scaled down.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Size = int | str
Shape = tuple[Size, ...]
Array = npt.NDArray[np.float64]
TALL = 2.0
"""What a term's typical size may be; beyond it the term is scaled."""


@dataclass(frozen=True, slots=True)
class Term:
    """An expression of floats: its text, its shape (sizes or symbols), how large it is."""

    text: str
    shape: Shape
    size: float = 1.0

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return len(self.shape)


@dataclass(frozen=True, slots=True)
class Generated:
    """A program without derivatives, and what it is fed."""

    seed: int
    text: str
    leaves: dict[str, Array]
    """Inputs and parameters, with their values; parameters stand in the text too."""
    directions: dict[str, Array]
    """An array of each leaf's shape, for products with the Hessian."""
    shapes: dict[str, str]
    """Each leaf's sizes as the text has them."""
    inputs: tuple[str, ...]
    """The leaves that are fed."""


class Maker:
    """Writes one program, statement by statement."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.sizes = {"N": self.rng.choice((2, 3))}
        self.lines: list[str] = []
        self.pool: list[Term] = []
        self.unread: dict[str, None] = {}
        self.leaves: dict[str, Array] = {}
        self.inputs: list[str] = []
        self.shapes: dict[str, str] = {}
        self.fresh = 0
        self.ops = 0

    def name(self, letter: str = "h") -> str:
        """A name that is not used yet."""
        self.fresh += 1
        return f"{letter}{self.fresh}"

    def number(self, low: float, high: float) -> str:
        """A number with few digits."""
        return f"{self.rng.uniform(low, high):.3g}"

    def pick(self, fits: Callable[[Term], bool] = lambda term: True) -> Term | None:
        """A term of the pool that fits, recent ones more likely; it counts as read."""
        fitting = [term for term in self.pool if fits(term)]
        if not fitting:
            return None
        recent = fitting[-4:] if self.rng.random() < 0.7 else fitting
        chosen = self.rng.choice(recent)
        self.unread.pop(chosen.text, None)
        return chosen

    def count(self, shape: Shape) -> int:
        """How many elements a shape has."""
        return int(np.prod([self.known(size) for size in shape], dtype=np.int64))

    def known(self, size: Size) -> int:
        """The number that a size stands for."""
        return self.sizes[size] if isinstance(size, str) else size

    def draw(self, shape: Shape) -> Array:
        """Numbers of the shape, between -2 and 2."""
        values = [self.rng.uniform(-2, 2) for _ in range(self.count(shape))]
        return np.array(values).reshape([self.known(size) for size in shape])

    def leaf(self) -> None:
        """Declare an input, or a parameter given by its numbers."""
        rank = self.rng.choice((0, 1, 2, 2, 2, 3))
        shape: Shape = tuple(self.rng.choice((2, 3)) for _ in range(rank))
        if rank and self.rng.random() < 0.25:
            at = self.rng.randrange(rank)
            shape = (*shape[:at], 1, *shape[at + 1 :])
        is_param = self.rng.random() < 0.4 and 0 < rank < 3
        if not is_param and rank and self.rng.random() < 0.3:
            shape = ("N", *shape[1:])
        name = self.name("W" if is_param else "x")
        self.leaves[name] = self.draw(shape)
        self.shapes[name] = written(shape)
        if is_param:
            self.lines.append(f"param {name} = {_literal(self.leaves[name].tolist())}")
        else:
            self.inputs.append(name)
            self.lines.append(f"input {name}: {written(shape)}" if shape else f"input {name}")
        self.pool.append(Term(name, shape))
        self.unread[name] = None

    def bind(self, term: Term) -> None:
        """A statement: the term under a new name, scaled where it is large."""
        text, size = term.text, term.size
        if size > TALL:
            text, size = f"{1 / size:.3g} * ({text})", 1.0
        name = self.name()
        self.ops += count_ops(text)
        self.lines.append(f"{name} = {text}")
        self.pool.append(Term(name, term.shape, size))
        self.unread[name] = None

    def close(self) -> None:
        """The loss: a mean of the last term, and of some that nothing has read."""
        names = list(self.unread)[-3 if self.ops < 25 else -1 :]
        shown = [t for t in self.pool if t.text in names and self.count(t.shape)]
        if not shown:
            shown = [next(t for t in reversed(self.pool) if self.count(t.shape))]
        parts = [
            f"mean({self.number(0.5, 2)} * {t.text} * sin({t.text} + {self.number(0, 1)}))"
            for t in shown
        ]
        self.lines.append(f"loss J = {' + '.join(parts)}")

    def finished(self) -> Generated:
        """The program, and directions for the products with its Hessian."""
        dims = ["dim N"] if any("N" in shape for shape in self.shapes.values()) else []
        directions = {
            name: np.array([self.rng.uniform(-1, 1) for _ in range(x.size)]).reshape(x.shape)
            for name, x in self.leaves.items()
        }
        text = "\n".join([*dims, *self.lines]) + "\n"
        inputs = tuple(self.inputs)
        return Generated(self.seed, text, self.leaves, directions, self.shapes, inputs)


def count_ops(text: str) -> int:
    """About how many ops an expression has: calls, signs and indices."""
    return len(re.findall(r"\w\(| [-+*/@<>]=? |\^|[\w)]\[|\.T|-\w", text))


def written(shape: Shape) -> str:
    """A shape as the text has it."""
    return f"[{', '.join(map(str, shape))}]"


def _literal(values: object) -> str:
    if isinstance(values, list):
        return f"[{', '.join(map(_literal, values))}]"
    return repr(values)
