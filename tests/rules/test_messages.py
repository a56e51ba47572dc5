"""What is said of mistakes: all at once, in order, with places; and never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import graphdsl
from graphdsl.cli import main
from graphdsl.driver import check
from graphdsl.language.codes import CODES
from graphdsl.language.diagnostics import Diagnostic
from graphdsl.language.source import Source
from rules.asking import errors
from rules.citations import rule

MESSAGES = "Messages"


def diagnose(text: str) -> list[Diagnostic]:
    """What is said of a text."""
    return list(check(Source(text, "m.gdl")))


@rule(MESSAGES, "All errors of a file are reported at once, in the order of the text, each once")
def test_all_errors_at_once() -> None:
    text = (
        "input x: [3]\na = sgimoid(x)\nb = x @ ones([4])\nc = a + b\nloss J = x\n"
        "block f(x) {\n  return missing * x\n}\noutput y = f(x)\noutput z = f(x)\n"
    )
    found = diagnose(text)
    lines = [one.primary.span.line for one in found if one.primary]
    assert [one.code for one in found] == ["E0301", "E0204", "E0311", "E0301"]
    assert lines == sorted(lines) == [2, 3, 5, 7]


@rule(MESSAGES, "that stays the same from version to version.")
def test_codes_are_those_of_the_catalogue() -> None:
    assert errors("input x\noutput y = z\n") == ["E0301"]
    assert CODES["E0301"].title == "a name that nothing binds"


@rule(MESSAGES, "A second place is shown where two declarations disagree")
def test_a_second_place_is_shown() -> None:
    (found,) = diagnose("input x\nh = x\nh = 2 * x\noutput y = h\n")
    assert [label.span.line for label in found.labels if not label.primary] == [2]


@rule(MESSAGES, "a near name where there is one")
def test_near_names_are_suggested() -> None:
    (found,) = diagnose("input x\noutput y = sgimoid(x)\n")
    assert any("'sigmoid'" in line for line in found.help)


@rule(MESSAGES, "and the calls, turns and imports that lead to a fault inside of them.")
def test_the_way_to_a_fault_is_told(tmp_path: Path) -> None:
    (tmp_path / "l.gdl").write_text("block f(x) {\n  return x @ ones([9])\n}\n")
    path = tmp_path / "m.gdl"
    path.write_text(
        'from "l.gdl" import f\ninput x: [3]\nblock g(x) {\n  return f(x)\n}\no = x\n'
        "repeat i in 1..2 {\n  o = o + g(o)\n}\noutput y = o\n"
    )
    with pytest.raises(graphdsl.ModelError) as caught:
        graphdsl.load(path)
    told = str(caught.value)
    assert "l.gdl:2" in told
    for step in ("the call of 'f'", "the call of 'g'", "in turn 1"):
        assert step in told


@rule(MESSAGES, "`--json` gives the same as data.")
def test_messages_as_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.gdl"
    path.write_text("input x\noutput y = x + z\n")
    assert main(["check", "--json", str(path)]) == 1
    (told,) = json.loads(capsys.readouterr().out)
    (found,) = told["diagnostics"]
    assert found["code"] == "E0301"
    assert "2" in json.dumps(found)


ODD = {
    "a number": b"1",
    "no text": b"\x00\xff\xfe",
    "nothing": b"",
    "a bracket": b"output y = (",
    "very deep": b"output y = " + b"(" * 100_000,
    "very many turns": b"input x\no = x\nrepeat i in 1..10^18 {\n  o = 2 * o\n}\noutput y = o\n",
    "very large": b"param W: [2^20, 2^20] = 0\nloss J = sum(W)\n",
    "itself": b'from "m.gdl" import f\noutput y = f(1)\n',
}


@pytest.mark.parametrize("what", ODD)
@rule(MESSAGES, "A user's mistake never ends in a traceback")
@rule(MESSAGES, "what it comes to is counted before it is built.")
def test_no_file_ends_in_a_traceback(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.gdl"
    path.write_bytes(ODD[what])
    assert main(["run", str(path)]) == 1
    said = capsys.readouterr().err
    assert "error[E" in said
    assert "Traceback" not in said
    assert "fault of its own" not in said


def sizes_told(text: str, **constants: int) -> list[tuple[int, str]]:
    """The lines and the words of the places that one error of sizes points at."""
    (found,) = check(Source(text, "m.gdl"), constants)
    return [(label.span.line, label.text) for label in found.labels]


INNER = "const wide = 4\ninput x: [2, 3]\nparam W: [9, 1] = 0\n"


@rule(MESSAGES, "found by following its axis back through ops, calls and turns.")
@rule(MESSAGES, "Where sizes disagree, the message tells where each of them was written")
def test_sizes_are_followed_back() -> None:
    text = f"{INNER}h = Dense(x, 7)\no = tanh(h).T.T\noutput y = o @ W + wide\n"
    told = sizes_told(text)
    assert (3, "W is f32[9, 1]") in told
    assert any(line == 4 and "7" in words for line, words in told)


@rule(MESSAGES, "A size written with a constant names that, and says if it was overridden;")
def test_sizes_name_their_constants() -> None:
    text = f"{INNER}h = Dense(x, wide)\noutput y = h @ W\n"
    assert any("'wide'" in words and "overrid" not in words for _, words in sizes_told(text))
    assert any("'wide'" in words and "overrid" in words for _, words in sizes_told(text, wide=5))


@rule(MESSAGES, "a size that an op computes is shown as it came about")
def test_computed_sizes_are_shown_as_they_came_about() -> None:
    text = f"{INNER}h = Dense(x, wide)\nboth = concat(h, x, axis = 1)\noutput y = both @ W\n"
    assert any(line == 5 and words.endswith(("3 + 4", "4 + 3")) for line, words in sizes_told(text))


@rule(MESSAGES, "one from inside a call is shown where the file wrote it, with the call")
def test_sizes_from_inside_a_call() -> None:
    text = (
        "block f(x) {\n  k = ones([5, 4])\n  return sum(x) * k\n}\n"
        f"{INNER}h = f(x)\noutput y = h @ W * wide\n"
    )
    told = sizes_told(text)
    assert any(line == 2 and "in the call of 'f' (line 8)" in words for line, words in told)
