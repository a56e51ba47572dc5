"""What a page carries, before any browser sees it: its policy, its data, its numbers, its size."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import graphdsl
from graphdsl.driver import compile_source
from graphdsl.graph.types import DType
from graphdsl.language.diagnostics import DataError, UsageError
from graphdsl.language.source import Source, read_source
from graphdsl.session import Session
from graphdsl.views.page import build, shell
from graphdsl.views.page.build import graph_page, page_data

EXAMPLES = Path(__file__).parents[2] / "examples"
L1 = EXAMPLES / "lecture" / "l1.gdl"


class Reader(HTMLParser):
    """The elements of a page with their attributes, and the texts of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag if tag in ("script", "style", "title") else ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open, []).append(data)

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


def session(model: str | Path) -> Session:
    """A model in f64."""
    source = read_source(model) if isinstance(model, Path) else Source(model, "m.gdl")
    return Session(compile_source(source, float=DType.f64))


def data(model: str | Path, of: str | None = None, **fed: Any) -> dict[str, Any]:
    """What the page of a model is given."""
    return page_data(session(model), fed, of)


def named(told: dict[str, Any], name: str) -> dict[str, Any]:
    """The box of that name."""
    (node,) = [node for node in told["nodes"] if node["name"] == name]
    return dict(node)


@pytest.fixture(scope="module")
def l1() -> Reader:
    return Reader(graph_page(session(L1), {"x": 2, "z": 3}))


# --- the shell -----------------------------------------------------------------------------------


def test_the_policy_allows_this_script_and_this_style_and_nothing_else(l1: Reader) -> None:
    (policy,) = [
        attrs["content"] or ""
        for tag, attrs in l1.elements
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == hashed(l1.texts["script"][1])
    assert rules["style-src"] == hashed(l1.texts["style"][0])
    assert rules["require-trusted-types-for"] == "'script'"
    assert rules["trusted-types"] == "'none'"
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in policy
    assert "http" not in policy


def hashed(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def test_the_policy_stands_before_everything_that_it_governs(l1: Reader) -> None:
    tags = [tag for tag, attrs in l1.elements]
    policy = next(k for k, (_, a) in enumerate(l1.elements) if "http-equiv" in a)
    assert policy < min(tags.index(tag) for tag in ("style", "script", "link", "body"))


def test_the_page_refers_to_nothing_outside(l1: Reader) -> None:
    for _, attrs in l1.elements:
        for name, value in attrs.items():
            assert not name.startswith("on"), "handlers in markup would need unsafe-inline"
            assert name not in ("style", "src", "srcset", "action")
            if name == "href":
                assert value == "data:,"
    for text in (*l1.texts["script"][1:], *l1.texts["style"]):
        assert set(re.findall(r"https?://[\w./]+", text)) <= {"http://www.w3.org/2000/svg"}
        assert "url(" not in text
        assert "@import" not in text
        assert "innerHTML" not in text
        assert "eval(" not in text


def test_data_cannot_end_their_element_and_come_back_whole() -> None:
    evil = {"</script><!--": ["<script>", "a\u2028b", "\u202e", "é", 1.5, None, True]}
    text = shell.data_text(evil)
    assert not set("<>&\u2028\u2029\u202e") & set(text)
    assert json.loads(text) == {
        "</script><!--": ["<script>", "a\\u2028b", "\\u202e", "é", 1.5, None, True]
    }


def test_text_of_the_shell_is_escaped() -> None:
    assert shell.text('<b title="x">&\'\u202e') == "&lt;b title=&quot;x&quot;&gt;&amp;&#x27;\\u202e"


def test_a_page_of_another_kind_uses_the_same_shell() -> None:
    page = shell.Page("run <1>", "", {"rows": [1, 2]}, "graph-help.html", (), ())
    read = Reader(shell.page_text(page))
    assert read.texts["title"] == ["run <1>"]
    assert json.loads(read.texts["script"][0]) == {"rows": [1, 2]}
    assert ("button", "theme") in [(tag, attrs.get("id")) for tag, attrs in read.elements]


# --- what is drawn -------------------------------------------------------------------------------


def test_boxes_have_functions_roles_values_and_lines() -> None:
    told = data(L1, x=2, z=3)
    c = named(told, "c")
    assert (c["label"], c["role"], c["shape"], c["dtype"]) == ("sin", "op", "scalar", "f64")
    assert told["files"][c["file"]]["lines"][c["line"] - 1] == "c = sin(b)"
    assert c["value"] == {"short": "0.638961", "full": "0.6389612763136348"}
    assert c["operands"] == [named(told, "b")["id"]]
    assert named(told, "x")["label"] == "input"
    assert named(told, "y")["role"] == "output"


def test_steps_are_the_rows_of_the_trace_what_is_given_is_none() -> None:
    told = data(L1, x=2, z=3)
    forward = [step["name"] for step in told["steps"] if step["sweep"] == "forward"]
    reverse = [step["name"] for step in told["steps"] if step["sweep"] == "reverse"]
    assert forward == list("abcdefy")
    assert reverse[0] == "g_y"
    assert {"g_x", "g_z", "g_a"} < set(reverse)
    (b,) = [step for step in told["steps"] if step["name"] == "g_b"]
    assert b["formula"] == "g_e·(−a/b²) + g_c·cos b"
    assert [term["formula"] for term in b["terms"]] == ["g_e·(−a/b²)", "g_c·cos b"]
    assert [term["value"] for term in b["terms"]] == ["−12.4882", "0.128206"]


def test_a_box_without_a_row_comes_to_light_with_the_row_it_is_part_of() -> None:
    told = data(L1, x=2, z=3)
    inner = [node["id"] for node in told["nodes"] if node["name"] is None]
    assert len(inner) == 1  # d + e
    assert [step["name"] for step in told["steps"] if inner[0] in step["inner"]] == ["y", "g_y"]


def test_without_values_there_are_shapes_and_formulas_alone() -> None:
    told = data(EXAMPLES / "digits.gdl")
    assert told["symbols"]
    assert "No values were given (x, y)" in told["notes"][0]
    assert "--rows" in told["notes"][0]
    assert named(told, "h")["value"] == {"short": "[N, 512]"}
    assert {step["sweep"] for step in told["steps"]} == {"forward", "reverse"}
    assert all(step["numbers"] is None for step in told["steps"])
    assert not any("value" in term for s in told["steps"] for term in s.get("terms", ()))


def test_a_model_without_inputs_has_values_at_once() -> None:
    told = data("param w = 3\nloss J = w^2")
    assert not told["symbols"]
    assert named(told, "w")["cotangent"]["full"] == "6"


def test_where_nothing_is_to_be_differentiated_the_page_says_why() -> None:
    told = data("input x: [3]\noutput y = 2 * x\noutput z = x + 1", x=[1, 2, 3])
    assert {step["sweep"] for step in told["steps"]} == {"forward"}
    assert told["notes"][0].startswith("There is no reverse sweep: ")
    assert "cotangent" not in named(told, "x")
    symbols = data("input x: [3]\noutput y = 2 * x")
    assert {step["sweep"] for step in symbols["steps"]} == {"forward"}


def test_another_scalar_can_be_chosen() -> None:
    told = data(L1, "b", x=2, z=3)
    assert named(told, "x")["cotangent"]["full"] == "0.5"
    assert "cotangent" not in named(told, "y")


def test_a_model_writes_its_page(tmp_path: Path) -> None:
    text = "input x\nh = 3 * x if training else x\na = h^2\noutput y = a + x\n"
    model, path = graphdsl.loads(text, dtype="f64"), tmp_path / "m.html"
    for feeds, options, value, target in (
        ({"x": 2}, {}, "6", "g_y"),
        ({"x": 2}, {"training": True}, "38", "g_y"),
        ({"x": 2}, {"of": "a"}, "6", "g_a"),
        ({}, {}, None, "g_y"),
    ):
        model.view(path, feeds, **options)
        (carried,) = re.findall(r'id="data">(.*?)</script>', path.read_text("utf-8"))
        told = json.loads(carried)
        assert named(told, "y")["value"].get("full") == value
        assert next(s["name"] for s in told["steps"] if s["sweep"] == "reverse") == target


@pytest.mark.parametrize(
    ("name", "fed", "fault"),
    [
        ("m.png", {"x": 2}, UsageError),
        ("none/m.html", {"x": 2}, DataError),
        ("m.html", {"q": 2}, DataError),
    ],
)
def test_a_page_that_cannot_be_written_is_refused(
    tmp_path: Path, name: str, fed: dict[str, Any], fault: type[Exception]
) -> None:
    model = graphdsl.loads("input x\noutput y = x^2\n")
    with pytest.raises(fault):
        model.view(tmp_path / name, fed)
    assert list(tmp_path.iterdir()) == []


def test_names_that_formulas_use_stand_beside_their_boxes() -> None:
    told = data("input x\noutput y = sin(x)^2 + 1", x=1)
    made = [node for node in told["nodes"] if "alias" in node]
    formulas = " ".join(step["formula"] for step in told["steps"])
    assert made
    for node in made:
        assert node["alias"] in formulas


def test_blocks_hold_blocks_and_a_loop_holds_turns() -> None:
    told = data(EXAMPLES / "lecture" / "l14.gdl")
    loop = told["groups"][0]
    assert (loop["kind"], loop["label"], loop["parent"]) == ("repeat", "repeat l in 1..50", -1)
    turns = [group for group in told["groups"] if group["kind"] == "turn"]
    assert [turn["label"] for turn in turns] == [f"turn {k}" for k in range(1, 51)]
    assert {turn["parent"] for turn in turns} == {loop["id"]}
    assert named(told, "o[3].W")["group"] == turns[2]["id"]


def test_a_block_that_values_leave_and_enter_again_is_none() -> None:
    text = """
block Slope(x) {
  s = sum(exp(x))
  d = grad(s, x)
  return d * x
}
block Fine(x) { return sin(x) * x }
input x: [3]
output y = sum(Slope(x) + Fine(x))
"""
    told = data(text, x=[1, 2, 3])
    assert [group["label"] for group in told["groups"]] == ["Fine"]


def test_a_block_of_the_prelude_has_its_own_text_and_the_line_that_calls_it() -> None:
    told = data("input x: [2, 3]\nh = Dense(x, 4)\nloss J = mean(h)")
    (weights,) = [n for n in told["nodes"] if n["name"] == "h.W"]
    assert told["files"][weights["file"]]["name"] == "layers.gdl"
    assert "param W" in told["files"][weights["file"]]["lines"][weights["line"] - 1]
    assert weights["via"] == 2


def test_what_the_feeds_lack_is_told_as_everywhere() -> None:
    with pytest.raises(DataError, match="not fed"):
        data(L1, x=2)
    with pytest.raises(UsageError, match="no node"):
        data(L1, "bb")
    with pytest.raises(UsageError, match="no scalar"):
        data("input x: [3]\noutput y = x * 2", "y")


def test_a_graph_that_no_browser_could_show_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "MOST_BOXES", 9)
    with pytest.raises(DataError, match="10 boxes are more than it can show"):
        data(L1, x=2, z=3)
    monkeypatch.setattr(build, "MOST_BOXES", 10)
    assert len(data(L1, x=2, z=3)["nodes"]) == 10
