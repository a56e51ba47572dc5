"""`graphdsl render`: what is asked for reaches the drawing, and what cannot be drawn is said."""

from __future__ import annotations

from pathlib import Path

import pytest

L1 = "input x\ninput z\na = x * z\nb = ln(x)\noutput y = exp(a) + a / b\n"
LOOP = "input x\nh = x\nrepeat i in 1..40 {\n  h = tanh(h * 2) * 3\n}\noutput y = h\n"
TRAINED = """dim N
input x: [N]
param w = 2
loss J = mean((w * x - 1)^2)
data {
  source = "d.csv"
  x = a
}
train { optimizer = sgd(lr = 0.1) }
"""


def text(call, model, source: str, *words: object) -> str:
    """The DOT text that a command writes."""
    done = call("render", model(source), "-o", "m.dot", *words)
    assert done.code == 0, done.err
    assert done.err.endswith("wrote m.dot\n")
    assert done.out == ""
    return Path("m.dot").read_text("utf-8")


def test_it_draws_the_forward_graph(call, model) -> None:
    found = text(call, model, L1)
    assert "g_a" not in found
    assert "rankdir=TB" in found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shapes"], ">scalar<"),
        (["--values", "x=2", "z=3"], ">= 0.693147<"),
        (["--grad"], ">g_y<"),
        (["--grad", "--of", "a"], "g_a·z"),
        (["--direction", "LR"], "rankdir=LR"),
    ],
)
def test_options_reach_the_drawing(call, model, words: list[str], said: str) -> None:
    assert said in text(call, model, L1, *words)
    assert said not in text(call, model, L1)


def test_a_part_of_the_graph(call, model) -> None:
    found = text(call, model, L1, "--only", "y", "--depth", 1)
    assert ">b<" not in found
    assert "…" in found
    both = text(call, model, L1, "--only", "a", "--only", "b")
    assert ">b<" in both
    assert ">y<" not in both


def test_loops_fold_when_asked(call, model) -> None:
    assert "×40" in text(call, model, LOOP, "--collapse", "h")
    assert "×40" not in text(call, model, LOOP)


def test_it_says_when_a_drawing_folds_by_itself(call, model) -> None:
    path = model(LOOP.replace("40", "100"))
    done = call("render", path, "-o", "m.dot")
    assert done.err.splitlines() == [
        "303 boxes are drawn as 6, folded: h; --expand NAME unfolds one of them, "
        "--expand all every one",
        "wrote m.dot",
    ]
    whole = call("render", path, "-o", "m.dot", "--expand", "all")
    assert whole.err == "wrote m.dot\n"
    assert Path("m.dot").read_text("utf-8").count(">tanh<") == 100


def test_the_update_is_drawn(call, model) -> None:
    assert ">w ←<" in text(call, model, TRAINED, "--update")
    assert ">w ←<" not in text(call, model, TRAINED)


def test_values_may_be_rows_of_the_data(call, model) -> None:
    Path("d.csv").write_text("a\n1\n2\n3\n4\n5\n6\n")
    assert "= [1, 2, 3, 4]" in text(call, model, TRAINED, "--values")
    assert "= [2, 3]" in text(call, model, TRAINED, "--values", "--rows", "1:3")


def test_values_are_those_of_the_weights(call, model) -> None:
    import graphdsl

    path = model(TRAINED)
    trained = graphdsl.load(path)
    trained.params["w"][...] = 7.5
    trained.save("w.safetensors")
    words = ("--values", "x=[1]", "--weights", "w.safetensors")
    assert ">= 7.5<" in text(call, model, TRAINED, *words)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--values", "x=2"], 1, "E0602"),
        (["--values", "x=2", "zz=3"], 1, "did you mean 'z'?"),
        (["--values", "x=2", "x=3"], 2, "x is given twice"),
        (["--only", "yy"], 1, "did you mean 'y'?"),
        (["--depth", "3"], 1, "E0850"),
        (["--of", "a"], 1, "E0850"),
        (["--collapse", "Dense"], 1, "E0851"),
        (["--update"], 1, "E0801"),
        (["--rows", "3"], 2, "--rows is for --values"),
        (["--weights", "w"], 2, "--weights is for --values"),
        (["--direction", "RL"], 2, "invalid choice: 'RL'"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    call, model, words: list[str], code: int, said: str, tmp_path: Path
) -> None:
    done = call("render", model(L1), "-o", "m.dot", *words)
    assert done.code == code
    assert said in done.err
    assert not (tmp_path / "m.dot").exists()


@pytest.mark.parametrize("out", ["none/m.svg", "m.svgg", "m", "d.svg"])
def test_a_path_that_cannot_be_written(call, model, out: str, tmp_path: Path) -> None:
    (tmp_path / "d.svg").mkdir()
    done = call("render", model(L1), "-o", out)
    assert done.code == 1
    assert done.err.startswith("error[E08")
