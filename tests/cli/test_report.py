"""`report`: a page is written whole or not at all, and what a run lacks is said."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import numpy as np
import pytest

DIVERGING = """\
dim N
input x: [N, 2]
param w: [2] = 1
loss J = mean(exp(x @ w * 40))
data {
  source = "d.npz"
  x = x
}
train {
  optimizer = sgd(lr = 1e3)
  batch = 16
  epochs = 3
}
"""


def test_the_page_is_written_and_says_where(call, trained) -> None:
    done = call("report", trained, "-o", "r.html")
    assert (done.code, done.out, done.err) == (0, "", "wrote r.html\n")
    text = Path("r.html").read_text()
    assert "<title>done</title>" in text
    for told in ("<h3>J</h3>", "<h3>close</h3>", "<h3>learning rate</h3>", "valid close"):
        assert told in text


def test_two_runs_stand_side_by_side(call, trained, small) -> None:
    assert call("run", small, "-q", "--out", "other", "--seed", "5").code == 0
    assert call("report", trained, "other", "-o", "r.html").code == 0
    text = Path("r.html").read_text()
    assert "<title>done and other</title>" in text
    assert "1 of these differs, marked with ≠." in text


def test_a_run_that_was_cut_short_is_told_of(call, stopped) -> None:
    done = call("report", stopped, "-o", "r.html")
    assert done.code == 0
    assert "The run was interrupted" in Path("r.html").read_text()


def test_a_run_that_diverged_is_told_of(call, model, small) -> None:
    assert call("run", model(DIVERGING), "-q", "--out", "d").code == 3
    done = call("report", "d", "-o", "r.html")
    assert done.code == 0
    assert "d: It came to no epoch: there is nothing to draw." in done.err
    assert "The run diverged" in Path("r.html").read_text()


def test_moved_data_can_be_named(call, trained) -> None:
    Path("d.npz").rename("e.npz")
    assert call("report", trained, "-o", "r.html").code == 0
    assert "No gradients were taken" in Path("r.html").read_text()
    assert call("report", trained, "-o", "r.html", "--data", "e.npz").code == 0
    assert "No gradients were taken" not in Path("r.html").read_text()


def test_what_is_damaged_is_printed(call, trained) -> None:
    weights = trained / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:50])
    done = call("report", trained, "-o", "r.html")
    assert done.code == 0
    assert done.err.startswith("done: No gradients at the kept weights: ")
    assert done.err.endswith("wrote r.html\n")


def test_other_data_is_not_taken_for_the_runs(call, trained) -> None:
    held = np.load("d.npz")
    np.savez("d.npz", x=held["x"], y=held["y"] + 1)
    assert call("report", trained, "-o", "r.html").code == 0
    said = "No gradients were taken: the data is not what the run has been trained on"
    assert said in Path("r.html").read_text()


def test_the_run_is_left_as_it_was(call, trained) -> None:
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    assert call("report", trained, "-o", "r.html").code == 0
    assert {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()} == before


def test_the_same_run_makes_the_same_page(call, trained) -> None:
    pages = []
    for name in ("a.html", "b.html"):
        assert call("report", trained, "-o", name).code == 0
        pages.append(Path(name).read_bytes())
    assert pages[0] == pages[1]


def test_without_graphviz_the_page_says_so(call, trained, monkeypatch) -> None:
    from graphdsl.views import picture

    monkeypatch.setattr(picture, "_command", lambda _: None)
    assert call("report", trained, "-o", "r.html").code == 0
    assert "The graph was not drawn: this machine has no Graphviz." in Path("r.html").read_text()


def test_a_browser_is_asked_to_show_it(call, trained, monkeypatch, tmp_path) -> None:
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: not shown.append(url))
    assert call("report", trained, "-o", "r.html", "--open").code == 0
    assert shown == [(tmp_path / "r.html").as_uri()]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("done", "-o", "r.png"), "E0822"),
        (("done", "-o", "none/r.html"), "E0823"),
        (("none", "-o", "r.html"), "E0836"),
        (("done", "none", "-o", "r.html"), "E0836"),
        (("m.gdl", "-o", "r.html"), "E0836"),
    ],
)
def test_bad_words_leave_no_page(call, trained, words: tuple[str, ...], code: str) -> None:
    done = call("report", *words)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error[{code}]")
    assert not Path("r.html").exists()
