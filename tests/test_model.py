"""`Model`: arrays in, arrays out and who owns them; parameters, states, seeds and threads."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

import graphdsl
from graphdsl.language.diagnostics import UsageError
from small_model import TEXT, batch, forward, load_small


@pytest.fixture
def model() -> graphdsl.Model:
    return load_small()


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


def test_data_may_be_named_as_data() -> None:
    named, plain, rows = load_small(), load_small(), batch(40)
    named.fit(data=rows, epochs=2)
    plain.fit(rows, epochs=2)
    np.testing.assert_array_equal(named.params["W"], plain.params["W"])
    assert named.measure(data=rows) == plain.measure(rows)
    x = {"x": rows["x"]}
    np.testing.assert_array_equal(named.predict(data=x)["p"], plain.predict(x)["p"])


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


def test_more_memory_than_there_is_is_refused_with_the_numbers() -> None:
    with pytest.raises(graphdsl.DataError, match="parameters take 4,000,000,000,000 bytes"):
        graphdsl.loads("param W: [1000000, 1000000] ~ normal()\noutput y = W[0, 0]")
