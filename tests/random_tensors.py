"""Shapes, indices, products and layers for `random_graphs`, made as in `random_terms`."""

from __future__ import annotations

from random_maker import Maker, Shape, Term, written
from random_terms import MakeTerm, broadcast


def _fixed(maker: Maker, rank: int = 1) -> Term | None:
    """A term of that rank or more, whose sizes are all numbers and none is 0."""
    return maker.pick(lambda t: t.rank >= rank and all(isinstance(n, int) and n for n in t.shape))


def _full(maker: Maker, rank: int = 1) -> Term | None:
    return maker.pick(lambda t: t.rank >= rank and maker.count(t.shape) > 0)


def arrangement(maker: Maker) -> Term | None:
    """The same elements in another shape or order, or repeated."""
    x = maker.pick(lambda term: term.rank > 0)
    if x is None:
        return None
    s, n = x.shape, x.rank
    order = maker.rng.sample(range(n), n)
    at = maker.rng.randint(0, n)
    made: list[tuple[str, Shape]] = [
        (f"transpose({x.text}, axes = {order})", tuple(s[a] for a in order)),
        (f"expand({x.text}, axis = {at})", (*s[:at], 1, *s[at:])),
        (f"broadcast_to({x.text}, {written((2, *s))})", (2, *s)),
        (f"roll({x.text}, -1, axis = 0)", s),
        (f"flip({x.text})", s),
        (f"{x.text}[::-1]", s),
        (f"tile({x.text}, {written((2,) + (1,) * n)})", (2, *s)),
    ]
    if n > 1:
        made += [(f"{x.text}.T", (*s[:-2], s[-1], s[-2])), (f"tril({x.text})", s)]
        made += [(f"triu({x.text}, diagonal = 1)", s)]
    if 1 in s:
        a = s.index(1)
        made += [(f"squeeze({x.text}, axis = {a})", (*s[:a], *s[a + 1 :]))]
    if n > 1 and s[-1] == s[-2]:
        made += [(f"diagonal({x.text})", s[:-1]), (f"trace({x.text})", s[:-2])]
    if n == 1:
        made += [(f"diag({x.text})", (*s, *s)), (f"from_diagonal({x.text})", (*s, *s))]
    text, shape = maker.rng.choice(made)
    return Term(text, shape, x.size)


def part(maker: Maker) -> Term | None:
    """Some of the elements, or more places: indices, slices, gathers, padding, reshaping."""
    x = _fixed(maker)
    if x is None:
        return None
    s = tuple(n for n in x.shape if isinstance(n, int))
    first, rest, t, rng = s[0], s[1:], x.text, maker.rng
    places = [rng.randrange(first) for _ in range(3)]
    count = maker.count(s)
    made: list[tuple[str, Shape]] = [
        (f"{t}[{rng.randrange(-first, first)}]", rest),
        (f"{t}[..., {rng.randrange(s[-1])}]", s[:-1]),
        (f"{t}[1:]", (first - 1, *rest)),
        (f"{t}[:-1]", (first - 1, *rest)),
        (f"{t}[::2]", ((first + 1) // 2, *rest)),
        (f"{t}[0:0]", (0, *rest)),
        (f"{t}[{written(tuple(places))}]", (3, *rest)),
        (f"gather({t}, [{places[0]}, {places[1]}], axis = 0)", (2, *rest)),
        (f"topk({t}, {first}, axis = 0)", s),
        (f"topk({t}, 1, axis = -1)", (*s[:-1], 1)),
        (f"take_along({t}, argmax({t}, axis = 0), axis = 0)", rest),
        (f"scatter_add({t}, argsort({t}{_column(len(s))}), size = {first})", s),
        (f"pad({t}, before = 1, after = 1, axis = 0, value = 0.3)", (first + 2, *rest)),
        (f"repeat_elements({t}, 2, axis = 0)", (2 * first, *rest)),
        (f"reshape({t}, [-1])", (count,)),
        (f"reshape({t}, {written((s[-1], count // s[-1]))})", (s[-1], count // s[-1])),
        (f"split({t}, {first}, {places[0]}, axis = 0)", (1, *rest)),
    ]
    text, shape = rng.choice(made)
    return Term(text, shape, x.size)


def _column(rank: int) -> str:
    """The index of a vector along the first axis."""
    return f"[:{', 0' * (rank - 1)}]" if rank > 1 else ""


def joined(maker: Maker) -> Term | None:
    """Two terms one after another, or several side by side."""
    x = maker.pick(lambda t: t.rank > 0 and all(isinstance(n, int) for n in t.shape))
    if x is None:
        return None
    a = maker.rng.randrange(x.rank)
    s = x.shape

    def fits(term: Term) -> bool:
        t = term.shape
        return len(t) == len(s) and isinstance(t[a], int) and (t[:a], t[a + 1 :]) == rest

    rest = (s[:a], s[a + 1 :])
    y = maker.pick(fits)
    assert y is not None
    if y.shape == s and maker.rng.random() < 0.4:
        at = maker.rng.randint(0, x.rank)
        text = f"stack({x.text}, sin({y.text}), {x.text}, axis = {at})"
        return Term(text, (*s[:at], 3, *s[at:]), max(x.size, y.size))
    total = maker.known(s[a]) + maker.known(y.shape[a])
    text = f"concat({x.text}, {y.text}, axis = {a - maker.rng.choice((0, x.rank))})"
    return Term(text, (*s[:a], total, *s[a + 1 :]), max(x.size, y.size))


def matrix_product(maker: Maker) -> Term | None:
    """A product of matrices, of batches of them, or of vectors."""
    x = maker.pick(lambda t: t.rank > 0)
    if x is None:
        return None
    inner = x.shape[-1]
    y = maker.pick(lambda t: t.rank > 0 and t.shape[-2:][0] == inner and t.rank < 4)
    if y is None or (x.rank > 2 and y.rank > 2):
        y = x
        right, shape = f"{x.text}.T" if x.rank > 1 else x.text, (*x.shape[:-1], x.shape[-2:][0])
        return Term(f"{x.text} @ {right}", shape if x.rank > 1 else (), x.size**2 * 1.5)
    batch = x.shape[:-2] if x.rank > 2 else y.shape[:-2]
    shape = (*batch, *x.shape[-2:-1], *(y.shape[-1:] if y.rank > 1 else ()))
    return Term(f"{x.text} @ {y.text}", shape, x.size * y.size * 1.5)


def summed(maker: Maker) -> Term | None:
    """Sums by an equation, and inner and outer products."""
    x = maker.pick(lambda t: 0 < t.rank < 3)
    y = x and maker.pick(lambda t: t.rank == 2 and t.shape[0] == x.shape[-1])
    if x is None:
        return None
    size = x.size**2 * 1.5
    if x.rank == 1:
        made: list[tuple[str, Shape]] = [
            (f"outer({x.text}, {x.text})", (*x.shape, *x.shape)),
            (f"dot({x.text}, {x.text})", ()),
            (f"vdot({x.text}, {x.text})", ()),
            (f'einsum("i,j,i->ij", {x.text}, {x.text}, {x.text})', (*x.shape, *x.shape)),
        ]
        if y is not None:
            made += [(f'einsum("i,ij,i->j", {x.text}, {y.text}, {x.text})', y.shape[1:])]
    else:
        rows, columns = x.shape
        made = [
            (f'einsum("ij,kj->ik", {x.text}, {x.text})', (rows, rows)),
            (f'einsum({x.text}, equation = "ij->ji")', (columns, rows)),
            (f'einsum("ij,ij->j", {x.text}, {x.text})', (columns,)),
            (f'einsum("...j,kj,kl->...l", {x.text}, {x.text}, {x.text})', (rows, columns)),
        ]
        if y is not None:
            made += [(f'einsum({x.text}, {y.text}, equation = "ij,jk->ki")', (y.shape[1], rows))]
    text, shape = maker.rng.choice(made)
    return Term(text, shape, size)


def rows_loss(maker: Maker) -> Term | None:
    """Losses of rows, and distances between distributions."""
    x = _full(maker)
    if x is None:
        return None
    y = maker.pick(lambda t: t.shape == x.shape) or x
    s, t, u = x.shape, x.text, y.text
    made: list[tuple[str, Shape]] = [
        (f"cross_entropy({t}, argmax({u}))", s[:-1]),
        (f"cross_entropy({t}, argmax({u}), smoothing = 0.2)", s[:-1]),
        (f"cross_entropy({t}, softmax({u}))", s[:-1]),
        (f"weighted_cross_entropy({t}, argmax({u}), 1 + {u}{_first_row(y)}^2)", s[:-1]),
        (f"kl_div(softmax({t}), softmax(0.5 * {u}))", s[:-1]),
        (f"mse({t}, cos({u}))", s[:1]),
        (f"{t} * one_hot(argmax({u}), size({u}, -1))", s),
    ]
    text, shape = maker.rng.choice(made)
    return Term(text, shape, max(x.size, y.size) * 1.3)


def _first_row(x: Term) -> str:
    return f"[{', '.join('0' * (x.rank - 1))}]" if x.rank > 1 else ""


def layer(maker: Maker) -> Term | None:
    """Normalisations, convolutions and pooling, of a matrix or of images."""
    x = _fixed(maker, 2)
    if x is None:
        return None
    s, t = x.shape, x.text
    scale = f"(1 + 0.2 * {t}{_first_row(x)})"
    made: list[tuple[str, Shape]] = [
        (f"layer_norm({t}, {scale}, {scale}, eps = 0.1)", s),
        (f"rms_norm({t}, {scale}, eps = 0.1)", s),
        (
            f"batch_norm({t}, mean({t}, axis = 0), var({t}, axis = 0), {scale}, {scale}, "
            "axis = -1, eps = 0.2)",
            s,
        ),
    ]
    if x.rank == 2:  # the batch norm above needs one number for each channel
        image, (n, m) = f"expand({t}, axis = 1)", s
        assert isinstance(n, int)
        assert isinstance(m, int)
        ones = "(1 + sin(arange(2)))"
        made += [
            (f"group_norm({t}, {scale}, {scale}, groups = {m}, eps = 0.3)", s),
            (f"conv1d({image}, expand({t}, axis = 1), padding = {m})", (n, n, 2 * m + 1)),
            (f"conv1d({image}, {image}[:1], padding = 1, dilation = 1)", (n, 1, 3)),
            (f"conv_transpose1d({image}, {image}[:1], stride = 2)", (n, 1, 3 * m - 2)),
            (f"max_pool1d({image}, 2, stride = 1, padding = 1)", (n, 1, m + 1)),
            (f"avg_pool1d({image}, 2, stride = 1, padding = 1)", (n, 1, m + 1)),
            (f"patches1d({image}, 1, stride = 2)", (n, 1, 1, (m + 1) // 2)),
            (f"{t} * sum({ones})", s),
        ]
    else:
        made = made[:2]
    text, shape = maker.rng.choice(made)
    return Term(text, shape, x.size * 1.5)


def image(maker: Maker) -> Term | None:
    """Convolutions and pooling of planes."""
    x = _fixed(maker, 2)
    if x is None:
        return None
    n, m = (int(size) for size in x.shape[-2:])
    t = f"reshape({x.text}, {written((1, -1, n, m))})"
    channels = maker.count(x.shape) // (n * m)
    plane = (1, channels, n, m)
    w = f"sin(reshape(arange({2 * channels}), {written((2, channels, 1, 1))}))"
    taps = f"cos({t}[:, :, :1, :1])"
    made: list[tuple[str, Shape]] = [
        (f"conv2d({t}, {w}, padding = 1)", (1, 2, n + 2, m + 2)),
        (f"conv2d({t}, {taps}, stride = 2)", (1, 1, (n + 1) // 2, (m + 1) // 2)),
        (f"conv2d({t}, transpose({taps}, axes = [1, 0, 2, 3]), groups = {channels})", plane),
        (f"conv_transpose2d({t}, transpose({w}, axes = [1, 0, 2, 3]))", (1, 2, n, m)),
        (f"max_pool2d({t}, 2, stride = 1, padding = 1)", (1, channels, n + 1, m + 1)),
        (f"avg_pool2d({t}, [1, 2], stride = 1, padding = [0, 1])", (1, channels, n, m + 1)),
    ]
    text, shape = maker.rng.choice(made)
    return Term(text, shape, x.size * 1.3)


def system(maker: Maker) -> Term | None:
    """Factors, inverses and determinants of matrices that are well conditioned."""
    x = maker.pick(lambda t: t.rank > 1 and isinstance(t.shape[-2], int) and 0 < t.shape[-2] < 4)
    if x is None or not maker.count(x.shape):
        return None
    n, batch = x.shape[-2], x.shape[:-2]
    a = f"(0.3 * sin({x.text} @ {x.text}.T) + 2 * eye({n}))"
    made: list[tuple[str, Shape]] = [
        (f"solve({a}, {x.text})", x.shape),
        (f"triangular_solve({a}, {x.text})", x.shape),
        (f"triangular_solve({a}, {x.text}, lower = false)", x.shape),
        (f"inv{a}", (*batch, n, n)),
        (f"0.2 * det{a}", batch),
        (f"logdet{a}", batch),
        (f"0.5 * cofactor{a}", (*batch, n, n)),
        (f"cholesky(0.2 * {x.text} @ {x.text}.T + 2 * eye({n}))", (*batch, n, n)),
    ]
    text, shape = maker.rng.choice(made)
    return Term(text, shape, max(x.size, 1.2))


def mixed(maker: Maker) -> Term | None:
    """Integers and sizes beside floats."""
    x = maker.pick(lambda t: t.rank > 0)
    if x is None:
        return None
    made = [
        f"{x.text} * size({x.text}, -1) / (1 + size({x.text}, 0))",
        f"{x.text} + 0.2 * arange(size({x.text}, -1))",
        f"{x.text} * ones([size({x.text}, -1)]) + zeros([1])",
        f"{x.text} + full(0.4, [size({x.text}, -1)])",
        f"{x.text} * cast({x.text} > 0, i64)",
        f"where(arange(size({x.text}, -1)) > 0, {x.text}, -{x.text})",
    ]
    assert broadcast(x.shape, x.shape[-1:]) == x.shape
    return Term(maker.rng.choice(made), x.shape, x.size * 1.3)


TENSOR_TERMS: tuple[MakeTerm, ...] = (
    arrangement,
    part,
    joined,
    matrix_product,
    summed,
    rows_loss,
    layer,
    image,
    system,
    mixed,
)
