"""What may be fed, in which forms, and what is said of anything else; sizes as they come."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.engines.feeds import LARGE
from graphdsl.language.diagnostics import DataError
from small_model import batch, forward, load_small


@pytest.fixture
def model() -> graphdsl.Model:
    return load_small()


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
    for kind in (np.float16, np.float32, np.float64, np.int8, np.uint8, bool):
        labels = (feeds["y"] % 2).astype(kind)
        assert model.run(x=feeds["x"], y=labels)["J"].shape == ()
    assert model.run(x=feeds["x"], y=feeds["y"].astype(float))["J"] == wanted


def test_numbers_for_scalars() -> None:
    model = graphdsl.loads("input x\ninput k: i32\ninput f: bool\noutput y = where(f, x, 0) * k\n")
    for x in (2, 2.0, np.float32(2), np.array(2), True * 2):
        assert model.run(x=x, k=3, f=True)["y"] == 6
    with pytest.raises(DataError, match="i32 holds whole numbers of 31 bits"):
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


def test_a_name_that_is_no_input_is_told_before_what_it_leaves_uncomputed(
    model: graphdsl.Model,
) -> None:
    with pytest.raises(DataError, match=r"E0601(.|\n)*did you mean 'x'"):
        model.run(X=batch()["x"])


@pytest.mark.parametrize("rows", [1, LARGE + 1])
def test_what_is_not_fed_binds_no_size(rows: int) -> None:
    """The input is told, not its size, beside a large array too, whose sizes are looked at."""
    model = graphdsl.loads("dim N, M\ninput x: [N]\ninput z: [M]\noutput y = sum(x) * sum(z)")
    with pytest.raises(DataError, match=r"E0602.*the input is not fed: z"):
        model.evaluate("y", x=np.zeros(rows, np.float32))


def test_names_that_clash_with_options() -> None:
    model = graphdsl.loads("input of\ninput wrt\ninput name\noutput y = of * wrt + name\n")
    assert model.run({"of": 2, "wrt": 3}, name=4)["y"] == 10
    assert model.evaluate("y", {"of": 2, "wrt": 3, "name": 4}) == 10
    value, found = model.value_and_grad({"of": 2, "wrt": 3, "name": 4}, of="y", wrt=("of",))
    assert (value, found["of"]) == (10, 3)


@pytest.mark.parametrize(
    ("type", "value"),
    [("i64", [2.0**63]), ("i32", np.array([2147483648], "f4")), ("i32", [-(2**31) - 1])],
)
def test_integers_that_do_not_fit_are_refused(type: str, value: object) -> None:
    model = graphdsl.loads(f"input x: {type}[1]\noutput y = x")
    with pytest.raises(graphdsl.DataError, match="holds whole numbers of"):
        model.run(x=value)


def test_the_largest_integers_fit() -> None:
    model = graphdsl.loads("input x: i64[2]\noutput y = x")
    ends = [-(2**63), 2**63 - 1]
    assert model.run(x=np.array(ends, ">i8"))["y"].tolist() == ends
    with pytest.raises(graphdsl.DataError, match=r"fed 9223372036854775808 at \[1\]"):
        model.run(x=np.array([2**63 - 1, 2**63], "u8"))


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
