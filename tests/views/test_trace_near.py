"""One variable of a trace from near: local Jacobians, what it gets and what it hands on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.model import Model
from graphdsl.views.observed import observe
from graphdsl.views.trace.local import Local, find_row, look_at
from graphdsl.views.trace.near import local_data, local_text
from graphdsl.views.trace.recorder import record
from graphdsl.views.trace.typeset_near import typeset_local
from views.test_trace_text import compile_latex, verify_latex

LECTURE = Path(__file__).parents[2] / "examples" / "lecture"


def near(model: Model, feeds: dict[str, Any], of: str, name: str) -> tuple[Local, dict[int, str]]:
    observed = observe(model.session, feeds, of=of)
    trace = record(observed, model.compilation)
    row = find_row(trace, observed.graph.names, name)
    local = look_at(model.session, feeds, observed, trace, row)
    return local, {row.node: row.variable for row in trace.forward}


def test_local_jacobians_of_the_lecture() -> None:
    model = graphdsl.load(LECTURE / "l1.gdl", dtype="f64")
    local, names = near(model, {"x": 2, "z": 3}, "y", "e")
    jacobians = {one.variable: one.jacobian for one in local.operands}
    np.testing.assert_allclose(jacobians["a"], 1.44269504088896, rtol=1e-14)
    np.testing.assert_allclose(jacobians["b"], -12.4882138860336, rtol=1e-14)
    text = local_text(local, names)
    assert "∂e/∂b" in text
    assert "g_e·(−a/b²)" in text


def test_local_jacobians_hold_other_operands_fixed() -> None:
    """With b fixed, though b depends on a: not the derivative along every path."""
    text = "input a: [2]\nb = sin(a)\ny = a * b\noutput J = sum(y^2)\n"
    model = graphdsl.loads(text, dtype="f64")
    local, _ = near(model, {"a": [1.0, 2.0]}, "J", "y")
    jacobians = {one.variable: one.jacobian for one in local.operands}
    np.testing.assert_allclose(jacobians["a"], np.diag(np.sin([1.0, 2.0])))
    np.testing.assert_allclose(jacobians["b"], np.diag([1.0, 2.0]))


def test_jacobians_of_any_rank_are_shown_as_matrices() -> None:
    model = graphdsl.load(LECTURE / "l6.gdl", dtype="f64")
    feeds = {"x": [[0.5], [3]], "t": [[1], [2]]}
    local, names = near(model, feeds, "J", "o1")
    rows = [line.split()[-4:] for line in local_text(local, names).splitlines()[-4:]]
    assert rows == [
        ["[1", "0", "0", "0]"],
        ["[0", "0", "0", "0]"],
        ["[0", "0", "1", "0]"],
        ["[0", "0", "0", "0]"],
    ]
    assert r"\begin{bmatrix} 1 & 0 & 0 & 0 \\" in typeset_local(local, names)


def test_jacobians_are_in_denominator_layout() -> None:
    model = graphdsl.load(LECTURE / "l6.gdl", dtype="f64")
    feeds = {"x": [[0.5], [3]], "t": [[1], [2]]}
    local, names = near(model, feeds, "J", "s2")
    shapes = {one.variable: np.shape(one.jacobian) for one in local.operands}
    assert shapes == {"b2": (3, 2, 3), "W2": (3, 2, 2, 3), "o1": (2, 2, 2, 3)}
    assert local.reverse is not None
    for one in local.operands:
        handed = np.tensordot(one.jacobian, local.reverse.value, local.reverse.value.ndim)
        np.testing.assert_allclose(handed, sum(term.value for term in one.terms), atol=1e-14)
    matrices = {one.variable: np.shape(one.matrix) for one in local.operands}
    assert matrices == {"b2": (3, 6), "W2": (6, 6), "o1": (4, 6)}
    told = json.loads(json.dumps(local_data(local, names)))
    assert told["forward"]["variable"] == "s2"
    assert [one["variable"] for one in told["operands"]] == ["b2", "W2", "o1"]


def test_what_is_large_or_constant_from_near() -> None:
    text = "input x: [100]\nh = 2 * x\nflat = floor(x)\noutput y = sum(h + flat)\n"
    model = graphdsl.loads(text, dtype="f64")
    feeds = {"x": np.ones(100)}
    local, names = near(model, feeds, "y", "h")
    assert [one.jacobian for one in local.operands] == [None]
    assert "too large to be computed" in local_text(local, names)
    local, names = near(model, feeds, "y", "x")
    assert local.operands == ()
    model = graphdsl.loads("input x\noutput y = x\nother = x > 0\n")
    local, names = near(model, {"x": 1}, "y", "other")
    assert local.reverse is None
    assert "the result does not depend on other" in local_text(local, names)


def test_an_unknown_variable() -> None:
    model = graphdsl.load(LECTURE / "l6.gdl")
    with pytest.raises(graphdsl.GraphdslError, match="did you mean 's2'"):
        near(model, {"x": [[1]], "t": [[1]]}, "J", "s22")


def test_latex_from_near() -> None:
    model = graphdsl.load(LECTURE / "l1.gdl", dtype="f64")
    text = typeset_local(*near(model, {"x": 2, "z": 3}, "y", "b"))
    verify_latex(text)
    lines = text.splitlines()
    assert r"$e$ & $g_{e} \cdot \left(-\frac{a}{b^{2}}\right)$ & $-12.4882138860336$ \\" in lines
    assert r" & $= 0.166667 \cdot \cos 0.693147$ &  \\" in lines
    assert r"$\frac{\partial b}{\partial x}$ &  & $0.5$ \\" in lines
    (whole,) = [line for line in lines if line.startswith("in all")]
    assert "$-12.360007402473$" in whole


def test_latex_from_near_of_what_is_large_or_constant() -> None:
    text = "input x: [100]\nh = 2 * x\noutput y = sum(h)\nother = x > 0\n"
    model = graphdsl.loads(text, dtype="f64")
    said = typeset_local(*near(model, {"x": np.ones(100)}, "y", "h"))
    assert r"$\frac{\partial h}{\partial x}$ & too large to be computed &" in said
    said = typeset_local(*near(model, {"x": np.ones(100)}, "y", "other"))
    verify_latex(said)
    assert r"the result does not depend on $\mathit{other}$." in said


def test_many_terms_from_near_take_several_pages() -> None:
    sums = "\n".join(f"h{at} = sin(x * {at + 1})" for at in range(50))
    total = " + ".join(f"h{at}" for at in range(50))
    model = graphdsl.loads(f"input x\n{sums}\noutput y = {total}\n", dtype="f64")
    text = typeset_local(*near(model, {"x": 0.5}, "y", "x"))
    verify_latex(text)
    assert text.startswith("% \\usepackage{amsmath, booktabs, longtable}")
    assert text.count(r"\begin{longtable}") == 1


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_latex_from_near_compiles(tmp_path: Path) -> None:
    by_hand = graphdsl.load(LECTURE / "l6.gdl", dtype="f64")
    feeds = {"x": [[0.5], [3]], "t": [[1], [2]]}
    texts = [typeset_local(*near(by_hand, feeds, "J", name)) for name in ("o1", "s2", "x", "W2")]
    named = graphdsl.loads("input x\u0302\noutput été_变 = exp(x\u0302)\n")
    texts.append(typeset_local(*near(named, {"x\u0302": 1}, "été_变", "été_变")))
    compile_latex(texts, tmp_path)
