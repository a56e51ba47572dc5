"""`view`: a page is written whole or not at all; from values, from rows of the data, from none."""

from __future__ import annotations

import json
import re
import webbrowser
from pathlib import Path
from typing import Any

import pytest

L1 = ("x=2", "z=3")


def carried(path: Path) -> dict[str, Any]:
    """The data of a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text())
    assert found is not None
    return dict(json.loads(found[1]))


def value(path: Path, name: str) -> str:
    """What the page has for a node's value."""
    (node,) = [node for node in carried(path)["nodes"] if node["name"] == name]
    return str(node["value"].get("full"))


def test_the_page_is_written_and_says_where(call, examples) -> None:
    done = call("view", examples / "lecture" / "l1.gdl", "-o", "l1.html", *L1)
    assert (done.code, done.out, done.err) == (0, "", "wrote l1.html\n")
    assert value(Path("l1.html"), "y").startswith("412.191457284121")


def test_the_float_can_be_chosen(call, examples) -> None:
    file = examples / "lecture" / "l1.gdl"
    call("view", file, "-o", "l1.html", *L1, "--dtype", "f32")
    shown = value(Path("l1.html"), "y")
    assert float(shown) == pytest.approx(412.191457284121, rel=1e-6)
    assert len(shown) <= len("412.19144")  # as many digits as tell it from other f32 numbers


def test_without_values_there_are_symbols_and_a_note_that_says_so(call, examples) -> None:
    assert call("view", examples / "lecture" / "l1.gdl", "-o", "l1.html").code == 0
    told = carried(Path("l1.html"))
    assert told["symbols"]
    assert told["notes"] == ["No values were given (x, z): formulas and shapes alone."]


def test_rows_of_the_data_are_values_too(call, examples) -> None:
    file = examples / "digits.gdl"
    assert call("view", file, "-o", "d.html", "--rows", "8").code == 0
    told = carried(Path("d.html"))
    (y,) = [node for node in told["nodes"] if node["name"] == "y"]
    assert len(y["value"]["rows"]["cells"][0]) == 8
    assert not told["symbols"]


def test_the_mode_of_training_can_be_looked_at(call, model) -> None:
    file = model("input x\noutput y = x * 2 if training else x")
    for words, shown in (((), "3"), (("--training",), "6")):
        assert call("view", file, "-o", "m.html", "x=3", *words).code == 0
        assert value(Path("m.html"), "y") == shown


def test_trained_weights_are_shown(call, model) -> None:
    file = model(
        "param w = 0\nloss J = (w - 3)^2\ntrain { optimizer = sgd(lr = 0.5) \n epochs = 1 }"
    )
    assert call("run", file, "--out", "r", "-q").code == 0
    assert call("view", file, "-o", "m.html", "--weights", "r").code == 0
    assert value(Path("m.html"), "w") == "3"


def test_a_browser_is_asked_to_show_it(call, examples, monkeypatch, tmp_path) -> None:
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: not shown.append(url))
    done = call("view", examples / "lecture" / "l1.gdl", "-o", "a b.html", "--open")
    assert done.code == 0
    assert shown == [(tmp_path / "a b.html").as_uri()]


def test_without_a_browser_the_page_is_there_all_the_same(call, examples, monkeypatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    done = call("view", examples / "lecture" / "l1.gdl", "-o", "l1.html", "--open")
    assert done.code == 0
    assert "no browser was found; open " in done.err
    assert Path("l1.html").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("-o", "l1.png"), "E0822"),
        (("-o", "l1"), "E0822"),
        (("-o", "none/l1.html"), "E0823"),
        (("-o", "l1.html", "x=2"), "E0602"),
        (("-o", "l1.html", "q=2"), "E0601"),
        (("-o", "l1.html", "--of", "w", *L1), "E0803"),
        (("-o", "l1.html", "--of", "w"), "E0803"),
    ],
)
def test_bad_words_leave_no_page(call, examples, words: tuple[str, ...], code: str) -> None:
    done = call("view", examples / "lecture" / "l1.gdl", *words)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error[{code}]")
    assert list(Path().iterdir()) == []


def test_a_vector_has_no_gradient(call, model) -> None:
    file = model("input x: [3]\noutput y = x * 2")
    done = call("view", file, "-o", "m.html", "x=[1,2,3]", "--of", "y")
    assert done.code == 1
    assert done.err.startswith("error[E0807]")
    assert call("view", file, "-o", "m.html", "x=[1,2,3]").code == 0  # the forward sweep alone


def test_rows_that_are_asked_for_in_vain_are_misuse(call, examples) -> None:
    done = call("view", examples / "lecture" / "l1.gdl", "-o", "l1.html", "--rows", "3")
    assert done.code == 2
    assert "the file has no data block" in done.err
