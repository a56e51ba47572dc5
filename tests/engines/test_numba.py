"""Compiled programs beside NumPy's: the same values, the same training, the same errors."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import graphdsl
import graphdsl.ops  # declares them
from graphdsl.graph.op import OPS, Op
from graphdsl.graph.types import DType
from random_graphs import generate

pytest.importorskip("numba")

Array = np.ndarray[Any, np.dtype[Any]]
ENGINES = ("numpy", "numba")


def run_both(text: str, dtype: str = "f32", **feeds: Any) -> list[dict[str, Array]]:
    """The results of a text by each engine."""
    return [graphdsl.loads(text, dtype=dtype, engine=engine).run(feeds) for engine in ENGINES]


def check_same(text: str, dtype: str = "f32", *, ulps: float = 4, **feeds: Any) -> None:
    """Both engines give the same, up to rounding relative to the largest element."""
    expected, found = run_both(text, dtype, **feeds)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert_near(found[name], value, ulps, name)


def assert_near(found: Array, expected: Array, ulps: float, name: str) -> None:
    assert found.shape == expected.shape, name
    assert found.dtype == expected.dtype, name
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected, err_msg=name)
        return
    with np.errstate(all="ignore"):
        size = np.abs(expected[np.isfinite(expected)]).max(initial=0)
        allowed = ulps * max(float(np.spacing(size)), 0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=allowed, err_msg=name)


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


@pytest.mark.parametrize("bad", [6, -1])
def test_an_index_out_of_range_is_refused(bad: int) -> None:
    model = graphdsl.loads(
        "dim N\ninput x: [N, 6]\ninput i: i64[N]\noutput y = take_along(x + 1, i)", engine="numba"
    )
    with pytest.raises(graphdsl.DataError, match="E0607"):
        model.run(x=np.ones((3, 6)), i=np.array([0, bad, 1]))


# --- whole models --------------------------------------------------------------------------------

NET = """
dim N
input x: [N, 7]
input y: i64[N]
h = Dense(x, 33, act = gelu)
u = Dense(LayerNorm(h), 20, act = tanh)
z = Dense(Dropout(u, 0.2), 5)
loss J = mean(cross_entropy(z, y)) + 0.01 * l2("*")
metric accuracy = mean(argmax(z) == y)
output p = softmax(z)
train { optimizer = adam(lr = cosine(1e-2, warmup = 3)) }
"""


def batch(rows: int) -> dict[str, Array]:
    rng = np.random.default_rng(7)
    return {"x": rng.normal(size=(rows, 7)), "y": rng.integers(0, 5, rows)}


def test_gradients() -> None:
    models = [graphdsl.loads(NET, dtype="f64", engine=engine, seed=1) for engine in ENGINES]
    (loss, expected), (other, found) = (model.value_and_grad(batch(19)) for model in models)
    assert other == pytest.approx(loss, rel=1e-13)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-10, atol=1e-14, err_msg=name)


def test_gradients_by_finite_differences() -> None:
    model = graphdsl.loads(NET, dtype="f64", engine="numba", seed=1)
    loss, slopes = model.value_and_grad(batch(5))
    for name, slope in slopes.items():
        place = np.unravel_index(np.abs(slope).argmax(), slope.shape)
        kept, ends = model.params[name][place], []
        for step in (1e-6, -1e-6):
            model.params[name][place] = kept + step
            ends.append(float(model.run(batch(5))["J"]))
        model.params[name][place] = kept
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(slope[place], rel=1e-6, abs=1e-9)
    assert float(model.run(batch(5))["J"]) == loss


OPTIMIZERS = ("adam(lr = 1e-2)", "sgd(lr = 0.1)", "momentum(lr = 0.1)", "rmsprop(lr = 1e-2)")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training(optimizer: str) -> None:
    losses = []
    for engine in ENGINES:
        model = graphdsl.loads(
            NET, dtype="f64", engine=engine, seed=1, settings={"optimizer": optimizer}
        )
        trainer = model.trainer()
        losses.append([trainer.step(batch(rows)) for rows in (16, 16, 9, 16)])
        losses[-1] += [float(np.abs(value).sum()) for value in model.params.values()]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-9)


STATES = """
input x: [3]
state a: [3] = 1
state b: [3] = 2
update a = b + 0 * a
update b = a + x
output s = a
output d = b - a
train { epochs = 1 }
"""


def test_updates_read_the_values_before_the_step() -> None:
    for engine in ENGINES:
        model = graphdsl.loads(STATES, engine=engine)
        trainer = model.trainer()
        for _ in range(3):
            trainer.step(x=np.ones(3))
        np.testing.assert_array_equal(model.states["a"], [3, 3, 3])
        np.testing.assert_array_equal(model.states["b"], [3, 3, 3])


@pytest.mark.parametrize("seed", range(6))
def test_random_programs(seed: int) -> None:
    made = generate(seed)
    found = []
    for engine in ENGINES:
        model = graphdsl.loads(made.text, dtype="f64", engine=engine)
        for name, value in made.leaves.items():
            if name in model.params:
                model.params[name][...] = value
        found.append(model.value_and_grad({name: made.leaves[name] for name in made.inputs}))
    (loss, slopes), (other, others) = found
    np.testing.assert_allclose(other, loss, rtol=1e-9)
    for name, slope in slopes.items():
        size = np.abs(slope).max(initial=0)
        np.testing.assert_allclose(others[name], slope, rtol=1e-8, atol=1e-9 * size, err_msg=name)


# --- feeds, threads, and the same bits -----------------------------------------------------------


def test_feeds_of_any_layout() -> None:
    text = "dim N\ninput x: [N, 4]\noutput y = x * 2 + 1"
    model = graphdsl.loads(text, engine="numba")
    x = np.arange(24, dtype=np.float32).reshape(6, 4)
    expected = x * 2 + 1
    frozen = x.copy()
    frozen.flags.writeable = False
    for fed in (x, frozen, np.asfortranarray(x), x.astype(">f4"), x.astype(np.float64), x.tolist()):
        np.testing.assert_array_equal(model.run(x=fed)["y"], expected)
    np.testing.assert_array_equal(frozen, x)


def test_results_are_the_callers() -> None:
    model = graphdsl.loads("input x: [3]\noutput y = x + 1", engine="numba")
    first = model.run(x=np.zeros(3))["y"]
    model.run(x=np.ones(3))
    np.testing.assert_array_equal(first, [1, 1, 1])


WIDE = """
dim N
input x: [N, 300]
input y: i64[N]
h = Dense(x, 400, act = relu)
z = Dense(h, 10)
loss J = mean(cross_entropy(z, y))
train { optimizer = adam(lr = 1e-3) }
"""


def wide_batch() -> Mapping[str, Array]:
    rng = np.random.default_rng(8)
    return {"x": rng.normal(size=(200, 300)), "y": rng.integers(0, 10, 200)}


def train_wide(steps: int = 4) -> tuple[list[float], Array]:
    model = graphdsl.loads(WIDE, engine="numba", seed=3)
    trainer, fed = model.trainer(), wide_batch()
    losses = [trainer.step(fed) for _ in range(steps)]
    return losses, model.session.memory.arrays["param_f32"].copy()


def test_the_same_bits_whatever_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphdsl.engines.numba import crew, engine

    found = []
    for cores in (1, 2, 3):
        monkeypatch.setattr(crew, "count_cores", lambda cores=cores: cores)
        monkeypatch.setattr(engine, "count_cores", lambda cores=cores: cores)
        monkeypatch.setattr(crew, "_crews", [])
        found.append(train_wide())
    for losses, params in found[1:]:
        assert losses == found[0][0]
        np.testing.assert_array_equal(params, found[0][1])


def test_threads_train_at_the_same_time() -> None:
    expected, found = train_wide(), []
    threads = [threading.Thread(target=lambda: found.append(train_wide())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert len(found) == 3
    for losses, params in found:
        assert losses == expected[0]
        np.testing.assert_array_equal(params, expected[1])


def test_every_dtype_has_arrays() -> None:
    from graphdsl.engines.numba import intrinsics

    for dtype in DType:
        assert hasattr(intrinsics, f"{dtype}_at")


# --- the choice of an engine ---------------------------------------------------------------------


def test_engines_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(graphdsl.UsageError, match="E0830"):
        graphdsl.loads("input x\noutput y = x", engine="numpie")
    monkeypatch.setattr("graphdsl.engines.choice.find_spec", lambda name: None)
    with pytest.raises(graphdsl.UsageError, match="pip install 'graphdsl-lang"):
        graphdsl.loads("input x\noutput y = x", engine="numba")
    assert graphdsl.loads("input x\noutput y = x", engine="auto").run(x=2)["y"] == 2


def is_compiled(model: graphdsl.Model) -> bool:
    trainer = model.trainer()
    trainer.step(wide_batch())
    program = model.session.executable(trainer.purpose, {"N": 200})
    return "enter" in program.program.source


def test_auto_compiles_long_trainings_alone() -> None:
    model = graphdsl.loads(WIDE)
    assert not is_compiled(model)
    model.session.expect_steps(1000)
    assert not is_compiled(model)
    model.session.expect_steps(10_000_000)
    assert is_compiled(model)
    plain = graphdsl.loads(WIDE, engine="numpy")
    plain.session.expect_steps(10_000_000)
    assert not is_compiled(plain)


# --- what is compiled ----------------------------------------------------------------------------


def plan_of(text: str, **sizes: int) -> Any:
    from graphdsl.engines.numba.functions import KNOWN
    from graphdsl.engines.numba.program import make_plan

    compilation = graphdsl.loads(text).compilation
    compiled = compilation.compiled(compilation.step_purpose())
    schedule = compiled.plan(sizes)
    return schedule, make_plan(schedule, compiled.graph, set(KNOWN))


def test_a_step_is_one_segment_of_few_kernels() -> None:
    schedule, plan = plan_of(WIDE, N=64)
    left = [line for step in plan.schedule.steps for line in step.lines]
    assert [line.partition("(")[0] for line in left] == ["check_index", "compiled_0"]
    (segment,) = plan.segments
    assert len(segment.calls) < len(schedule.steps) / 1.5
    assert plan.schedule.arena_bytes < schedule.arena_bytes + 2 * 2**20


def test_what_is_used_once_is_not_stored() -> None:
    """All of Adam is one loop, whose values between stay in registers."""
    text = "input x: [1000]\nparam w: [1000] = 1\nloss J = sum(x * w)\n"
    schedule, plan = plan_of(text + "train { optimizer = adam(lr = 0.1) }")
    assert sum(slot.type.size >= 1000 for slot in schedule.slots.values()) > 3
    assert not any(slot.type.size >= 1000 for slot in plan.schedule.slots.values())


def test_equal_computations_share_a_kernel() -> None:
    deep = """
    dim N
    input x: [N, 8]
    o = x
    repeat l in 1..12 {
      param W: [8, 8] ~ normal(0, 0.1)
      o = o + sigmoid(o @ W)
    }
    loss J = mean(sum(o^2, axis = 1))
    train { optimizer = sgd(lr = 0.1) }
    """
    _, plan = plan_of(deep, N=16)
    (segment,) = plan.segments
    assert len({call.kernel for call in segment.calls}) < len(segment.calls) / 3


def test_no_slot_is_shared_by_values_that_live_together() -> None:
    """Fusing moves reads and writes: places follow them."""
    _, plan = plan_of(NET, N=32)
    slots = list(plan.schedule.slots.values())
    for number, slot in enumerate(slots):
        for other in slots[:number]:
            together = slot.start <= other.end and other.start <= slot.end
            apart = (
                slot.offset + slot.type.nbytes <= other.offset
                or other.offset + other.type.nbytes <= slot.offset
            )
            assert apart or not together
