"""The reverse sweep as text: it parses, and computes the gradients that the model computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import graphdsl
from compiler.models import programs
from graphdsl.cli.show import gradient_purpose, shown_purpose
from graphdsl.compiler.rewrite import rewrite
from graphdsl.driver import Compiled
from graphdsl.graph.dump import dump
from graphdsl.graph.graph import Result
from graphdsl.graph.kernel import Array
from graphdsl.graph.op import OPS
from graphdsl.graph.sizes import evaluate, symbols
from graphdsl.language.parser import parse
from graphdsl.language.printer import format_program
from graphdsl.language.source import Source
from graphdsl.model import Model
from graphdsl.training.data import load_dataset
from graphdsl.views.reverse import LONGEST, Reverse, print_reverse

TREE = Path(__file__).parents[2]
GOLDEN = Path(__file__).parents[1] / "golden" / "reverse"
FILES = sorted((*TREE.glob("examples/**/*.gdl"), *TREE.glob("docs/tutorial/*.gdl")))
ROWS = 6


def printed(model: Model) -> Reverse:
    """What `show --stage reverse` prints of a model."""
    compilation = model.compilation
    return print_reverse(compilation, gradient_purpose(compilation, shown_purpose(compilation)))


def read_batch(model: Model, path: Path) -> dict[str, Any]:
    """A few rows of the model's data; of a model that has none, random numbers."""
    text = path.read_text("utf-8")
    if "data {" in text:
        beside = TREE / "examples" / "digits.npz" if '"digits.npz"' in text else None
        part = load_dataset(model.session, {}, beside).train
        part = part.take(np.arange(min(ROWS, part.rows)))
        return {**part.arrays, **part.whole}
    return draw_feeds(model)


def modes(model: Model) -> list[bool]:
    """Whether it is training that is computed: where that is something else, both."""
    graphs = {dump(model.compilation.graph(training)): training for training in (True, False)}
    return sorted(graphs.values())


def draw_feeds(model: Model) -> dict[str, Any]:
    """Random numbers for every input, from 0.2 on, where logarithms have a value."""
    rng, sizes, feeds = np.random.default_rng(0), {}, {}
    for name, type in model.inputs.items():
        for size in type.shape:
            sizes |= {symbol: ROWS for symbol in symbols(size)}
        shape = [evaluate(size, sizes) for size in type.shape]
        feeds[name] = (
            rng.integers(0, 2, shape) if type.dtype.is_integer else rng.uniform(0.2, 1.5, shape)
        )
    return feeds


def values(model: Model, reverse: Reverse, feeds: Mapping[str, Any]) -> dict[str, Any]:
    """What the printed file is fed: the model's inputs, parameters, states and draws."""
    nodes, found, draws = reverse.graph.nodes, {}, {}
    stored = {**model.params, **model.states}
    for name, id in reverse.inputs.items():
        node = nodes[id]
        if node.op.random:
            draws[name] = id
        elif node.op is OPS["input"]:
            found[name] = feeds[node.name or ""]
        else:
            found[name] = stored[node.name or ""].copy()
    return {**found, **drawn(model, reverse, draws, feeds)} if draws else found


def drawn(
    model: Model, reverse: Reverse, draws: Mapping[str, int], feeds: Mapping[str, Any]
) -> dict[str, Array]:
    """The random numbers of the model's own streams, at the step before the first."""
    results = tuple(Result("output", name, id) for name, id in draws.items())
    bare = rewrite(replace(reverse.graph, results=results, gradients=(), writes=()))
    names = [bare.nodes[id].name or "" for id in bare.inputs]
    arrays, _ = model.session.feed({name: feeds[name] for name in names})
    _, sizes = model.session.feed(feeds)
    program = model.session._load(Compiled(bare, model.compilation.layout), sizes)
    found = model.session.call(program, arrays, 0, 0, 0)
    return {name: np.array(value) for name, value in zip(draws, found, strict=True)}


def compare(model: Model, feeds: Mapping[str, Any], dtype: str) -> Reverse:
    """Check the printed file's value and gradients beside the model's."""
    compilation = model.compilation
    purpose = gradient_purpose(compilation, shown_purpose(compilation))
    reverse = printed(model)
    assert format_program(parse(Source(reverse.text))) == reverse.text
    found = graphdsl.loads(reverse.text, dtype=dtype).run(values(model, reverse, feeds))
    if not purpose.wrt:
        wanted = model.session.results(purpose, feeds)
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-12 if dtype == "f64" else 1e-6)
        return reverse
    (target,) = purpose.results
    options = {"of": target, "wrt": purpose.wrt, "training": purpose.training}
    value, gradients = model.value_and_grad(feeds, **options)
    # some gradients are 0 but for rounding: they are measured by the largest
    largest = max(float(np.abs(g).max(initial=0)) for g in gradients.values())
    tolerance = (1e-12 if dtype == "f64" else 2e-6) * max(largest, abs(value))
    assert found[target] == pytest.approx(value, abs=tolerance)
    assert reverse.gradients.keys() == gradients.keys()
    for name, gradient in gradients.items():
        made = found[reverse.gradients[name]]
        assert (made.shape, made.dtype) == (gradient.shape, gradient.dtype)
        np.testing.assert_allclose(made, gradient, rtol=0, atol=tolerance, err_msg=name)
    return reverse


def test_training_is_a_mode_where_it_differs() -> None:
    assert modes(graphdsl.load(TREE / "examples" / "digits.gdl")) == [False, True]
    assert modes(graphdsl.load(TREE / "examples" / "lecture" / "l6.gdl")) == [False]


def cases() -> Iterator[Any]:
    """Every file in both types; those whose layers are alike in one of them, but for the night."""
    for path in FILES:
        long = path.stem in ("l14", "lstm", "transformer")
        for dtype in ("f64", "f32"):
            marks = [pytest.mark.nightly] if long and dtype == "f32" else []
            yield pytest.param(path, dtype, marks=marks, id=f"{path.stem}-{dtype}")


@pytest.mark.parametrize(("path", "dtype"), list(cases()))
def test_same_gradients(path: Path, dtype: str) -> None:
    model = graphdsl.load(path, dtype=dtype)
    reverse = compare(model, read_batch(model, path), dtype)
    faults = graphdsl.loads(reverse.text, dtype=dtype).compilation.warnings
    assert {fault.code for fault in faults} <= {"W0108", "W0109", "W0110"}  # of the model's own


@given(programs())
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_same_gradients_of_any_program(text: str) -> None:
    model = graphdsl.loads(text, dtype="f64")
    compare(model, draw_feeds(model), "f64")


LATE = """\
dim N
input x: [N, 3]
param w: [3] ~ normal(0, 1)
param unused: [2] = 1
h = (x * w)[::2]
m = h * dropout_mask(h, rate = 0.3)
q = concat(m[1:], h[:-1], m[::-1], axis = 0)
s = stack(q, 2 * q, axis = 1)
noise = normal([3], std = 2)
loss J = mean(s^2) + sum(noise * w) + mean(cumsum(m, axis = 0)) + sum(x[2:5] * w) + sum(m[-2:, 1])
train {
  optimizer = adam
}
"""


@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_slices_of_symbols_and_draws(dtype: str) -> None:
    model = graphdsl.loads(LATE, dtype=dtype)
    reverse = compare(model, draw_feeds(model), dtype)
    assert "# drawn anew at every step: normal([3], std = 2)" in reverse.text
    assert "# drawn anew at every step: dropout_mask(x, rate = 0.3)" in reverse.text
    assert "output d_unused = full(0.0, [2])" in reverse.text


CLASHES = """\
input x
input h_W
block f(x) {
  param W = 2
  return W * x
}
param d_h = 3
param J_1 = 4
h = f(x)
inf_ = h * d_h
exp_ = inf_ * h_W
loss J = (exp_ * J_1 - 1)^2 + tanh(h)
"""


def test_no_name_is_taken_twice() -> None:
    model = graphdsl.loads(CLASHES, dtype="f64")
    reverse = compare(model, {"x": 0.3, "h_W": 0.7}, "f64")
    assert {"x", "h_W", "d_h", "J_1", "h_W_2"} == set(reverse.inputs)
    assert reverse.gradients == {"h.W": "d_h_W_2", "d_h": "d_d_h", "J_1": "d_J_1"}
    assert "\nd_h_2 = " in reverse.text


def test_names_of_ops_do_not_hide_the_ops() -> None:
    text = "input x\nexp = x^2\nmean = tanh(exp)\noutput y = sum([1, 2] * mean)\n"
    compare(graphdsl.loads(text, dtype="f64"), {"x": 0.3}, "f64")


def test_an_input_with_a_long_name_is_declared_once() -> None:
    long = "w" * (LONGEST + 1)
    text = f"input x\nparam {long} = 2\nloss J = ({long} * x)^2\n"
    compare(graphdsl.loads(text, dtype="f64"), {"x": 0.3}, "f64")


def test_a_state_is_what_it_was_before_the_step() -> None:
    text = "input x\nstate m = 2\nparam w = 1\nloss J = (w * x * m)^2\nupdate m = m + 1\n"
    model = graphdsl.loads(text + "train {\n  optimizer = adam\n}\n", dtype="f64")
    reverse = compare(model, {"x": 0.5}, "f64")
    assert "input m  # a state, before the step" in reverse.text


def test_a_dim_that_no_line_reads_is_still_bound() -> None:
    text = "dim N\ninput x: [N]\nparam w = 1\nloss J = w^2 * size(x, 0)\n"
    compare(graphdsl.loads(text, dtype="f64"), {"x": np.ones(4)}, "f64")


def test_a_model_without_a_scalar_is_printed_forwards() -> None:
    reverse = printed(graphdsl.loads("input x: [3]\noutput y = 2 * x\n"))
    assert "there is no gradient to take" in reverse.text
    assert reverse.gradients == {}


@pytest.mark.parametrize("file", ["lecture/l1", "lecture/l6", "digits"])
def test_golden(file: str, request: pytest.FixtureRequest) -> None:
    text = printed(graphdsl.load(TREE / "examples" / f"{file}.gdl")).text
    golden = GOLDEN / f"{Path(file).name}.gdl"
    if request.config.getoption("--update-golden"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8", newline="\n")
    assert text == golden.read_text("utf-8")
    assert len(text.splitlines()) <= 60


def test_each_cotangent_says_its_line_and_its_rule() -> None:
    text = printed(graphdsl.load(TREE / "examples" / "lecture" / "l6.gdl")).text
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("d_s2 = where(o2 > 0, d_o2, 0)"))
    assert lines[at - 1] == "# line 22: o2 = relu(s2)"
    assert lines[at].endswith(f"# relu: {OPS['relu'].derivative}")
