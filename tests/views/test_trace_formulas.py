"""The formulas of traces, run on the values of their variables, compute what they stand beside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.graph.kernel import Array
from graphdsl.graph.op import Op
from graphdsl.views.trace.formula import Formula
from graphdsl.views.trace.notation import DERIVATIVE
from graphdsl.views.trace.record import Trace
from ops.test_elementwise import ELEMENTWISE, sample
from views.test_reverse import FILES, modes, read_batch

TRACED = [path for path in FILES if "loss " in path.read_text("utf-8")]


@pytest.mark.parametrize("path", TRACED, ids=lambda path: path.stem)
def test_formulas_compute_what_they_stand_beside(path: Path) -> None:
    """Every expression and every term, run as a model of its own on the values of its variables."""
    model = graphdsl.load(path, dtype="f64")
    for training in modes(model):
        verify_trace(model.trace(read_batch(model, path), training=training))


def verify_trace(trace: Trace) -> None:
    """Raise unless what can be evaluated of its formulas is what stands beside them."""
    values = {row.variable: row.value for row in trace.forward}
    values |= {row.cotangent: row.value for row in trace.reverse}
    asked = list(formulas(trace))
    assert len(asked) > 3
    for formula, value in asked:
        found = evaluate(formula.source, values, trace.sizes)
        scale = float(np.abs(value).max(initial=1e-3, where=np.isfinite(value)))
        np.testing.assert_allclose(found, value, rtol=1e-6, atol=1e-9 * scale)
    for row in trace.reverse:
        if row.terms:
            total = sum(term.value for term in row.terms)
            np.testing.assert_allclose(total, row.value, rtol=1e-9, atol=1e-12)


def formulas(trace: Trace) -> Iterator[tuple[Formula, Array]]:
    """The formulas that are expressions of the language, few of each kind, and their values."""
    seen: set[str] = set()
    for forward in trace.forward:
        said = forward.expression
        # a draw is not drawn again; a derivative and what is long are told as the file has them
        if said is not None and not re.match(r"grad\(|collect |dropout", said.source):
            yield said, forward.value
    for term in (term for row in trace.reverse for term in row.terms):
        shape = re.sub(r"[\w.\[\]#]+", "v", term.formula.source)
        if f"{DERIVATIVE}(" not in term.formula.source and shape not in seen:
            seen.add(shape)
            yield term.formula, term.value


def evaluate(source: str, values: Mapping[str, Array], sizes: Mapping[str, int]) -> Array:
    """An expression in names that may be qualified, as a model of its own."""
    names = sorted(values, key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, names))})(?!\w)")
    used: dict[str, str] = {}
    text = pattern.sub(lambda m: used.setdefault(m[1], f"v{len(used)}"), source)
    lines = [f"const {name} = {size}" for name, size in sizes.items()]
    kinds = {"f": "f64", "i": "i64", "b": "bool"}
    for name, short in used.items():
        shape = ", ".join(map(str, values[name].shape))
        lines.append(
            f"input {short}: {kinds[values[name].dtype.kind]}" + f"[{shape}]" * bool(shape)
        )
    model = graphdsl.loads("\n".join([*lines, f"output it = {text}"]), dtype="f64")
    return model.run({short: values[name] for name, short in used.items()})["it"]


@pytest.mark.parametrize("op", [op for op in ELEMENTWISE if op.partials and op.public], ids=str)
def test_formulas_of_every_elementwise_op(op: Op) -> None:
    """Its local derivative times a cotangent that is not 1, written and run."""
    operands = dict(zip(op.operands, sample(op, np.float64, ((5,),)), strict=True))
    lines = [
        f"input v_{name}: {'bool' if value.dtype == bool else 'f64'}[5]"
        for name, value in operands.items()
    ]
    names = [f"v_{name}" for name in operands]
    called = f"{names[0]} {op.infix} {names[-1]}" if op.infix else f"{op.name}({', '.join(names)})"
    called = f"-{names[0]}" if op.name == "neg" else called
    text = "\n".join([*lines, f"h = {called}", "output J = sum(h * [1, -2, 3, 4, 5])"])
    verify_terms(text, {f"v_{name}": value for name, value in operands.items()})


@pytest.mark.parametrize(
    ("expression", "formula"),
    [
        ("x^2", "g_h·2·x"),
        ("x^3", "g_h·3·x²"),
        ("x^1", "g_h"),
        ("x^0.5", "g_h·0.5·x^(−0.5)"),
        ("2^x", "g_h·h·ln 2"),
        ("1 / x", "−g_h/x²"),
        ("acos(x)", "−g_h/√(1 − x²)"),
        ("atan(x)", "g_h/(1 + x²)"),
        ("leaky_relu(x, slope = 0.2)", "g_h·where(x > 0, 1, 0.2)"),
        ("maximum(x, 0.5)", "g_h·[x ≥ 0.5]"),
    ],
)
def test_derivatives_as_one_writes_them(expression: str, formula: str) -> None:
    text = f"input x: [3]\nh = {expression}\noutput J = sum(exp(h))\n"
    trace = verify_terms(text, {"x": [0.25, 0.5, 0.75]})
    (found,) = [row.formula.text for row in trace.reverse if row.variable == "x"]
    assert found == formula


def verify_terms(text: str, feeds: Mapping[str, Any]) -> Trace:
    """Raise unless every formula of a model computes what stands beside it."""
    trace = graphdsl.loads(text, dtype="f64").trace(feeds)
    values = {row.variable: row.value for row in trace.forward}
    values |= {row.cotangent: row.value for row in trace.reverse}
    terms = [term for row in trace.reverse for term in row.terms]
    assert len(terms) > 1
    for term in terms:
        if f"{DERIVATIVE}(" not in term.formula.source:
            found = evaluate(term.formula.source, values, trace.sizes)
            np.testing.assert_allclose(found, term.value, rtol=1e-11, atol=1e-13)
    return trace
