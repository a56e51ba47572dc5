"""Where the sizes of a fault were written: labels, notes, calls, constants, files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from graphdsl.compiler.lower import origins, provenance
from graphdsl.driver import check
from graphdsl.language.diagnostics import Diagnostic, to_json
from graphdsl.language.source import Source, read_source


def fault(text: str, **constants: Any) -> Diagnostic:
    """The one error of a text."""
    (found,) = check(Source(text, "m.gdl"), constants)
    assert found.severity == "error"
    return found


def places(diagnostic: Diagnostic) -> list[tuple[int, str, str]]:
    """The further places that a diagnostic shows: line, text underlined, what is said of it."""
    return [(one.span.line, one.span.text, one.text) for one in diagnostic.labels[1:]]


def test_a_declared_operand_is_told_by_its_line() -> None:
    found = fault("input x: [2, 64]\nparam W: [32, 10] = 0\noutput y = x @ W")
    assert places(found) == [(2, "[32, 10]", "W is f32[32, 10]")]
    assert found.notes == ("64 from line 1, 32 from line 2",)


def test_a_computed_operand_is_told_by_the_place_of_its_size() -> None:
    text = """
const hidden = 128
input x: [2, 64]
param W1: [64, hidden] ~ he_normal()
param W2: [64, 10] ~ he_normal()
h = relu(x @ W1)
output z = h @ W2
"""
    found = fault(text)
    assert places(found) == [
        (5, "[64, 10]", "W2 is f32[64, 10]"),
        (4, "hidden", "the 128 of h comes from here: 'hidden' of line 2"),
    ]
    assert found.notes == ()
    assert fault(text, hidden=32).labels[-1].text == (
        "the 32 of h comes from here: 'hidden' of line 2, overridden with 32"
    )


def test_data_holds_what_the_text_says() -> None:
    text = "const k = 3\ninput x: [k]\ninput z: [4]\nd = exp(z)\noutput y = x + d"
    found = fault(text)
    (plain,) = to_json([found])
    assert plain["notes"] == ["3 from line 2 ('k' of line 1), 4 from line 3"]
    assert [(one["line"], one["column"], one["text"]) for one in plain["labels"][1:]] == [
        (2, 10, "x is f32[3]"),
        (3, 11, "the 4 of d comes from here"),
    ]
    assert all(note in str(found) for note in plain["notes"])


def test_an_argument_is_followed_to_the_call_it_was_written_in() -> None:
    text = """
const wide = 8
input x: [2, 4]
block Inner(x, units) {
  return Dense(x, units)
}
block Outer(x, size1 = 5) {
  return Inner(x, size1), Inner(x, units = wide)
}
a, b = Outer(x, 6)
c, d = Outer(x)
output y = a + b
output z = c + d
"""
    first, second = check(Source(text))
    assert places(first) == [
        (10, "6", "the 6 of a comes from here"),
        (
            8,
            "wide",
            "the 8 of b comes from here, in the call of 'Outer' (line 10): 'wide' of line 2",
        ),
    ]
    assert places(second)[0] == (7, "5", "the 5 of c comes from here")


def test_the_prelude_is_left_for_the_call_of_the_user() -> None:
    text = "input x: [2, 4, 6]\nh = LSTMCell\nz = Conv1d(x, 5)\noutput y = z @ ones([2, 3])"
    (found,) = check(Source(text.replace("h = LSTMCell\n", "")))
    assert found.labels[-1].span.text == "Conv1d(x, 5)"
    assert found.labels[-1].text == "the 4 of z comes from here: 6 - 2"


def test_defaults_that_are_called_like_their_arguments_end() -> None:
    text = """
const k = 3
const m = 4
block B(x, k = m, m = k) {
  param W: [size(x, -1), k] = 0
  return x @ W
}
input x: [2, 3]
output y = B(x) @ ones([9, 9])
"""
    assert fault(text).code == "E0204"


def test_a_size_is_followed_through_a_name_that_a_loop_bound_again() -> None:
    text = """
input x: [2, 3]
o = x
repeat l in 1..3 {
  param W: [size(o, -1), 4] = 0
  o = o * 2
  collect H = o @ W
}
output y = H @ ones([5, 5])
"""
    assert places(fault(text)) == [
        (5, "4", "the 4 of H comes from here, in turn 1 of this 'repeat' (line 4)")
    ]


def test_what_stands_on_the_line_of_the_fault_is_not_repeated() -> None:
    found = fault("input x: [2, 6]\noutput y = reshape(x, [4, 3]) @ ones([5, 2])")
    assert places(found) == []
    assert found.notes == ()


def test_operands_that_agree_are_left_out() -> None:
    text = "input c: bool[3]\ninput a: [3]\ninput b: [4]\noutput y = where(c, exp(a), exp(b))"
    assert fault(text).labels[0].text == "exp(b) is f32[4]"
    assert [place[0] for place in places(fault(text))] == [1, 3]
    stack = "input a: [3]\ninput b: [4]\noutput y = stack(a, a, a, a, exp(b))"
    assert fault(stack).labels[0].text == "exp(b) is f32[4]"


def test_a_fault_without_sizes_is_told_as_it_was() -> None:
    found = fault("input x: [3]\nh = exp(x)\noutput y = h.T")
    assert places(found) == [(2, "h", "h is f32[3]")]
    assert found.notes == ()
    types = fault("input x: f32[3]\ninput z: f64[3]\nh = exp(z)\noutput y = x + h")
    assert places(types) == [(3, "h", "h is f64[3]")]


def test_an_optimizer_has_no_places_for_the_sizes_of_its_parameter() -> None:
    text = """
param w: [3, 2] = 1
loss J = sum(w)
optimizer odd(lr = 0.1) {
  update p = p - lr * g @ g
}
train {
  optimizer = odd()
}
"""
    found = fault(text)
    assert found.code == "E0204"
    assert found.notes == ()


def test_imported_files_are_named_as_the_model_is(tmp_path: Path) -> None:
    block = "block B(x) {\n  param W: [3, k] = 0\n  return x @ W\n}\n"
    (tmp_path / "parts.gdl").write_text(f"const k = 7\n{block}")
    model = tmp_path / "m.gdl"
    lines = ["const k = 2", "input x: [2, 3]", "b = B(x)", "output y = b @ ones([k, 1])"]
    model.write_text("\n".join(['from "parts.gdl" import B', *lines]))
    (found,) = check(read_source(model), {"k": 5})  # the model's, not that of the import
    parts = str(tmp_path / "parts.gdl")
    label = found.labels[-1]
    assert label.span.source.name == parts
    assert (label.span.line, label.span.text) == (3, "k")
    call = "in the call of 'B' (line 4)"
    assert label.text == f"the 7 of b comes from here, {call}: 'k' of {parts}:1"
    (same,) = check(Source(model.read_text(), "m.gdl", model))
    assert same.labels[-1].span.source.name == "parts.gdl"


def test_the_call_that_the_fault_lies_in_is_not_told_again() -> None:
    text = """
input x: [2, 3]
block B(x) {
  a = x @ ones([3, 4])
  return a @ ones([5, 5])
}
output y = B(x)
"""
    found = fault(text)
    assert places(found) == [(4, "ones([3, 4])", "the 4 of a comes from here")]
    assert [step.text for step in found.trail] == ["in the call of 'B'"]


def test_a_correct_file_never_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("sizes were followed though nothing is at fault")

    monkeypatch.setattr(origins, "find_entry", refuse)
    monkeypatch.setattr(provenance, "find_origin", refuse)
    text = "input x: [4, 8]\nh = Dense(x, 3)\noutput y = concat(h, h) @ ones([3, 2])"
    assert check(Source(text)) == ()
    with pytest.raises(AssertionError, match="nothing is at fault"):
        check(Source(text.replace("[3, 2]", "[4, 2]")))


def test_many_faults_at_the_end_of_long_chains_take_time_in_proportion() -> None:
    def seconds(length: int) -> float:
        lines = ["input x: [6, 8]", "param W: [9, 9] = 0", "h0 = x"]
        for i in range(1, length):
            lines += [f"h{i} = h{i - 1} * 2", f"y{i} = h{i} @ W"]
        before = time.process_time()
        found = check(Source("\n".join(lines)))
        assert len(found) == length - 1
        assert found[-1].labels[-1].span.line == 1
        return time.process_time() - before

    assert seconds(4_000) < 3 * max(seconds(2_000), 0.2)
