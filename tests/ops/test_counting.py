"""`arange` of a size that data binds: its numbers fit its element type, or the size is refused."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import graphdsl

Run = Callable[[graphdsl.Model, int], object]

ENGINES = [
    "numpy",
    pytest.param(
        "numba",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("numba") is None, reason="needs the extra fast"
        ),
    ),
]
# attributes of arange, the largest N that they allow, what is said of one more, what holds it
LIMITS = [
    ("start = 2_147_483_600, dtype = i32", 48, "2147483648 is out of the range of i32", "i64"),
    ("step = -1_000_000_000, dtype = i32", 3, "-3000000000 is out of the range of i32", "i64"),
    ("dtype = bool", 2, "2 is out of the range of bool", "i64"),
    ("start = 9_223_372_036_854_775_800", 8, "9223372036854775808 is out of the range", "float"),
    ("step = 4_000_000_000_000_000_000", 3, "12000000000000000000 is out of the range", "float"),
]


def model_of(attributes: str, engine: str = "numpy") -> graphdsl.Model:
    return graphdsl.loads(
        f"dim N\ninput x: [N]\nparam w = 1\ni = arange(N, {attributes})\n"
        "output y = w * x * cast(i, float)\nloss J = sum(y^2)\n"
        "train { optimizer = sgd(lr = 0) }\n",
        engine=engine,
        dtype="f64",
    )


def fed(rows: int) -> dict[str, np.ndarray]:
    return {"x": np.ones(rows)}


def run(model: graphdsl.Model, rows: int) -> object:
    return model.run(fed(rows))


def step(model: graphdsl.Model, rows: int) -> object:
    return model.trainer().step(fed(rows))


def predict(model: graphdsl.Model, rows: int) -> object:
    return model.predict(fed(rows))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("call", [run, step, predict])
@pytest.mark.parametrize(("attributes", "most", "said", "holds"), LIMITS)
def test_a_size_that_counts_too_far_is_refused(
    attributes: str, most: int, said: str, holds: str, call: Run, engine: str
) -> None:
    model = model_of(attributes, engine)
    call(model, most)
    with pytest.raises(graphdsl.DataError) as caught:
        call(model, most + 1)
    (told,) = caught.value.diagnostics
    assert told.code == "E0203"
    assert said in told.message
    assert told.labels[0].text == f"with N = {most + 1}"
    assert told.labels[0].span.text.startswith("arange(N")
    assert told.help == (f"dtype = {holds} holds it",)
    call(model, most)


@pytest.mark.parametrize(("attributes", "most", "said", "holds"), LIMITS)
def test_an_export_is_refused_before_it_is_written(
    attributes: str, most: int, said: str, holds: str, tmp_path: Path
) -> None:
    model, path = model_of(attributes), tmp_path / "m.py"
    with pytest.raises(graphdsl.DataError, match=said):
        model.export(path, sizes={"N": [most, most + 1]})
    assert not list(tmp_path.iterdir())
    model.export(path, sizes={"N": most})
    assert path.exists()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("attributes", "most", "said", "holds"), LIMITS)
def test_the_last_number_that_fits_is_right(
    attributes: str, most: int, said: str, holds: str, engine: str
) -> None:
    given = dict(one.split(" = ") for one in attributes.split(", "))
    start, step = (int(given.get(name, default)) for name, default in (("start", 0), ("step", 1)))
    found = model_of(attributes, engine).evaluate("i", fed(most))
    assert found.tolist() == [start + step * place for place in range(most)]


def test_floats_count_as_far_as_they_are_asked_to() -> None:
    found = model_of("step = 9_000_000_000_000_000_000, dtype = float").evaluate("i", fed(300))
    np.testing.assert_array_equal(found, 9e18 * np.arange(300.0))


def test_steps_without_end_are_counted_without_a_warning() -> None:
    """0 times inf is nan, as everywhere."""
    found = model_of("step = inf, dtype = float").evaluate("i", fed(3))
    np.testing.assert_array_equal(found, [np.nan, np.inf, np.inf])
