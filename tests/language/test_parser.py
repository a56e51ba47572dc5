"""What statements and expressions become."""

from __future__ import annotations

import pytest

from graphdsl.language import ast
from graphdsl.language.diagnostics import ModelError
from graphdsl.language.parser import parse
from graphdsl.language.source import Source, Span

HERE = Span(Source(""), 0, 0)


def statement(text: str) -> ast.AnyStatement:
    (found,) = parse(Source(text)).statements
    return found


def value(text: str) -> ast.Expr:
    found = statement(f"y = {text}")
    assert isinstance(found, ast.Assign)
    return found.value


def codes(text: str) -> list[str]:
    with pytest.raises(ModelError) as caught:
        parse(Source(text))
    return [one.code for one in caught.value.diagnostics]


def test_an_empty_file_is_an_empty_program() -> None:
    for text in ("", "\n\n", "# only\n", "\ufeff", "\ufeff\n"):
        assert parse(Source(text)).statements == ()


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("-x^2", "-(x^2)"),
        ("2^3^x", "2^(3^x)"),
        ("2^-x", "2^(-x)"),
        ("a - b - c", "(a - b) - c"),
        ("a * b @ c / d", "((a * b) @ c) / d"),
        ("-a * b", "(-a) * b"),
        ("a or b and not c == d", "a or (b and (not (c == d)))"),
        ("a if b else c if d else e", "a if b else (c if d else e)"),
        ("a + b == c", "(a + b) == c"),
        ("f(x)[0].T^2", "((f(x)[0]).T)^2"),
        ("f(a, b = 2,)", "f(a, b = 2)"),
        ("[1, 2,]", "[1, 2]"),
        ("x[1,]", "x[1]"),
    ],
)
def test_precedence(text: str, same: str) -> None:
    assert value(text) == value(same)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("y = a +\n\n  # why\n b", "y = a + b"),
        ("y = a\n  + b\n  @ c", "y = a + b @ c"),
        ("y = a\n- b", "y = a - b"),
        ("y =\n  a if\n b else\n c", "y = a if b else c"),
        ("y = f(\na\n,\nb\n)", "y = f(a, b)"),
        ("h,\nc = f(x)", "h, c = f(x)"),
        ("param W: [3] ~\n normal(0, 1)", "param W: [3] ~ normal(0, 1)"),
        ("param W: [3] = 0 with lr = 1,\n decay = 2", "param W: [3] = 0 with lr = 1, decay = 2"),
        ("dim N,\nT", "dim N, T"),
        ("train {\n l2 = {\n'a': 1\n}\n}".replace("'", '"'), 'train { l2 = {"a": 1} }'),
        ("y = a\r\n  + b\r\n", "y = a + b"),
        ("y = a and\n b\nor c", "y = a and b or c"),
    ],
)
def test_where_newlines_end_statements(text: str, same: str) -> None:
    assert parse(Source(text)) == parse(Source(same))


def test_numbers() -> None:
    assert value("1_000") == ast.Number(1000, span=HERE)
    for text, kind in (("1", int), ("1.0", float), ("1e3", float), ("007", int)):
        number = value(text)
        assert isinstance(number, ast.Number)
        assert type(number.value) is kind
    assert value("9223372036854775807") == ast.Number(2**63 - 1, span=HERE)


def test_huge_numbers_are_diagnosed() -> None:
    assert codes("y = " + "9" * 100_000) == ["E0107"]
    assert codes("y = 1" + "0" * 100_000 + ".0") == ["E0107"]
    assert codes("y = " + "1_" * 50_000) == ["E0106"]


def test_ranges_are_no_numbers() -> None:
    repeat = statement("repeat l in 1..50 {\n}")
    assert isinstance(repeat, ast.Repeat)
    assert repeat.last == ast.Number(50, span=HERE)
    assert statement("repeat l in a+1..2*b {}") == statement("repeat l in (a + 1)..(2 * b) {}")


def test_names_are_normalised() -> None:
    assert value("ﬁ") == ast.Name("fi", span=HERE)
    assert value("e\u0301") == ast.Name("é", span=HERE)
    assert codes("ｐａｒａｍ = 3") == ["E0121"]


def test_keywords_are_whole_words_and_keys() -> None:
    assert value("a + orb") == value("a+orb")
    assert value("notes") == ast.Name("notes", span=HERE)
    assert statement("lambda = def + class")
    train = statement("train {\n optimizer = sgd()\n if = 1\n and = 2\n or = 3\n with = 4\n}")
    assert isinstance(train, ast.Train)
    assert [one.key.id for one in train.settings] == ["optimizer", "if", "and", "or", "with"]
    data = statement('data {\n train = "a.npz"\n input = x\n data = y\n}')
    assert isinstance(data, ast.Data)
    assert len(data.settings) == 3


def test_docs_belong_to_what_stands_below() -> None:
    program = parse(
        Source(
            "## file\n## more\n\n## not attached\n\n## x\n##  y\ninput x\ny = 1 ## trailing\n"
            "### rule\nblock f(x) {\n  ## inner\n  return x\n}\n"
        )
    )
    assert program.doc == "file\nmore"
    docs = [one.doc for one in program.statements]
    assert docs == ["x\n y", None, None]
    block = program.statements[2]
    assert isinstance(block, ast.Block)
    assert block.body[0].doc == "inner"
    kept = [(one.text, one.alone) for one in program.comments]
    assert kept == [("## not attached", True), ("## trailing", False), ("### rule", True)]


def test_spans_cover_what_was_written() -> None:
    text = "block f(x) {\n  return (a + b) * c\n}\n"
    (block,) = parse(Source(text)).statements
    assert isinstance(block, ast.Block)
    assert block.span.text == text.strip()
    (result,) = block.body
    assert isinstance(result, ast.Return)
    (product,) = result.values
    assert isinstance(product, ast.Binary)
    assert product.span.text == "(a + b) * c"
    assert product.left.span.text == "(a + b)"
    assert product.op_span.text == "*"


def test_every_statement() -> None:
    text = """
const k = 1
dim N, T
input x: f64[N, 3]
param W: [3] ~ normal(0, 0.1) with lr = 0.1, frozen = true
state m: [3] = 0
update m = 0.9 * m
h, c = f(x)
loss J = mean(x)
metric a = J
output p = x
share cell = LSTM(3, units = 64)
from "layers.gdl" import A, B
optimizer sgd(lr = 1e-3,) {
  update p = p - lr * g
}
repeat l in 1..3 {
  collect O = x
}
"""
    kinds = [type(one).__name__ for one in parse(Source(text)).statements]
    declared = ["Const", "Dim", "Input", "Param", "State", "Update", "Assign", "Loss"]
    others = ["Metric", "Output", "Share", "Import", "Optimizer", "Repeat"]
    assert kinds == declared + others


def test_a_doc_is_that_of_the_header_and_not_of_the_body_on_its_line() -> None:
    block = statement("\n## half\nblock f(x) { return x / 2 }")
    assert isinstance(block, ast.Block)
    assert block.doc == "half"
    assert block.body[0].doc is None


def test_errors_hide_no_others() -> None:
    text = "y = \nblock f(x {\n z = 1 +\n w = )\n return\n}\nloss = 3\nq = a b\n"
    assert codes(text) == ["E0115", "E0110", "E0115", "E0111", "E0115", "E0121", "E0114"]


def test_very_many_errors_are_cut_short() -> None:
    found = codes("a b\n" * 1000)
    assert len(found) == 201
    assert found[-1] == "E0125"
