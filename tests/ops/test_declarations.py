"""Every op's declaration is complete, and says what the code does."""

from __future__ import annotations

import string

import pytest

import graphdsl.ops  # noqa: F401
from graphdsl.graph.op import OPS, Op, declare
from graphdsl.ops import functions

REPLACED = {"grad", "jacobian", "hessian", "hvp", "jvp", "pack"}
"""What stands for other nodes until it is differentiated or planned."""
COMPUTED = [op for op in OPS.values() if not op.leaf and op.name not in REPLACED]


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_documented(op: Op) -> None:
    assert op.doc.endswith(".")
    assert op.doc[0].isupper() or op.operands or op.name == "arange"
    assert op.formula
    if not op.leaf:
        assert op.derivative
    for attribute in op.attributes.values():
        assert attribute.doc or attribute.kind == "internal" or not op.public


@pytest.mark.parametrize("op", COMPUTED, ids=lambda op: op.name)
def test_example_uses_the_op(op: Op) -> None:
    assert "=" in op.example
    written = {"index": "[", "swap": ".T", "neg": "-", "logical_not": "not", "copy": ".T"}
    sign = op.infix or written.get(op.name) or f"{op.name}("
    assert sign in op.example if op.public or op.name in written else "grad(" in op.example


@pytest.mark.parametrize("op", COMPUTED, ids=lambda op: op.name)
def test_computable(op: Op) -> None:
    assert op.kernel or op.view or op.decompose
    assert not (op.decompose and (op.kernel or op.view))
    assert not op.inplace or op.kernel


@pytest.mark.parametrize("op", COMPUTED, ids=lambda op: op.name)
def test_vjp_has_a_rule_for_each_operand(op: Op) -> None:
    if op.vjp is None:
        assert op.derivative.startswith("none")
    elif op.variadic:
        assert callable(op.vjp)
    else:
        assert isinstance(op.vjp, tuple)
        assert len(op.vjp) == len(op.operands)


@pytest.mark.parametrize("op", COMPUTED, ids=lambda op: op.name)
def test_templates_name_operands_and_attributes(op: Op) -> None:
    known = {*op.operands, "out", *op.attributes}
    for text in (op.kernel, op.scalar):
        if isinstance(text, str):
            assert {name for _, name, _, _ in string.Formatter().parse(text) if name} <= known


@pytest.mark.parametrize("op", COMPUTED, ids=lambda op: op.name)
def test_elementwise_ops_on_numbers_have_a_formula(op: Op) -> None:
    assert not op.scalar or op.elementwise or not op.public
    assert not op.elementwise or op.scalar or op.decompose


def test_signs() -> None:
    assert OPS.by_sign.keys() == {
        *("+", "-", "*", "/", "@", "^", "and", "or"),
        *("==", "!=", "<", "<=", ">", ">="),
    }


def test_an_op_is_declared_once() -> None:
    with pytest.raises(AssertionError, match="exp is declared twice"):
        declare(functions.exp)
