"""Elementwise ops, reductions and what runs along an axis, for `random_graphs`: each function
makes a term of others, or None if none fit.

Arguments that an op wants in some range are brought there within the term: a logarithm is that of
`1.5 + x^2`. No term has a singular derivative, and kinks are met with probability 0.
"""

from __future__ import annotations

from collections.abc import Callable

from random_maker import Maker, Shape, Size, Term, written

MakeTerm = Callable[[Maker], Term | None]

UNARY = {
    "sin({x})": 0.7,
    "cos({x})": 0.7,
    "tanh({x})": 0.6,
    "sigmoid({x})": 0.6,
    "erf({x})": 0.6,
    "erfc({x})": 1.0,
    "normal_cdf({x})": 0.6,
    "atan({x})": 0.8,
    "softplus({x})": 1.2,
    "silu({x})": 0.8,
    "gelu({x})": 0.8,
    "gelu({x}, exact = true)": 0.8,
    "mish({x})": 0.8,
    "softsign({x})": 0.5,
    "relu({x})": 0.7,
    "leaky_relu({x}, slope = 0.2)": 0.8,
    "elu({x}, alpha = 0.7)": 0.8,
    "selu({x})": 1.2,
    "relu6({x})": 0.7,
    "hard_tanh({x})": 0.7,
    "hard_sigmoid({x})": 0.6,
    "abs({x})": 1.0,
    "square({x})": 1.5,
    "exp(0.4 * {x})": 1.5,
    "expm1(0.4 * {x})": 1.0,
    "exp2(0.5 * {x})": 1.5,
    "2^(0.3 * {x})": 1.3,
    "ln(1.5 + {x}^2)": 1.0,
    "log1p({x}^2)": 1.0,
    "log2(1.25 + {x}^2)": 1.5,
    "log10(2 + {x}^2)": 0.5,
    "sqrt({x}^2 + 0.5)": 1.3,
    "cbrt({x}^2 + 1)": 1.3,
    "rsqrt({x}^2 + 0.5)": 1.0,
    "reciprocal(1 + {x}^2)": 0.6,
    "({x}^2 + 0.5)^1.5": 3.0,
    "{x}^3": 3.0,
    "asin(0.7 * tanh({x}))": 0.6,
    "acos(0.7 * sin({x}))": 1.6,
    "asinh({x})": 0.8,
    "acosh({x}^2 + 1.5)": 1.4,
    "atanh(0.6 * sin({x}))": 0.6,
    "sinh(0.5 * {x})": 0.7,
    "cosh(0.5 * {x})": 1.3,
    "tan(0.6 * sin({x}))": 0.6,
    "erfinv(0.7 * sin({x}))": 0.6,
    "lgamma({x}^2 + 1)": 0.6,
    "digamma({x}^2 + 1)": 0.8,
    "polygamma({x}^2 + 1, n = 2)": 0.8,
    "-{x}": 1.0,
    "identity({x})": 1.0,
    "stop_gradient({x}) * {x}": 1.2,
    "sign({x}) * {x}": 1.0,
    "step({x}) * {x}": 0.7,
    "floor({x}) + {x}": 1.5,
    "ceil({x}) * {x}": 1.5,
    "round({x}) - {x}": 0.5,
    "trunc({x}) * {x}": 1.2,
    "mod({x}, 1.7)": 1.0,
    "clip({x}, -0.8, 1.1)": 0.8,
    "cast({x} > 0.3, float) * {x}": 0.7,
    "where(isfinite({x}), {x}, 0)": 1.0,
    "where({x} > 0 and not {x} > 1, {x}, 0.5 * {x}^2)": 1.0,
}
BINARY = {
    "{x} + {y}": 1.4,
    "{x} - {y}": 1.4,
    "{x} * {y}": 1.3,
    "{x} / (1.5 + {y}^2)": 0.7,
    "maximum({x}, {y})": 1.2,
    "minimum({x}, {y})": 1.2,
    "atan2({x}, {y}^2 + 0.5)": 0.9,
    "({x}^2 + 0.5)^(0.5 * {y})": 1.4,
    "mod({x}, {y}^2 + 1)": 1.0,
    "where({x} > {y}, {x}, 0.3 * {y})": 1.1,
    "where({x} <= 0.2 or {y} >= 0.4, sin({x}), {y})": 1.0,
    "clip({x}, -1 - {y}^2, {y}^2)": 1.0,
    "sigmoid({x}) * {y}": 0.7,
}
ROWS = {
    "softmax({x}, axis = {a})": 0.5,
    "log_softmax({x}, axis = {a})": 1.5,
    "cumsum({x}, axis = {a})": 1.6,
    "cumsum({x}, axis = {a}, reverse = true)": 1.6,
    "cumprod({x}, axis = {a})": 1.3,
    "cumprod({x}, axis = {a}, reverse = true)": 1.3,
    "recurrence(0.5 * {x}, sin({x}), axis = {a})": 1.2,
    "sort({x}, axis = {a})": 1.0,
    "sort({x}, axis = {a}, descending = true)": 1.0,
    "take_along_axis({x}, argsort({x}, axis = {a}), axis = {a})": 1.0,
    "roll({x}, 1, axis = {a})": 1.0,
    "flip({x}, axis = {a})": 1.0,
    "{x} - max({x}, axis = {a}, keepdims = true)": 1.5,
    "{x} / (1 + norm({x}, ord = 1, axis = {a}, keepdims = true))": 0.5,
}
REDUCTIONS = {
    "sum({x}{given})": 1.8,
    "prod({x}{given})": 1.5,
    "mean({x}{given})": 0.7,
    "max({x}{given})": 1.4,
    "min({x}{given})": 1.4,
    "var({x}{given})": 0.8,
    "sqrt(var({x}{given}) + 0.3)": 1.0,
    "logsumexp({x}{given})": 1.8,
    "norm({x}{given}, ord = inf)": 1.4,
    "norm({x}{given}, ord = 1)": 2.0,
    "norm({x}^2 + 0.3{given})": 2.0,
}


def unary(maker: Maker) -> Term | None:
    """A function of each element."""
    x = maker.pick()
    text, size = maker.rng.choice(list(UNARY.items()))
    return x and Term(text.format(x=x.text), x.shape, size * max(x.size, 1))


def binary(maker: Maker) -> Term | None:
    """A function of two, broadcast."""
    x = maker.pick()
    y = x and maker.pick(lambda term: broadcast(x.shape, term.shape) is not None)
    if x is None or y is None:
        return None
    shape = broadcast(x.shape, y.shape)
    text, size = maker.rng.choice(list(BINARY.items()))
    if maker.rng.random() < 0.5:
        x, y = y, x
    assert shape is not None
    return Term(text.format(x=x.text, y=y.text), shape, size * max(x.size, y.size, 1))


def broadcast(a: Shape, b: Shape) -> Shape | None:
    """The shape of an elementwise result; a symbol never counts as 1."""
    joined: list[Size] = []
    for i in range(1, max(len(a), len(b)) + 1):
        left, right = (s[-i] if i <= len(s) else 1 for s in (a, b))
        if left != right and left != 1 and right != 1:
            return None
        joined.insert(0, right if left == 1 else left)
    return tuple(joined)


def along(maker: Maker) -> Term | None:
    """What runs, sorts or turns along an axis."""
    x = maker.pick(lambda term: term.rank > 0 and maker.count(term.shape) > 0)
    if x is None:
        return None
    axis = maker.rng.randrange(-x.rank, x.rank)
    text, size = maker.rng.choice(list(ROWS.items()))
    return Term(text.format(x=x.text, a=axis), x.shape, size * max(x.size, 1))


def ramp(maker: Maker) -> Term | None:
    """A standard deviation of numbers that are not equal."""
    x = maker.pick(lambda term: term.rank > 0 and term.shape[-1] in ("N", 2, 3, 4))
    if x is None or not maker.count(x.shape):
        return None
    spread = f"std({x.text} + 3 * arange(size({x.text}, -1)), axis = -1, correction = 1)"
    return Term(spread, x.shape[:-1], 3.0)


def reduction(maker: Maker) -> Term | None:
    """A reduction over one axis, several or all."""
    x = maker.pick()
    if x is None:
        return None
    axes = sorted(maker.rng.sample(range(x.rank), maker.rng.randint(0, x.rank)))
    keep = maker.rng.random() < 0.5
    given = "" if len(axes) == x.rank and maker.rng.random() < 0.5 else _axes(maker, axes, x.rank)
    given += ", keepdims = true" if keep else ""
    shape = tuple(1 if a in axes else n for a, n in enumerate(x.shape) if keep or a not in axes)
    texts = list(REDUCTIONS.items())
    text, size = maker.rng.choice(texts if maker.count(x.shape) else texts[:2])
    return Term(text.format(x=x.text, given=given), shape, size * max(x.size, 1))


def _axes(maker: Maker, axes: list[int], rank: int) -> str:
    if len(axes) == 1:
        return f", axis = {axes[0] - maker.rng.choice((0, rank))}"
    return f", axis = {written(tuple(axes))}"


TERMS: tuple[MakeTerm, ...] = (unary, unary, unary, binary, binary, binary, along, ramp, reduction)
