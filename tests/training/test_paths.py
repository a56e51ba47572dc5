"""A model's own paths stay in its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphdsl import ModelError
from graphdsl.language.source import Source
from graphdsl.training.paths import inside, model_folder

SPAN = Source('source = "x"', "m.gdl").span(9, 12)


def test_paths_beside_the_file(tmp_path: Path) -> None:
    assert inside(tmp_path, "data/a.csv", SPAN) == tmp_path / "data" / "a.csv"
    assert model_folder(Source("", "m", tmp_path / "m.gdl")) == tmp_path
    assert model_folder(Source("")) == Path()


@pytest.mark.parametrize(
    "text", ["/etc/passwd", "../a.csv", "a/../../b", "C:\\a.csv", "..\\a.csv", "\\\\host\\a", "a\0"]
)
def test_paths_that_leave(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelError) as caught:
        inside(tmp_path, text, SPAN)
    assert "E0508" in str(caught.value)
    assert "m.gdl:1:10" in str(caught.value)


def test_links_that_leave(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("a\n1\n")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.csv").symlink_to(tmp_path / "out.csv")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "inner.csv").symlink_to(folder / "real.csv")
    for name in ("link.csv", "loop/a.csv"):
        with pytest.raises(ModelError, match="E0508"):
            inside(folder, name, SPAN)
    assert inside(folder, "inner.csv", SPAN)
