"""`graphdsl stats`: the table, JSON, several models, the picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def test_a_line_for_each_parameter(call, examples: Path) -> None:
    done = call("stats", examples / "digits.gdl", "--batches", "2")
    assert done.code == 0
    header, *rows = done.out.splitlines()
    assert [row.split()[0] for row in rows] == ["W1", "b1", "W2", "b2"]
    assert header.split()[:3] == ["shape", "weight", "mean"]
    assert rows[0].split()[1].startswith("64×")
    assert "%" in rows[0]


def test_json_and_values_in_place_of_data(call, examples: Path) -> None:
    lecture = examples / "lecture"
    fed = [f"{name}=@{lecture / 'points.npy'}" for name in "xy"]
    done = call("stats", lecture / "l13.gdl", lecture / "l14.gdl", *fed, "--json", "--seed", "0")
    vanishing, steady = json.loads(done.out).values()
    assert vanishing[0]["name"] == "o[1].W"
    assert (vanishing[0]["zeros"], vanishing[0]["rms"]) == (1, 0)
    assert steady[0]["rms"] > 1e-4
    assert steady[0]["update_ratio"] > 0


def test_more_batches_change_the_averages(call, examples: Path) -> None:
    def averages(*words: str) -> list[float]:
        done = call("stats", examples / "digits.gdl", "--json", *words)
        (rows,) = json.loads(done.out).values()
        return [row["averaged_deviation"] for row in rows]

    assert averages("--batches", "1") == pytest.approx([0, 0, 0, 0])
    assert min(averages("--batches", "4")) > 0
    assert averages("--beta", "0.5") != averages("--beta", "0.9")


def test_the_picture(call, examples: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")
    for name in ("a.png", "a.svg", "a.pdf"):
        words = ("--batches", 1, "--plot", tmp_path / name)
        done = call("stats", examples / "lecture" / "l18.gdl", *words)
        assert (done.code, done.err) == (0, f"wrote {tmp_path / name}\n")
        assert (tmp_path / name).stat().st_size > 5000
        told = json.loads(call("stats", examples / "lecture" / "l18.gdl", *words, "--json").err)
        assert told == {"event": "note", "message": f"wrote {tmp_path / name}"}


def test_files_of_one_name_are_told_apart_on_the_picture(
    call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[dict[str, object]] = []
    monkeypatch.setattr(
        "graphdsl.views.plots_layers.draw_gradients", lambda _, models: drawn.append(models)
    )
    paths = [tmp_path / name for name in ("a/m.gdl", "b/m.gdl", "n.gdl")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("input x\nparam w = 1\nloss J = x * w")
    assert call("stats", *paths, "x=1", "--plot", tmp_path / "a.svg").code == 0
    assert [*drawn[0]] == [str(paths[0]), str(paths[1]), "n"]


def test_a_batch_that_is_asked_for_has_to_be_there(call, examples: Path) -> None:
    """The file's own batch is the training part's: of a smaller part there is one, and shorter."""
    digits = examples / "digits.gdl"
    done = call("stats", digits, "--part", "valid", "--batch", "1000")
    assert "a batch is 1,000 rows, and the valid part has 3" in done.err
    assert done.code == 1
    assert call("stats", digits, "--part", "valid", "--with", "batch=1000").code == 0
    assert call("stats", digits, "--part", "valid", "--batch", "all").code == 0


def test_what_is_wrong_is_told(call, examples: Path) -> None:
    assert call("stats", examples / "digits.gdl", "--beta", "1").code == 2
    assert "E0807" in call("stats", examples / "lecture" / "l5.gdl", "x=[1]").err


def test_a_label_out_of_range_is_found_in_the_data(call, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,k\n1,0\n2,1\n3,7\n")
    text = "dim N\ninput x: [N, 1]\ninput k: i64[N]\nloss J = mean(cross_entropy(Dense(x, 2), k))\n"
    data = 'data {\n  source = "d.csv"\n  x = table[:, :1]\n  k = k\n}\n'
    (tmp_path / "m.gdl").write_text(text + data)
    done = call("stats", tmp_path / "m.gdl")
    assert (done.code, done.out) == (1, "")
    assert "7 stands in input 'k', column 'k', row 2 (line 4)" in done.err
