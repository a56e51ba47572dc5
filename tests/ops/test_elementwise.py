"""Every elementwise op against NumPy in f64, in place, with broadcasting, and its VJP."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphdsl.graph.op import OPS, Op
from graphdsl.graph.types import DType
from ops.harness import SCALARS, apply, apply_in_place, differences, vjp
from ops.references import REFERENCES as FURTHER

F = np.float64


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _gelu(x: Any) -> Any:
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


REFERENCES: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "power": np.power,
    "square": np.square,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "where": np.where,
    "gate": lambda condition, x: np.where(condition, x, 0),
    "identity": lambda x: x,
    "stop_gradient": lambda x: x,
    "copy": lambda x: x,
    "exp": np.exp,
    "expm1": np.expm1,
    "ln": np.log,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": _sigmoid,
    "softplus": lambda x: np.logaddexp(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "silu": lambda x: x * _sigmoid(x),
    "gelu": _gelu,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_not": np.logical_not,
    "gelu_gate": lambda x: (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
    "gated_unit": np.multiply,
    **FURTHER,
}
ELEMENTWISE = [op for op in OPS.values() if op.elementwise]
SHAPES = [((3, 4),), ((3, 4), (4,)), ((3, 1), (1, 4)), ((), (2, 3)), ((0, 4), (1,)), ((700,),)]
SHAPES += [((300, 400),), ((300, 400), (400,))]


def sample(op: Op, dtype: Any, shapes: tuple[tuple[int, ...], ...]) -> list[Any]:
    """Operands drawn from the op's domain; conditions and operands of logic are truth values."""
    rng = np.random.default_rng(0)
    operands = []
    for position, name in enumerate(op.operands):
        shape = shapes[min(position, len(shapes) - 1)]
        low, high = op.domain[min(position, len(op.domain) - 1)]
        drawn = rng.uniform(low, high, shape)
        is_truth = name == "condition" or op.name.startswith("logical")
        operands.append(np.asarray(drawn > 0 if is_truth else drawn.astype(dtype)))
    return operands


def test_every_op_has_a_reference() -> None:
    assert {op.name for op in ELEMENTWISE} == set(REFERENCES)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_kernel(op: Op, dtype: Any) -> None:
    for shapes in SHAPES:
        operands = sample(op, dtype, shapes)
        exact = REFERENCES[op.name](*(x.astype(F) if x.dtype == dtype else x for x in operands))
        found = apply(op, *operands)
        assert found.dtype == (exact.dtype if exact.dtype == bool else dtype)
        digits = 1e-6 if dtype == np.float32 else 1e-14
        np.testing.assert_allclose(found, exact, rtol=digits, atol=digits)


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_kernel_on_arrays_out_of_order(op: Op) -> None:
    operands = sample(op, F, ((30, 40),))
    transposed = [np.asfortranarray(x) for x in operands]
    np.testing.assert_array_equal(apply(op, *transposed), apply(op, *operands))


@pytest.mark.parametrize("op", [op for op in ELEMENTWISE if op.inplace], ids=lambda op: op.name)
def test_in_place_is_the_same(op: Op) -> None:
    for shapes in ((30, 40),), ((3, 4), (4,)), ((4,), (3, 4)):
        operands = sample(op, F, shapes)
        apart = apply(op, *operands)
        for position, x in enumerate(operands):
            if x.shape == apart.shape and x.dtype == apart.dtype:
                there = apply_in_place(op, position, *operands)
                np.testing.assert_array_equal(there, apart)


@pytest.mark.parametrize("op", [op for op in ELEMENTWISE if op.vjp], ids=lambda op: op.name)
def test_vjp(op: Op) -> None:
    assert isinstance(op.vjp, tuple)
    assert len(op.vjp) == len(op.operands)
    for shapes in SHAPES[:4]:
        operands = sample(op, F, shapes)
        y = apply(op, *operands)
        g = np.asarray(np.random.default_rng(1).standard_normal(y.shape))
        for position, rule in enumerate(op.vjp):
            if rule is not None:
                found = vjp(op, position, g, *operands)
                expected = differences(op, position, g, *operands)
                np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("arrays", [False, True])
@pytest.mark.parametrize(
    "op", [op for op in ELEMENTWISE if len(op.operands) > 1], ids=lambda op: op.name
)
def test_untyped_operands(op: Op, arrays: bool) -> None:
    """A number beside a tensor takes its type, as a Python number or as an array without axes."""
    operands = sample(op, np.float32, ((3, 4),))
    for position in range(len(operands)):
        if position == 0 or operands[position].dtype == bool:
            continue
        mixed = list(operands)
        mixed[position] = 1.5
        full = [np.full((3, 4), x, np.float32) if isinstance(x, float) else x for x in mixed]
        found = apply(op, *mixed, weak_arrays=arrays)
        np.testing.assert_allclose(found, apply(op, *full), rtol=1e-7)


@pytest.mark.parametrize("op", [op for op in ELEMENTWISE if op.scalar], ids=lambda op: op.name)
def test_scalar_formula_is_the_kernel(op: Op) -> None:
    operands = [x.item() for x in sample(op, F, ((),))]
    found = apply_weak(op, *operands)
    np.testing.assert_allclose(found, apply(op, *(np.asarray(x) for x in operands)), rtol=1e-14)


SPECIAL = [-math.inf, -1000.0, -2.5, -1.0, -0.0, 0.0, 0.5, 1.0, 2.0, 1000.0, math.inf, math.nan]


@pytest.mark.parametrize("op", [op for op in ELEMENTWISE if op.scalar], ids=lambda op: op.name)
def test_scalar_formula_at_the_edges(op: Op) -> None:
    """Python's functions raise where IEEE has inf or nan; the formulas do not."""
    if "condition" in op.operands or op.name.startswith("logical"):
        return
    second = SPECIAL if len(op.operands) > 1 else [None]
    for a in SPECIAL:
        for b in second:
            operands = [a] if b is None else [a, b]
            if op.name == "power" and operands == [-math.inf, 0.5]:
                continue  # NumPy takes a square root there, which IEEE does not
            found = apply_weak(op, *operands)
            expected = apply(op, *(np.asarray(x) for x in operands))
            message = f"{op}{operands}"
            np.testing.assert_allclose(float(found), float(expected), 1e-12, err_msg=message)


def apply_weak(op: Op, *operands: Any) -> Any:
    """The scalar formula's value."""
    names = dict(zip(op.operands, operands, strict=True))
    assert op.scalar is not None
    return eval(op.scalar.format(**{name: name for name in names}), dict(SCALARS), names)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_far_out(dtype: Any) -> None:
    x = np.array([-1000, -80, 0, 80, 1000, -np.inf, np.inf, np.nan], dtype)
    np.testing.assert_allclose(
        apply("sigmoid", x), [0, _sigmoid(dtype(-80.0)), 0.5, 1, 1, 0, 1, np.nan], rtol=1e-6
    )
    np.testing.assert_allclose(
        apply("softplus", x),
        [0, np.exp(dtype(-80.0)), math.log(2), 80, 1000, 0, np.inf, np.nan],
        rtol=1e-6,
    )
    np.testing.assert_array_equal(apply("relu", x), [0, 0, 0, 80, 1000, 0, np.inf, np.nan])


@pytest.mark.parametrize("size", [5, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.bool_])
def test_where_takes_bits_as_they_are(dtype: Any, size: int) -> None:
    rng = np.random.default_rng(0)
    condition = rng.random(size) > 0.5
    if np.issubdtype(dtype, np.floating):
        a = rng.choice(np.array([np.nan, -0.0, np.inf, 1.5, -np.inf], dtype), size)
    else:
        a = rng.integers(0, 2, size).astype(dtype)
    b = a[::-1].copy()
    found = apply("where", condition, a, b)
    assert found.tobytes() == np.where(condition, a, b).tobytes()
    gated = apply("gate", condition, a)
    assert gated.tobytes() == np.where(condition, a, dtype(0)).tobytes()


def test_where_broadcasts_its_condition() -> None:
    x = np.arange(2000.0).reshape(40, 50)
    condition = x[:, :1] > 700
    np.testing.assert_array_equal(apply("where", condition, x, 0.0), np.where(condition, x, 0))
    for chosen in (True, np.asarray(True)):
        for arrays in (False, True):
            found = apply("where", chosen, x, x[:1], weak_arrays=arrays)
            np.testing.assert_array_equal(found, x)


def test_gradients_at_kinks() -> None:
    zero, one = np.zeros(1), np.ones(1)
    assert vjp(OPS["relu"], 0, one, zero) == 0
    assert vjp(OPS["abs"], 0, one, zero) == 0
    assert vjp(OPS["maximum"], 0, one, zero, zero) == 1
    assert vjp(OPS["maximum"], 1, one, zero, zero) == 0
    assert vjp(OPS["minimum"], 0, one, zero, zero) == 1
    assert vjp(OPS["minimum"], 1, one, zero, zero) == 0


def test_power_at_zero() -> None:
    zero, one = np.zeros(1), np.ones(1)
    assert vjp(OPS["power"], 0, one, zero, zero) == 0
    assert vjp(OPS["power"], 0, one, zero, 2 * one) == 0
    assert vjp(OPS["power"], 1, one, zero, 2 * one) == 0


@pytest.mark.parametrize("source", ["f4", "f8", "i4", "i8", "?"])
@pytest.mark.parametrize("target", ["f32", "f64", "i32", "i64", "bool"])
def test_cast(source: str, target: str) -> None:
    x = np.array([0, 1, 2.7, -2.7] if source[0] == "f" else [0, 1, 2, 3]).astype(source)
    found = apply("cast", x, dtype=DType[target])
    np.testing.assert_array_equal(found, x.astype(DType[target].numpy))
    assert apply("cast", 2.7, dtype=DType[target]).dtype == DType[target].numpy


def test_types_of_results() -> None:
    i, b = np.array([1, 2, 3]), np.array([True, False, True])
    assert apply("add", i, b).dtype == np.int64
    assert apply("add", b, b).tolist() == [2, 0, 2]
    assert apply("div", i, 2).tolist() == [0.5, 1.0, 1.5]
    assert apply("div", i, i).dtype == np.float32
    assert apply("power", i, -1).tolist() == pytest.approx([1, 0.5, 1 / 3])
    assert apply("equal", b, b).dtype == bool
    assert apply("sqrt", i).dtype == np.float32
    assert apply("neg", b).tolist() == [-1, 0, -1]
    assert apply("less", i, 2.5).tolist() == [True, True, False]
