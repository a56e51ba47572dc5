"""What a model says: when two are one, and how they differ."""

from __future__ import annotations

from pathlib import Path

import graphdsl
from graphdsl.training.identity import MOST_LINES, find_differences, model_hash, texts

TEXT = "const k = 2\nparam w = 1\nloss J = k * w^2\n"


def test_layout_and_comments_are_no_difference() -> None:
    one, other = (graphdsl.loads(text).compilation for text in (TEXT, "# why\n\n" + TEXT))
    assert model_hash(one) == model_hash(other)
    assert list(find_differences(one, other)) == []


def test_text_constants_and_float_are() -> None:
    before = graphdsl.loads(TEXT).compilation
    changed = graphdsl.loads(TEXT.replace("w^2", "w^3"), dtype="f64", k=3).compilation
    assert model_hash(before) != model_hash(changed)
    assert list(find_differences(before, changed))[3:] == [
        " param w = 1",
        "-loss J = k * w^2",
        "+loss J = k * w^3",
        "const k: 2 then, 3 now",
        "float: f32 then, f64 now",
    ]


def test_imported_files_belong_to_a_model(tmp_path: Path) -> None:
    (tmp_path / "m.gdl").write_text('from "a.gdl" import b\nparam w = 1\nloss J = b(w)\n')
    found = []
    for power in (2, 3):
        (tmp_path / "a.gdl").write_text(f"block b(x) {{\n  return x^{power}\n}}\n")
        found.append(graphdsl.load(tmp_path / "m.gdl").compilation)
    assert model_hash(found[0]) != model_hash(found[1])
    assert list(texts(found[0])) == ["", "a.gdl"]
    assert list(find_differences(*found))[:2] == ["--- a.gdl", "+++ a.gdl"]


def test_a_long_difference_is_cut() -> None:
    params = "".join(f"param w{number} = 1\n" for number in range(200))
    one, other = (
        graphdsl.loads(f"{text}loss J = w1^2\n").compilation
        for text in (params, params.replace("= 1\n", "= 2\n"))
    )
    lines = list(find_differences(one, other))
    assert len(lines) == MOST_LINES + 1
    assert lines[-1].startswith("… and ")
