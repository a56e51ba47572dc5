"""Traces: the lecture's tables to the last digit, which variables there are, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.language.diagnostics import DataError, UsageError
from graphdsl.views.trace.formula import Formula
from graphdsl.views.trace.notation import DERIVATIVE
from graphdsl.views.trace.record import Reverse, Trace

LECTURE = Path(__file__).parents[2] / "examples" / "lecture"

FORWARD = {
    "a": ("x·z", 6.0),
    "b": ("ln x", 0.693147180559945),
    "c": ("sin b", 0.638961276313635),
    "d": ("e^a", 403.428793492735),
    "e": ("a/b", 8.65617024533378),
    "f": ("c/a", 0.106493546052272),
    "y": ("d + e + f", 412.191457284121),
}
REVERSE = {
    "g_y": ("1", 1.0),
    "g_d": ("g_y", 1.0),
    "g_e": ("g_y", 1.0),
    "g_f": ("g_y", 1.0),
    "g_c": ("g_f/a", 0.166666666666667),
    "g_b": ("g_e·(−a/b²) + g_c·cos b", -12.360007402473),
    "g_a": ("g_f·(−c/a²) + g_e/b + g_d·e^a", 404.853739609282),
    "g_x": ("g_a·z + g_b/x", 1208.38121512661),
    "g_z": ("g_a·x", 809.707479218564),
}
BY_HAND = {
    "g_J_1": ("broadcast_to(g_J/N, [N, 1])/2", [[0.25], [0.25]]),
    "g_y": ("g_J_1·2·(y − t)", [[2.125], [3.75]]),
    "g_b3": ("sum(g_y, axis = 0)", [5.875]),
    "g_W3": ("g_yᵀ @ o2", [[1.0625, 0, 36.9375]]),
    "g_o2": ("g_y @ W3", [[-2.125, 2.125, 1.0625], [-3.75, 3.75, 1.875]]),
    "g_s2": ("g_o2·[s2 > 0]", [[-2.125, 0, 1.0625], [0, 0, 1.875]]),
    "g_b2": ("sum(g_s2, axis = 0)", [-2.125, 0, 2.9375]),
    "g_W2": ("g_s2ᵀ @ o1", [[-3.1875, 0], [0, 0], [18.46875, 0]]),
    "g_o1": ("g_s2 @ W2", [[3.1875, -1.0625], [1.875, 1.875]]),
    "g_s1": ("g_o1·[s1 > 0]", [[3.1875, 0], [1.875, 0]]),
    "g_b1": ("sum(g_s1, axis = 0)", [5.0625, 0]),
    "g_W1": ("g_s1ᵀ @ x", [[7.21875], [0]]),
    "g_x": ("g_s1 @ W1", [[9.5625], [5.625]]),
}
"""L6 at x = 1/2 and 3, t = 1 and 2: worked out layer by layer, r ← W'·(r ∘ σ')."""


def lecture(name: str, **feeds: Any) -> Trace:
    return graphdsl.load(LECTURE / f"{name}.gdl", dtype="f64").trace(feeds)


def test_the_lectures_table() -> None:
    trace = lecture("l1", x=2, z=3)
    forward = {row.variable: row for row in trace.forward}
    assert list(forward) == ["x", "z", *FORWARD]
    for variable, (text, value) in FORWARD.items():
        expression = forward[variable].expression
        assert expression is not None
        assert expression.text == text
        np.testing.assert_allclose(forward[variable].value, value, rtol=1e-12)
    reverse = {row.cotangent: row for row in trace.reverse}
    assert reverse.keys() == REVERSE.keys()
    for cotangent, (text, value) in REVERSE.items():
        assert reverse[cotangent].formula.text == text
        np.testing.assert_allclose(reverse[cotangent].value, value, rtol=1e-12)
    order = [row.cotangent for row in trace.reverse]
    assert order[-5:] == ["g_c", "g_b", "g_a", "g_x", "g_z"]  # as the lecture goes


def test_the_numbers_are_put_in() -> None:
    reverse = {row.cotangent: row for row in lecture("l1", x=2, z=3).reverse}
    assert text_of(reverse["g_b"].numbers) == "1·(−6/0.693147²) + 0.166667·cos 0.693147"
    assert text_of(reverse["g_x"].numbers) == "404.854·3 − 12.36/2"
    assert reverse["g_f"].telling is None


def test_the_network_by_hand() -> None:
    trace = lecture("l6", x=[[0.5], [3]], t=[[1], [2]])
    reverse = {row.cotangent: row for row in trace.reverse}
    for cotangent, (text, value) in BY_HAND.items():
        assert reverse[cotangent].formula.text == text
        np.testing.assert_allclose(reverse[cotangent].value, value, rtol=1e-14)
    layers = [row.variable for row in trace.reverse if row.variable not in ("J", "J_1", "t")]
    assert layers[:4] == ["y", "b3", "W3", "o2"]
    assert layers[4:8] == ["s2", "b2", "W2", "o1"]


def test_lines_are_those_of_the_file() -> None:
    trace = lecture("l1", x=2, z=3)
    text = (LECTURE / "l1.gdl").read_text("utf-8").splitlines()
    assert all(f"{row.variable}" in text[(row.line or 0) - 1] for row in trace.forward)
    assert {row.line for row in trace.reverse} == {row.line for row in trace.forward}


def test_one_expression_is_taken_apart_as_the_lecture_does() -> None:
    """What has no name gets one where the chain rule needs it; sums are written out."""
    text = "input x\ninput z\na = x * z\nb = ln(x)\noutput y = exp(a) + a / b + sin(b) / a\n"
    trace = graphdsl.loads(text, dtype="f64").trace(x=2, z=3)
    assert [row.variable for row in trace.forward] == ["x", "z", "a", "b", *unnamed(4), "y"]
    (g_b,) = [row for row in trace.reverse if row.variable == "b"]
    assert g_b.formula.text == "g_y_2·(−a/b²) + g_y_3·cos b"


def unnamed(count: int) -> list[str]:
    return [f"y_{number}" for number in range(1, count + 1)]


def test_repeated_formulas_get_a_name() -> None:
    """What stands before an activation is named once, not written out in three gradients."""
    trace = graphdsl.load(LECTURE / "l18.gdl").trace(x=[[1, 2]], y=[0])
    terms = {row.cotangent: row.formula.text for row in trace.reverse}
    assert terms["g_o2_1"] == "g_o2·[o2_1 > 0]"
    assert terms["g_W2"] == "o1ᵀ @ g_o2_1"
    assert terms["g_b2"] == "sum(g_o2_1, axis = 0)"


def test_what_is_too_long_stands_for_itself() -> None:
    text = "input x: [4]\nh = layer_norm(x, [1, 1, 1, 1], [0, 0, 0, 0])\nloss J = sum(h^2)\n"
    trace = graphdsl.loads(text, dtype="f64").trace(x=[1, 2, 3, 5])
    (g_x,) = [row for row in trace.reverse if row.variable == "x"]
    assert g_x.formula.text == "g_h·∂h/∂x"
    assert g_x.formula.latex == r"g_{h} \cdot \frac{\partial h}{\partial x}"
    assert g_x.terms[0].rule


def test_what_hands_on_too_much_gets_a_name() -> None:
    """However long the names are that stand in a product without one."""
    counts = []
    for length in range(40, 64):
        first, last = "l" * length, "m" * length
        text = f"input a\ninput {first}\ninput {last}\nh = tanh(a)\n"
        model = graphdsl.loads(f"{text}output y = exp((h * {first}) * {last})\n", dtype="f64")
        trace = model.trace({"a": 0.5, first: 2, last: 3})
        counts.append(sum(row.variable.startswith("y_") for row in trace.forward))
        for term in (term for row in trace.reverse for term in row.terms):
            assert DERIVATIVE not in term.formula.source, length
    assert set(counts) == {1, 2}
    assert counts == sorted(counts)


def test_cotangents_never_take_a_name_of_the_file() -> None:
    trace = graphdsl.loads("input x\ng_x = 2 * x\noutput y = exp(g_x)\n").trace(x=0)
    cotangents = [row.cotangent for row in trace.reverse]
    assert cotangents == ["gg_y", "gg_g_x", "gg_x"]
    assert not set(cotangents) & {row.variable for row in trace.forward}


def test_derivatives_of_the_text_are_shown_as_they_stand() -> None:
    trace = graphdsl.load(LECTURE / "l17.gdl").trace(x=[1, 2, 3], of="J")
    (slope,) = [row for row in trace.forward if row.variable == "slope"]
    assert text_of(slope.expression) == "grad(J, x)"
    assert slope.line == 19


def test_both_edges_of_one_operand() -> None:
    trace = graphdsl.loads("input x\noutput y = x * x\n").trace(x=3)
    (g_x,) = [row for row in trace.reverse if row.variable == "x"]
    assert [(term.position, float(term.value)) for term in g_x.terms] == [(0, 3.0), (1, 3.0)]
    assert g_x.formula.text == "g_y·x + g_y·x"


def test_a_stabler_form_is_told() -> None:
    text = "input x: [3]\np = softmax(x)\noutput y = sum(ln(p))\n"
    (note,) = graphdsl.loads(text).trace(x=[1, 2, 3]).notes
    assert note == "computed as written; a run computes line 3 in a more stable form"
    assert lecture("l1", x=2, z=3).notes == ()


def test_training_is_traced_as_a_step_computes_it() -> None:
    text = "input x\nh = 2 * x if training else x\noutput y = h\n"
    model = graphdsl.loads(text)
    values = [float(model.trace(x=3, training=mode).forward[-1].value) for mode in (False, True)]
    assert values == [3, 6]


def test_two_thousand_nodes() -> None:
    steps = "".join(f"v{i} = sin(v{i - 1}) + x\n" for i in range(1, 1000))
    trace = graphdsl.loads(f"input x\nv0 = x\n{steps}output y = v999\n", dtype="f64").trace(x=0.5)
    assert len(trace.reverse) == 2001
    (g_x,) = [row for row in trace.reverse if row.variable == "x"]
    assert len(g_x.terms) == 1000
    assert "… 988 terms more" in str(trace)
    np.testing.assert_allclose(g_x.value, sum(float(term.value) for term in g_x.terms))


def test_bad_requests() -> None:
    model = graphdsl.load(LECTURE / "l6.gdl")
    with pytest.raises(DataError, match="not fed: t"):
        model.trace(x=[[1]])
    with pytest.raises(UsageError, match="no scalar"):
        model.trace(x=[[1]], t=[[1]], of="s1")
    with pytest.raises(UsageError, match="is True or False"):
        model.trace(x=[[1]], t=[[1]], training="yes")  # type: ignore[arg-type]


def text_of(formula: Formula | None) -> str:
    assert formula is not None
    return formula.text


def row_of(trace: Trace, variable: str) -> Reverse:
    return next(row for row in trace.reverse if row.variable == variable)


def test_values_that_are_not_finite_are_traced() -> None:
    trace = graphdsl.loads("input x\noutput y = sqrt(x)\n", dtype="f64").trace(x=0)
    assert text_of(row_of(trace, "x").numbers) == "1/(2·0)"
    assert np.isinf(row_of(trace, "x").value)
