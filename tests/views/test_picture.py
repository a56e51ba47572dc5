"""Pictures are written whole, by whatever Graphviz there is, or it is said what is missing."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

import graphdsl
from graphdsl.driver import compile_source
from graphdsl.language.diagnostics import DataError, UsageError
from graphdsl.language.source import Source
from graphdsl.views import picture, render
from graphdsl.views.drawing.options import make_options
from graphdsl.views.network.render import render_network

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}title"

STARTS = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


@pytest.fixture
def model() -> graphdsl.Model:
    return graphdsl.loads("input x\n## A <b>doc</b> & more.\noutput θ = exp(x) * 2")


@pytest.fixture(params=["dot", "pygraphviz"])
def tool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """One of the two ways to a picture; the other is hidden."""
    if request.param == "dot" and not shutil.which("dot"):
        pytest.skip("this machine has no program dot")
    if request.param == "pygraphviz":
        if find_spec("pygraphviz") is None:
            pytest.skip("pygraphviz is not installed")
        monkeypatch.setattr(picture.shutil, "which", lambda _: None)
    return str(request.param)


@pytest.mark.parametrize("format", STARTS)
def test_every_format_is_drawn(
    model: graphdsl.Model, tool: str, format: str, tmp_path: Path
) -> None:
    path = tmp_path / f"model.{format}"
    model.render(path)
    assert path.read_bytes().startswith(STARTS[format])
    assert list(tmp_path.iterdir()) == [path]


def test_text_stays_text_in_svg(model: graphdsl.Model, tool: str, tmp_path: Path) -> None:
    path = tmp_path / "model.svg"
    model.render(path)
    text = path.read_text(encoding="utf-8")
    assert ">θ" in text
    assert "<b>" not in text
    assert "A &lt;b&gt;doc&lt;/b&gt; &amp; more." in text


HOSTILE = '<script>alert("x")</script> </script \\N {a|b} &lt; end\''


def test_hostile_text_stays_text_in_svg(tool: str, tmp_path: Path) -> None:
    source = Source(f"## {HOSTILE}\n\n## {HOSTILE}\ninput x\noutput y = x * 2", f"\u202e{HOSTILE}")
    render.render(compile_source(source), tmp_path / "m.svg", make_options(shapes=True))
    text = (tmp_path / "m.svg").read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert {e.tag.rpartition("}")[2] for e in root.iter()}.isdisjoint({"script", "b"})
    titles = [t for e in root.iter() for t in (e.get(XLINK, ""), "".join(e.itertext()))]
    assert sum(HOSTILE in title for title in titles) >= 2
    assert "\u202e" not in text


@pytest.mark.parametrize("view", ["graph", "network"])
@pytest.mark.parametrize("name", ["lecture", "<b>&lt; \\N\"{|}'\\", "θ א 😀\u202e"])
def test_the_title_is_the_name_of_the_model(
    tool: str, tmp_path: Path, name: str, view: str
) -> None:
    compilation = compile_source(Source("input x: [2]\noutput y = x * 2", f"folder/{name}.gdl"))
    drawn = {"graph": render.render, "network": render_network}[view]
    drawn(compilation, tmp_path / "m.svg")
    root = ElementTree.fromstring((tmp_path / "m.svg").read_text(encoding="utf-8"))
    title = root.find(f"{SVG}g/{SVG}title")
    assert title is not None
    assert title.text == name.replace("\\", "/").replace("\u202e", "/u202e")


def test_letters_are_drawn_where_no_font_is_installed(
    model: graphdsl.Model, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "fonts.conf"
    empty.write_text("<?xml version='1.0'?><fontconfig></fontconfig>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(empty))
    model.render(tmp_path / "boxes.png")
    monkeypatch.delenv("FONTCONFIG_FILE")
    monkeypatch.setattr(picture, "FONT_FOLDERS", ())
    model.render(tmp_path / "letters.png")
    boxes, letters = ((tmp_path / f"{n}.png").read_bytes() for n in ("boxes", "letters"))
    assert letters != boxes
    kept = (Path(picture.__file__).parent / "fonts").iterdir()
    assert {path.name for path in kept} == {"DejaVuSans-subset.ttf", "LICENSE.txt"}


def test_dot_needs_no_tool(
    model: graphdsl.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "_command", lambda _: None)
    model.render(tmp_path / "model.dot")
    assert (tmp_path / "model.dot").read_text(encoding="utf-8").startswith("digraph")


def test_without_a_tool_the_text_is_written_and_help_given(
    model: graphdsl.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "_command", lambda _: None)
    with pytest.raises(DataError, match="no Graphviz") as caught:
        model.render(tmp_path / "model.svg")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E0824"
    assert "graphdsl-lang[render]" in diagnostic.help[0]
    assert [path.name for path in tmp_path.iterdir()] == ["model.dot"]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("import sys; sys.exit('syntax error near <')", "syntax error near <"),
        ("import time; time.sleep(60)", "took more than"),
        ("pass", "ended with 0"),
    ],
)
def test_a_layout_that_fails_leaves_no_half_picture(
    model: graphdsl.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    monkeypatch.setattr(picture, "_command", lambda _: [sys.executable, "-c", script])
    monkeypatch.setattr(picture, "LIMIT_S", 1)
    with pytest.raises(DataError, match=why) as caught:
        model.render(tmp_path / "model.png")
    assert caught.value.diagnostics[0].code == "E0825"
    assert not (tmp_path / "model.png").exists()


@pytest.mark.parametrize(
    ("name", "code"),
    [("model.jpg", "E0822"), ("model", "E0822"), ("none/model.svg", "E0823")],
)
def test_paths_are_checked_before_anything_is_drawn(
    model: graphdsl.Model, tmp_path: Path, name: str, code: str
) -> None:
    with pytest.raises((UsageError, DataError)) as caught:
        model.render(tmp_path / name)
    assert caught.value.diagnostics[0].code == code
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_picture_s_place_is_said(model: graphdsl.Model, tmp_path: Path) -> None:
    (tmp_path / "model.dot").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        model.render(tmp_path / "model.dot")


def test_too_many_boxes_are_refused(
    model: graphdsl.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "MOST_BOXES", 2)
    with pytest.raises(DataError, match="3 boxes") as caught:
        model.render(tmp_path / "model.svg")
    assert caught.value.diagnostics[0].code == "E0826"
    model.render(tmp_path / "model.dot")
