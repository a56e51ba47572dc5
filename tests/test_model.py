"""The embedding API: arrays in, arrays out, and who owns them."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.language.diagnostics import DataError, UsageError

TEXT = """
dim N
input x: [N, 3]
input y: i64[N]
param W: [3, 4] ~ normal(0, 1)
param b: [4] = 0
param k: i64[2] = 3 with frozen = true
state m: [4] = 0
z = x @ W + b
loss J = mean(cross_entropy(z, y))
metric accuracy = mean(argmax(z) == y)
output p = softmax(z)
output rows = sum(x, axis = 1)
update m = 0.9 * m + 0.1 * mean(z, axis = 0)
train {
  optimizer = sgd(lr = 0.1)
}
"""


@pytest.fixture
def model() -> graphdsl.Model:
    return graphdsl.loads(TEXT, dtype="f64", seed=3)


def batch(n: int = 5, seed: int = 0) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    return {"x": random.normal(size=(n, 3)), "y": random.integers(0, 4, n)}


def forward(model: graphdsl.Model, x: np.ndarray) -> np.ndarray:
    z = x @ model.params["W"] + model.params["b"]
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


# --- results ------------------------------------------------------------------------------------


def test_run_gives_what_the_feeds_reach(model: graphdsl.Model) -> None:
    feeds = batch()
    found = model.run(feeds)
    assert list(found) == ["J", "accuracy", "p", "rows"]
    np.testing.assert_allclose(found["p"], forward(model, feeds["x"]), rtol=1e-12)
    picked = found["p"][np.arange(5), feeds["y"]]
    np.testing.assert_allclose(found["J"], -np.log(picked).mean(), rtol=1e-12)
    assert list(model.run(x=feeds["x"])) == ["p", "rows"]


def test_run_of_nothing_is_an_error(model: graphdsl.Model) -> None:
    with pytest.raises(UsageError, match="nothing to compute"):
        model.run()
    with pytest.raises(UsageError, match="nothing to compute"):
        model.run(y=[1, 2])


def test_evaluate_any_node(model: graphdsl.Model) -> None:
    feeds = batch()
    z = model.evaluate("z", x=feeds["x"])
    np.testing.assert_allclose(z, feeds["x"] @ model.params["W"], rtol=1e-12)
    np.testing.assert_array_equal(model.evaluate("W"), model.params["W"])
    with pytest.raises(UsageError, match="no node 'zz'"):
        model.evaluate("zz", feeds)


def test_value_and_grad(model: graphdsl.Model) -> None:
    feeds = batch()
    value, found = model.value_and_grad(feeds)
    assert set(found) == {"W", "b"}
    delta = forward(model, feeds["x"])
    delta[np.arange(5), feeds["y"]] -= 1
    np.testing.assert_allclose(found["W"], feeds["x"].T @ delta / 5, rtol=1e-10)
    np.testing.assert_allclose(found["b"], delta.mean(0), rtol=1e-10)
    assert value == pytest.approx(float(model.run(feeds)["J"]), rel=1e-14)
    _, more = model.value_and_grad(feeds, of="J", wrt=("x", "W", "z"))
    np.testing.assert_allclose(more["x"], delta @ model.params["W"].T / 5, rtol=1e-10)
    np.testing.assert_allclose(more["z"], delta / 5, rtol=1e-10)
    np.testing.assert_array_equal(more["W"], found["W"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"of": "p"}, "no scalar"),
        ({"of": "nothing"}, "no node"),
        ({"wrt": ("y",)}, "only floats"),
        ({"wrt": ("nothing",)}, "no node"),
    ],
)
def test_what_has_no_gradient(
    model: graphdsl.Model, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        model.value_and_grad(batch(), **arguments)


def test_the_caller_owns_what_is_returned(model: graphdsl.Model) -> None:
    first, others = batch(5, 1), [batch(5, 2), batch(7, 3)]
    results, z = model.run(first), model.evaluate("z", x=first["x"])
    _, gradients = model.value_and_grad(first, wrt=("W", "x"))
    kept = {**results, "z": z, **{f"d{n}": g for n, g in gradients.items()}}
    copies = {name: array.copy() for name, array in kept.items()}
    trainer = model.trainer()
    for feeds in others:
        model.run(feeds)
        model.value_and_grad(feeds, wrt=("W", "x"))
        trainer.step(feeds)
    for name, array in kept.items():
        np.testing.assert_array_equal(array, copies[name], err_msg=name)
        assert array.flags.writeable
        assert array.flags.owndata or array.base is not None
        assert not any(np.shares_memory(array, p) for p in model.params.values())


def test_an_output_that_is_a_parameter_or_an_input_is_a_copy() -> None:
    model = graphdsl.loads("input x: [3]\nparam w: [3] = 1\noutput a = w\noutput b = x\n")
    x = np.ones(3, np.float32)
    found = model.run(x=x)
    found["a"][...] = 9
    found["b"][...] = 9
    np.testing.assert_array_equal(model.params["w"], 1)
    np.testing.assert_array_equal(x, 1)


# --- feeds --------------------------------------------------------------------------------------


def odd_arrays(x: np.ndarray) -> dict[str, Any]:
    """The same numbers in every form that may be fed."""
    wide = np.zeros((x.shape[0], 6))
    wide[:, ::2] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    return {
        "plain": x,
        "read-only": frozen,
        "strided": wide[:, ::2],
        "reversed": x[::-1].copy()[::-1],
        "fortran": np.asfortranarray(x),
        "other bytes": x.astype(">f8"),
        "list": x.tolist(),
        "tuple of arrays": tuple(x),
        "f32": x.astype(np.float32),
        "integers": x.astype(np.int8),
        "unsigned": x.astype(np.uint64),
        "f16": x.astype(np.float16),
        "subclass": x.view(np.ma.MaskedArray),
    }


@pytest.mark.parametrize("form", odd_arrays(np.zeros((1, 3))))
def test_forms_of_feeds(model: graphdsl.Model, form: str) -> None:
    x = np.arange(12.0).reshape(4, 3)
    y = np.array([0, 1, 2, 3])
    given = odd_arrays(x)[form]
    before = np.array(given, copy=True)
    wanted = model.run(x=x, y=y)
    found = model.run(x=given, y=y)
    loss = model.trainer().step(x=given, y=y)
    for name, array in wanted.items():
        assert type(found[name]) is np.ndarray
        np.testing.assert_array_equal(found[name], array)
    assert loss == float(wanted["J"])
    np.testing.assert_array_equal(np.array(given), before)


def test_labels_may_be_whole_floats(model: graphdsl.Model) -> None:
    feeds = batch()
    wanted = model.run(feeds)["J"]
    for kind in (np.float32, np.float64, np.int8, np.uint8, bool):
        labels = (feeds["y"] % 2).astype(kind)
        assert model.run(x=feeds["x"], y=labels)["J"].shape == ()
    assert model.run(x=feeds["x"], y=feeds["y"].astype(float))["J"] == wanted


def test_numbers_for_scalars() -> None:
    model = graphdsl.loads("input x\ninput k: i32\ninput f: bool\noutput y = where(f, x, 0) * k\n")
    for x in (2, 2.0, np.float32(2), np.array(2), True * 2):
        assert model.run(x=x, k=3, f=True)["y"] == 6
    with pytest.raises(DataError, match="does not fit i32"):
        model.run(x=1, k=2**40, f=True)
    with pytest.raises(DataError, match="'f' is declared bool"):
        model.run(x=1, k=2, f=1)


@pytest.mark.parametrize(
    ("feeds", "parts"),
    [
        ({"x": np.zeros((5, 4))}, ("'x'", "f64[N, 3]", "[5, 4]")),
        ({"x": np.zeros(3)}, ("'x'", "f64[N, 3]", "[3]")),
        ({"x": 1.0}, ("'x'", "f64[N, 3]", "[]")),
        ({"x": np.zeros((4, 3))}, ("N is", "4", "5", "'x'", "'y'")),
        ({"y": [0, 1, 2, 0.5, 0]}, ("'y'", "i64", "0.5", "[3]")),
        ({"y": [0, 1, 2, math.nan, 0]}, ("'y'", "i64", "nan")),
        ({"y": [0, 1, 2, 9, 0]}, ("index 9", "0 to 3")),
        ({"y": [0, 1, 2, -1, 0]}, ("index -1", "0 to 3")),
        ({"y": ["a"] * 5}, ("'y'", "i64", "strings")),
        ({"x": [[1, 2, 3], [1, 2]]}, ("'x'", "differ in length")),
        ({"x": np.zeros((5, 3), complex)}, ("'x'", "complex")),
        ({"x": None}, ("'x'", "f64")),
        ({"x": {}}, ("'x'", "f64")),
        ({"X": 1}, ("no input 'X'", "did you mean 'x'")),
        ({"W": 1}, ("no input 'W'",)),
    ],
)
def test_wrong_feeds(model: graphdsl.Model, feeds: dict[str, Any], parts: tuple[str, ...]) -> None:
    params = {name: array.copy() for name, array in model.params.items()}
    for call in (model.run, model.value_and_grad, model.trainer().step):
        with pytest.raises(DataError) as caught:
            call({**batch(), **feeds})
        for part in parts:
            assert part in str(caught.value)
    for name, array in params.items():
        np.testing.assert_array_equal(model.params[name], array)


def test_what_is_not_fed(model: graphdsl.Model) -> None:
    with pytest.raises(DataError, match="not fed: y"):
        model.value_and_grad(x=batch()["x"])
    with pytest.raises(DataError, match="not fed: x"):
        model.trainer().step(y=[1])


def test_names_that_clash_with_options() -> None:
    model = graphdsl.loads("input of\ninput wrt\ninput name\noutput y = of * wrt + name\n")
    assert model.run({"of": 2, "wrt": 3}, name=4)["y"] == 10
    assert model.evaluate("y", {"of": 2, "wrt": 3, "name": 4}) == 10
    value, found = model.value_and_grad({"of": 2, "wrt": 3, "name": 4}, of="y", wrt=("of",))
    assert (value, found["of"]) == (10, 3)


# --- sizes --------------------------------------------------------------------------------------


def test_a_batch_of_nothing(model: graphdsl.Model) -> None:
    found = model.run(batch(0))
    assert found["p"].shape == (0, 4)
    assert math.isnan(found["J"])


def test_many_sizes_and_back(model: graphdsl.Model) -> None:
    wanted = model.run(batch(5))
    for n in (1, 200, 3, *range(6, 20), 5):
        feeds = batch(n)
        np.testing.assert_allclose(model.run(feeds)["p"], forward(model, feeds["x"]), rtol=1e-12)
    np.testing.assert_array_equal(model.run(batch(5))["p"], wanted["p"])


def test_nan_and_infinity_are_silent(model: graphdsl.Model) -> None:
    x = np.array([[math.nan, 1, 2], [math.inf, 0, 0], [1e308, 1e308, -1e308]])
    with np.errstate(all="raise"):
        found = model.run(x=x, y=[0, 1, 2])
        model.value_and_grad(x=x, y=[0, 1, 2])
        assert np.geterr()["over"] == "raise"
    assert np.isnan(found["p"][0]).all()


# --- parameters, seeds, threads ------------------------------------------------------------------


def test_parameters_are_live_and_writable(model: graphdsl.Model) -> None:
    feeds = batch()
    model.run(feeds)
    model.params["W"][...] = 0
    model.params["b"][...] = [1, 0, 0, 0]
    found = model.run(feeds)["p"]
    np.testing.assert_allclose(found[:, 0], math.e / (math.e + 3), rtol=1e-12)
    view = model.params["W"]
    model.trainer().step(feeds)
    assert view is model.params["W"]
    assert np.abs(view).max() > 0
    model.run(batch(4000))  # a larger arena moves nothing of the parameters
    assert np.shares_memory(view, model.session.memory.arrays["param_f64"])


def test_states_change_in_training_alone(model: graphdsl.Model) -> None:
    feeds = batch()
    model.run(feeds)
    model.value_and_grad(feeds)
    np.testing.assert_array_equal(model.states["m"], 0)
    z = model.evaluate("z", feeds)
    model.trainer().step(feeds)
    np.testing.assert_allclose(model.states["m"], 0.1 * z.mean(0), rtol=1e-12)


def test_frozen_parameters_stay(model: graphdsl.Model) -> None:
    trainer = model.trainer()
    for _ in range(3):
        trainer.step(batch())
    np.testing.assert_array_equal(model.params["k"], [3, 3])


def bits(seed: int, dtype: str = "f32") -> list[bytes]:
    model = graphdsl.loads(TEXT, dtype=dtype, seed=seed)
    trainer = model.trainer()
    losses = [trainer.step(batch(5, i)) for i in range(5)]
    return [*(p.tobytes() for p in model.params.values()), np.array(losses).tobytes()]


def test_the_same_seed_gives_the_same_bits() -> None:
    assert bits(7) == bits(7)
    assert bits(7) != bits(8)


def test_another_parameter_changes_no_draw() -> None:
    more = TEXT.replace("param b", "param extra: [9] ~ normal(0, 1)\nparam b")
    one, other = graphdsl.loads(TEXT, seed=3), graphdsl.loads(more, seed=3)
    np.testing.assert_array_equal(one.params["W"], other.params["W"])


def test_several_threads(model: graphdsl.Model) -> None:
    batches = [batch(n, n) for n in range(1, 9)]
    wanted = [model.run(feeds)["p"] for feeds in batches]
    gradients = [model.value_and_grad(feeds)[1]["W"] for feeds in batches]
    faults: list[BaseException] = []

    def work(offset: int) -> None:
        try:
            for turn in range(24):
                k = (turn + offset) % len(batches)
                np.testing.assert_array_equal(model.run(batches[k])["p"], wanted[k])
                found = model.value_and_grad(batches[k])[1]["W"]
                np.testing.assert_array_equal(found, gradients[k])
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_what_load_refuses() -> None:
    for arguments in ({"dtype": "f16"}, {"engine": "cuda"}, {"seed": -1}, {"seed": 0.5}):
        with pytest.raises(UsageError):
            graphdsl.loads(TEXT, **arguments)  # type: ignore[arg-type]
    with pytest.raises(graphdsl.GraphdslError, match="no constant 'hidden'"):
        graphdsl.loads(TEXT, hidden=3)


def test_constants_by_keyword() -> None:
    text = "const k = 2\nconst wide = k * 2\ninput x: [wide]\noutput y = k * sum(x)\n"
    assert graphdsl.loads(text).inputs["x"].shape == (4,)
    model = graphdsl.loads(text, k=3)
    assert model.inputs["x"].shape == (6,)
    assert model.run(x=np.ones(6))["y"] == 18


@pytest.mark.parametrize("wrong", ["three", None, [[1], "a"], object(), 2**70, math.nan, -1, 1.3])
def test_constants_that_do_not_fit(wrong: object) -> None:
    with pytest.raises(graphdsl.GraphdslError):
        graphdsl.loads("const k = 2\ninput x: [k * 2]\noutput y = k * sum(x)\n", k=wrong)


def test_the_graph_is_networkx(model: graphdsl.Model) -> None:
    import networkx as nx

    graph = model.graph
    assert nx.is_directed_acyclic_graph(graph)
    with pytest.raises(nx.NetworkXError):
        graph.add_node(1)


def test_repr_names_inputs_and_counts(model: graphdsl.Model) -> None:
    assert repr(model) == "<Model <text>: inputs x: f64[N, 3], y: i64[N]; 18 parameters>"


def test_assigning_to_a_parameter_writes_into_it() -> None:
    model = graphdsl.loads("param w: [2] = 1\nloss J = sum(w^2)")
    view = model.params["w"]
    model.params["w"] = [3, 4]
    assert view.tolist() == [3, 4]
    assert model.run()["J"] == 25
    with pytest.raises(graphdsl.DataError, match=r"shape \[2\], not \[3\]"):
        model.params["w"] = [1, 2, 3]
    with pytest.raises(graphdsl.DataError, match="stores no 'v'"):
        model.params["v"] = [1, 2]


@pytest.mark.parametrize(
    ("type", "value"),
    [("i64", [2.0**63]), ("i32", np.array([2147483648], "f4")), ("i32", [-(2**31) - 1])],
)
def test_integers_that_do_not_fit_are_refused(type: str, value: object) -> None:
    model = graphdsl.loads(f"input x: {type}[1]\noutput y = x")
    with pytest.raises(graphdsl.DataError, match="does not fit"):
        model.run(x=value)


def test_masked_arrays_are_refused() -> None:
    model = graphdsl.loads("input x: [2]\noutput y = x")
    with pytest.raises(graphdsl.DataError, match="masked"):
        model.run(x=np.ma.masked_array([1.0, 2.0], [True, False]))


def test_an_empty_batch_is_no_step() -> None:
    model = graphdsl.loads(
        "dim N\ninput x: [N]\nparam w = 1\nloss J = mean(w * x)\ntrain {\n  optimizer = sgd()\n}"
    )
    with pytest.raises(graphdsl.DataError, match="batch is empty"):
        model.trainer().step(x=[])
    assert model.params["w"] == 1


def test_more_memory_than_there_is_is_refused_with_the_numbers() -> None:
    with pytest.raises(graphdsl.DataError, match="parameters take 4,000,000,000,000 bytes"):
        graphdsl.loads("param W: [1000000, 1000000] ~ normal()\noutput y = W[0, 0]")


def test_derivatives_of_derivatives_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphdsl.compiler.differentiate.MAX_NODES", 2000)
    lines = [f"y{i + 1} = grad(y{i}, x) * x\n" for i in range(12)]
    with pytest.raises(graphdsl.ModelError, match="2,000 nodes"):
        graphdsl.loads(f"input x\ny0 = x^3\n{''.join(lines)}output z = y12").run(x=1)
