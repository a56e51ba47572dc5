"""Compiled ops beside NumPy's: elements, shapes, reductions, products, indices."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
import graphdsl.ops  # declares them
from engines.both import Array, check_same, run_both
from graphdsl.graph.op import OPS, Op
from graphdsl.graph.types import DType

pytest.importorskip("numba")


# --- ops element by element ----------------------------------------------------------------------

EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 1e-30, -1e-30, 50.0, -50.0, 1e30, -1e30)
BEYOND = (np.inf, -np.inf, np.nan)


def sampled(op: Op, position: int, dtype: str) -> Array:
    """Where an operand of an op is tried: in its domain, at its edges, and beyond."""
    low, high = op.domain[min(position, len(op.domain) - 1)]
    inside = np.random.default_rng(position).uniform(low, high, 4000)
    turns = [EDGES, BEYOND] if position == 0 else [EDGES[::-1], BEYOND]
    kind = np.float32 if dtype == "f32" else np.float64
    return np.concatenate([inside, *map(np.array, turns)]).astype(kind)


FLOATS = [
    op
    for op in OPS.values()
    if op.elementwise and op.public and op.kernel and op.promotion in ("number", "float", "same")
]


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_elementwise_ops(dtype: str) -> None:
    lines, feeds = ["dim N"], {}
    for op in FLOATS:
        names = [f"{op.name}_{operand}" for operand in op.operands]
        lines += [f"input {name}: [N]" for name in names]
        lines.append(f"output r_{op.name} = {op.name}({', '.join(names)})")
        feeds |= {name: sampled(op, place, dtype) for place, name in enumerate(names)}
    expected, found = run_both("\n".join(lines), dtype, **feeds)
    for op in FLOATS:
        check_elements(op, expected[f"r_{op.name}"], found[f"r_{op.name}"])


def check_elements(op: Op, expected: Array, found: Array) -> None:
    """Within a few units in the last place of each element; what is not finite is the same.

    In f64 an exponential may be off by what its argument was rounded by.
    """
    assert found.dtype == expected.dtype, op.name
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected, err_msg=op.name)
        return
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite], err_msg=op.name)
    wanted = expected[finite]
    place = np.spacing(np.maximum(np.abs(wanted), np.finfo(expected.dtype).tiny))
    apart = np.abs(found[finite] - wanted) / place
    allowed = 5 if expected.dtype == np.float32 else 20
    assert apart.max(initial=0) <= allowed, (op.name, apart.max())


def test_truth_values_and_integers() -> None:
    text = """
    dim N
    input a: i64[N]
    input b: i64[N]
    input p: bool[N]
    input x: [N]
    output sums = a + b * 3 - 2
    output rest = mod(a, b)
    output size = abs(a) + sign(b)
    output big = maximum(a, b)
    output logic = (a > b and p) or not (a == b)
    output chosen = where(p, a, b)
    output mixed = where(a > 2, x, 0.5) + cast(p, float)
    output whole = cast(x * 3, i32) + 1
    output quotient = a / 4
    output many = sum(cast(p, i32))
    output most = max(a)
    output truth = cast(x, bool)
    """
    rng = np.random.default_rng(1)
    a, b = rng.integers(-9, 9, (2, 50))
    x = rng.normal(size=50)
    x[3] = 0
    check_same(text, a=a, b=b, p=rng.random(50) < 0.5, x=x)


# --- shapes --------------------------------------------------------------------------------------


def test_broadcasting() -> None:
    text = """
    dim N
    input x: [N, 4, 5]
    input row: [5]
    input column: [4, 1]
    input one: [1]
    input s
    output a = x + row * column - one
    output b = relu(x * s) + column
    output c = x[:, 1:3] * row + s
    output d = transpose(x, axes = [2, 0, 1]) + 1
    output e = exp(x.T) * row[0]
    output f = broadcast_to(column, [4, 5]) + full(s, [4, 5])
    output g = reshape(x.T, [N * 5, 4]) + 1
    """
    rng = np.random.default_rng(2)
    shapes = {"x": (3, 4, 5), "row": (5,), "column": (4, 1), "one": (1,), "s": ()}
    check_same(text, **{name: rng.normal(size=shape) for name, shape in shapes.items()})


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_reductions(dtype: str) -> None:
    axes = ("0", "1", "2", "[0, 1]", "[1, 2]", "[0, 2]", "[0, 1, 2]")
    lines = ["dim N", "input x: [N, 6, 7]"]
    for number, axis in enumerate(axes):
        for op in ("sum", "mean", "max", "min"):
            for keep in ("true", "false"):
                name = f"{op}_{number}_{keep}"
                call = f"{op}(exp(x), axis = {axis}, keepdims = {keep})"
                lines.append(f"output {name} = {call} + 1")
    lines += ["output p = softmax(x)", "output q = logsumexp(x, axis = 1)"]
    lines += ["output d = vdot(x, x * 2)", "output v = x @ x[0, 0]"]
    x = np.random.default_rng(3).normal(size=(5, 6, 7))
    check_same("\n".join(lines), dtype, x=x, ulps=8)


def test_largest_keeps_nan() -> None:
    x = np.random.default_rng(4).normal(size=(6, 40))
    x[2, 17], x[3, 0], x[4, 39] = np.nan, -np.inf, np.inf
    text = "dim N\ninput x: [N, 40]\noutput y = max(x, axis = 1)\noutput z = min(x + 0, axis = 1)"
    check_same(text, x=x)


PRODUCTS = [
    ("[N, 5]", "[5, 7]"),
    ("[N, 70]", "[70, 130]"),
    ("[N, 300]", "[300, 20]"),
    ("[300]", "[300, 11]"),
    ("[N, 33]", "[33]"),
    ("[33]", "[33]"),
    ("[N, 4, 9]", "[9, 6]"),
    ("[N, 1, 4, 9]", "[3, 9, 6]"),
]


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_products(dtype: str) -> None:
    lines, feeds = ["dim N"], {}
    rng = np.random.default_rng(5)
    for number, shapes in enumerate(PRODUCTS):
        for name, shape in zip(("a", "b"), shapes, strict=True):
            lines.append(f"input {name}{number}: {shape}")
            sizes = [int(size) for size in shape.strip("[]").replace("N", "65").split(",")]
            feeds[f"{name}{number}"] = rng.normal(size=sizes)
        lines.append(f"output y{number} = a{number} @ b{number}")
    lines += ["output t = a1.T @ a1", "output u = b1 @ b1.T", "output v = b1.T @ a1.T"]
    lines += ["output w = a6 @ transpose(a6, axes = [0, 2, 1])"]
    check_same("\n".join(lines), dtype, ulps=40, **feeds)


@pytest.mark.parametrize("n", [0, 1])
def test_sizes_of_none_and_one(n: int) -> None:
    text = """
    dim N
    input x: [N, 3]
    param W: [3, 2] = 0.5
    h = tanh(x @ W + 1)
    output y = h * 2
    output s = sum(h, axis = 0)
    output total = sum(h)
    output p = softmax(h)
    """
    check_same(text, x=np.ones((n, 3)))


def test_indices() -> None:
    text = """
    dim N
    input x: [N, 6]
    input i: i64[N]
    input j: i64[N, 2]
    param E: [6, 3] ~ normal(0, 1)
    output rows = E[i]
    output more = E[j] + 1
    output picked = take_along(x, i)
    output hot = one_hot(i, 6)
    output slope = grad(sum(E[i]^2) + sum(E[j]), E)
    output J = mean(cross_entropy(x, i))
    """
    rng = np.random.default_rng(6)
    i = rng.integers(0, 6, 20)
    check_same(text, x=rng.normal(size=(20, 6)), i=i, j=rng.integers(0, 6, (20, 2)), ulps=8)


def test_constants_of_zeros_of_both_signs() -> None:
    text = """
    dim N
    input x: [N, 2]
    output both = 1 / (x * [0.0, -0.0])
    output one = 1 / (x * [-0.0, -0.0])
    """
    check_same(text, x=np.array([[1.0, 1.0], [-1.0, 2.0]]))


def test_rows_may_be_counted_from_the_end() -> None:
    text = """
    dim N
    input i: i64[N]
    param E: [6, 3] ~ normal(0, 1)
    output rows = E[i]
    output more = exp(E[maximum(i, 0) - 1]) + 1
    output last = E[[-1, 0, -6]]
    output columns = gather(E, mod(i, 3) - 3, axis = 1)
    output slope = grad(sum(E[i - 2]^2), E)
    """
    i = np.concatenate([np.arange(6), np.arange(-4, 0)])
    check_same(text, i=i, ulps=8)


SUMS = """
dim N
input g: {dtype}[N, 6]
input i: {index}[N]
input j: {index}[N, 6]
output rows = scatter_add(g, i, size = 4)
output columns = scatter_add(g.T, i, size = 4, axis = 1)
output flat = scatter_add(g, j, size = 4)
output deep = scatter_add(stack(g, g, axis = 1), i, size = 4)
output within = scatter_add(stack(g, g), i, size = 4, axis = 1)
output part = scatter_add(g[:, 1:4], i, size = 4)
output one = scatter_add(g, i - i, size = 1)
output fixed = scatter_add(g[:, :3], [2, 0, -1], size = 3, axis = 1)
"""


@pytest.mark.parametrize(
    ("dtype", "index", "rows"),
    [
        ("f32", "i64", 50),
        ("f64", "i32", 50),
        ("i32", "i32", 50),
        ("i64", "i64", 50),
        ("bool", "i64", 50),
        ("f32", "i32", 1),
        ("f32", "i64", 0),
    ],
)
def test_sums_at_places_have_the_bits_of_numpy(dtype: str, index: str, rows: int) -> None:
    """Elements are added in their order, wherever they go, and however often they go there."""
    rng = np.random.default_rng(rows)
    size = 2**30 if dtype[0] == "i" else 2
    g = np.where(rng.random((rows, 6)) < 0.5, 0, rng.uniform(-size, size, (rows, 6)))
    kinds = {name: DType[name].numpy for name in (dtype, index)}
    i, j = (rng.integers(-4, 4, shape).astype(kinds[index]) for shape in (rows, (rows, 6)))
    text = SUMS.format(dtype=dtype, index=index)
    expected, found = run_both(text, g=g.astype(kinds[dtype]), i=i, j=j)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype, name
        assert found[name].tobytes() == value.tobytes(), name


@pytest.mark.parametrize(("bad", "index"), [(4, "i32"), (-5, "i64")])
def test_a_sum_at_a_place_that_is_not_there_is_refused(bad: int, index: str) -> None:
    model = graphdsl.loads(
        f"dim N\ninput x: [N, 6]\ninput i: {index}[N]\noutput y = scatter_add(x, i, size = 4)",
        engine="numba",
    )
    with pytest.raises(graphdsl.DataError, match=rf"E0607.*index {bad} is .* -4 to 3"):
        model.run(x=np.ones((3, 6)), i=np.array([0, bad, 1]))


@pytest.mark.parametrize("bad", [6, -1])
def test_an_index_out_of_range_is_refused(bad: int) -> None:
    model = graphdsl.loads(
        "dim N\ninput x: [N, 6]\ninput i: i64[N]\noutput y = take_along(x + 1, i)", engine="numba"
    )
    with pytest.raises(graphdsl.DataError, match="E0607"):
        model.run(x=np.ones((3, 6)), i=np.array([0, bad, 1]))
