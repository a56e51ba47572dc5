"""The gallery is as its commands make it, and what would make it stale is found."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import make_gallery
from compare_svg import same_drawing, same_plot
from make_gallery import PICTURES, Gallery, commands, make, read, shown, stale


@pytest.fixture(scope="module")
def now() -> Gallery:
    return read()


@pytest.fixture(scope="module")
def fresh(now: Gallery) -> Gallery:
    return make(now.page)


def test_gallery_is_fresh(now: Gallery, fresh: Gallery) -> None:
    assert not list(stale(now, fresh)), "run `make gallery` and look at the pictures"


def test_every_command_of_the_page_is_run(now: Gallery) -> None:
    lines = re.findall(r"^\$ (graphdsl .*)$", now.page, re.MULTILINE)
    assert lines == commands(now.page)


def test_the_page_shows_every_picture_that_its_commands_write(fresh: Gallery) -> None:
    written = [name for name in fresh.pictures if name.endswith(".svg")]
    assert sorted(shown(fresh.page)) == sorted(written)


def test_the_lecture_has_its_pictures(now: Gallery) -> None:
    titles = " ".join(re.findall(r"^## (.*):", now.page, re.MULTILINE))
    assert re.findall(r"L\d+", titles) == [f"L{n}" for n in (*range(1, 8), 13, 14)]


def test_pictures_are_small() -> None:
    assert all(file.stat().st_size < 200_000 for file in PICTURES.iterdir())


# --- what is stale is found ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("412.191457284121", "412.191457284122"),
        ("--values x=2 z=3", "--values x=2 z=4"),
        ("l1_sweeps.svg --grad", "l1_sweeps.svg"),
        ("-o l1_sweeps.svg", "-o l1_other.svg"),
    ],
)
def test_a_change_of_the_page_makes_it_stale(before: str, after: str, now: Gallery) -> None:
    (entry,) = re.findall(r"^## L1.*?(?=^## )", now.page, re.DOTALL | re.MULTILINE)
    assert before in entry
    page = entry.replace(before, after)
    pictures = {name: text for name, text in now.pictures.items() if re.match(r"l1[_.]", name)}
    assert not list(stale(Gallery(entry, pictures), make(entry)))
    assert list(stale(Gallery(page, pictures), make(page)))


def test_a_change_of_a_model_makes_its_drawing_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: Gallery
) -> None:
    lecture = tmp_path / "examples" / "lecture"
    lecture.mkdir(parents=True)
    model = (make_gallery.TREE / "examples" / "lecture" / "l1.gdl").read_text("utf-8")
    (lecture / "l1.gdl").write_text(model.replace("f = c / a", "f = a / c"), "utf-8")
    monkeypatch.setattr(make_gallery, "TREE", tmp_path)
    entry = "```console\n$ graphdsl render examples/lecture/l1.gdl -o l1.svg\n```\n"
    pictures = {name: now.pictures[name] for name in ("l1.svg", "l1.dot")}
    assert list(stale(Gallery(entry, pictures), make(entry))) == ["l1.dot", "l1.svg"]


@pytest.mark.parametrize(
    ("before", "after"), [(">sin<", ">cos<"), ('id="n4"', 'id="n400"'), ("#d6e6f5", "#d6e6ff")]
)
def test_a_drawing_that_differs_from_its_text_is_stale(
    before: str, after: str, now: Gallery, fresh: Gallery
) -> None:
    drawn = now.pictures["l1.svg"]
    assert before in drawn
    changed = {**now.pictures, "l1.svg": drawn.replace(before, after)}
    assert list(stale(replace(now, pictures=changed), fresh)) == ["l1.svg"]


def test_the_layout_of_a_drawing_may_differ(now: Gallery) -> None:
    drawn = now.pictures["l1.svg"]
    moved = re.sub(r' (x|y|d|points)="[^"]*"', r' \1="0"', drawn)
    assert moved != drawn
    assert same_drawing(drawn, moved)


def test_pictures_that_are_missing_or_left_over_are_stale(now: Gallery, fresh: Gallery) -> None:
    others = {name: text for name, text in now.pictures.items() if name != "l5.svg"}
    changed = replace(now, pictures={**others, "l0.svg": ""})
    assert list(stale(changed, fresh)) == ["l0.svg", "l5.svg"]


def test_a_command_that_fails_is_said() -> None:
    page = "```console\n$ graphdsl render examples/lecture/l1.gdl -o l1.gif\n```\n"
    with pytest.raises(RuntimeError, match="E0822"):
        make(page)


# --- plots ---------------------------------------------------------------------------------------

PLOT = """\
## The activation.
dim N
input x: [N]
output y = {}
"""


def plot(folder: Path, function: str, *, points: str = "x=-3:3") -> str:
    """The picture of an activation."""
    (folder / "m.gdl").write_text(PLOT.format(function), "utf-8")
    picture = folder / "m.svg"
    assert make_gallery.graphdsl(["plot", str(folder / "m.gdl"), points, "-o", str(picture)]) == 0
    return picture.read_text("utf-8")


def test_plots_are_compared_by_their_curves(tmp_path: Path) -> None:
    drawn = plot(tmp_path, "tanh(x)")
    assert same_plot(drawn, plot(tmp_path, "1 - 2 / (exp(2 * x) + 1)"))
    assert not same_plot(drawn, plot(tmp_path, "1.1 * tanh(x)"))
    assert not same_plot(drawn, plot(tmp_path, "tanh(1.1 * x)"))
    assert not same_plot(drawn, plot(tmp_path, "-tanh(x)"))


def test_plots_are_compared_by_their_words_and_colours(now: Gallery) -> None:
    drawn = now.pictures["l13_l14.svg"]
    for before, after in (("<!-- layer -->", "<!-- turn -->"), ("#d1495b", "#d1495c")):
        assert before in drawn
        assert not same_plot(drawn, drawn.replace(before, after))


def test_a_plot_may_stand_elsewhere_and_have_fewer_points(now: Gallery) -> None:
    drawn = now.pictures["l13_l14.svg"]
    assert same_plot(drawn, re.sub(r"\.(\d\d)\d+", r".\1", drawn))
