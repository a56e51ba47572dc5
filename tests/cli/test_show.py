"""`show`: every stage as text."""

from __future__ import annotations

import re

import pytest

from graphdsl.cli.show import STAGES


def test_the_syntax_tree(call, model) -> None:
    done = call("show", model("output y = -2^x"), "--stage", "ast")
    assert done.out == (
        "Output(\n"
        "  name=Name(id='y'),\n"
        "  value=Unary(op='-', operand=Binary(op='^', left=Number(value=2), right=Name(id='x'))),\n"
        ")\n"
    )


def test_the_graph_has_a_line_for_each_node(call, examples) -> None:
    done = call("show", examples / "lecture" / "l1.gdl")
    assert "2 a: mul(0, 1) f32" in done.out.splitlines()
    assert "output y = 9" in done.out


def test_the_swept_graph_is_the_training_step_s_where_there_is_one(call, examples) -> None:
    done = call("show", examples / "digits.gdl", "--stage", "swept")
    assert {"# forward", "# reverse", "# update"} <= set(done.out.splitlines())


def test_the_swept_graph_is_the_first_scalar_s_otherwise(call, examples) -> None:
    done = call("show", examples / "lecture" / "l1.gdl", "--stage", "swept", "--dtype", "f64")
    assert "# reverse" in done.out
    assert "output ∂x" in done.out
    assert "output ∂z" in done.out


def test_the_reverse_sweep_is_a_file_that_runs(call, examples, model) -> None:
    shown = call("show", examples / "lecture" / "l1.gdl", "--stage", "reverse", "--dtype", "f64")
    again = call("run", model(shown.out), "x=2", "z=3", "--dtype", "f64")
    assert "d_x = 1208.381215126" in again.out
    assert "d_z = 809.7074792185" in again.out


def test_the_reverse_sweep_of_a_training_step_has_an_output_for_each_parameter(
    call, examples
) -> None:
    done = call("show", examples / "digits.gdl", "--stage", "reverse", "--set", "hidden=32")
    assert re.findall(r"^output (\w+)", done.out, re.M) == ["d_b2", "d_b1", "d_W2", "d_W1"]
    assert "input W1: [64, 32]" in done.out


def test_the_schedule_has_lives_and_the_peak(call, model) -> None:
    text = "input x: [1000]\na = exp(x)\nb = sin(x)\noutput y = a * b\n"
    done = call("show", model(text), "--stage", "schedule")
    assert "at most 8,064 bytes live at once, at step 1" in done.out.splitlines()[2]
    assert "b1    f32[1000]  4,000  arena + 0, steps 0 to 2" in done.out


def test_types_of_constants_are_those_of_the_language(call, model) -> None:
    done = call("show", model("input x: [2]\noutput y = x + [1, 2]\n"), "--stage", "schedule")
    assert "c0    f32[2]      8  constant" in done.out


def test_the_plan_is_drawn(call, examples, tmp_path) -> None:
    path = tmp_path / "plan.svg"
    done = call("show", examples / "digits.gdl", "--plan", path, "N=64")
    assert done.err == f"wrote {path}\n"
    assert "peak " in done.out  # the plan as text, where no stage is named
    drawn = path.read_text(encoding="utf-8")
    assert drawn.startswith("<svg ")
    assert "digits.gdl: memory, step by step" in drawn


def test_the_plan_beside_another_stage(call, examples, tmp_path) -> None:
    path = tmp_path / "plan.svg"
    for stage in ("ast", "graph"):
        shown = call("show", examples / "lecture" / "l1.gdl", "--stage", stage)
        both = call("show", examples / "lecture" / "l1.gdl", "--stage", stage, "--plan", path)
        assert both.out == shown.out
        assert path.exists()
        path.unlink()


@pytest.mark.parametrize(("name", "code"), [("p.png", "E0822"), ("no/p.svg", "E0823")])
def test_what_a_plan_is_not_drawn_into(call, examples, tmp_path, name, code) -> None:
    done = call("show", examples / "digits.gdl", "--plan", tmp_path / name)
    assert done.code != 0
    assert code in done.err
    assert done.out == ""
    assert not list(tmp_path.iterdir())


def test_the_schedule_says_what_memory_it_saves(call, examples) -> None:
    done = call("show", examples / "digits.gdl", "--stage", "schedule", "N=64")
    peak, naive = map(_number, re.findall(r"([\d,]+)(?: bytes;| if every)", done.out)[:2])
    assert peak < naive
    assert "f32[64, 512]" in done.out
    assert done.err == ""


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def test_the_source_runs(call, examples) -> None:
    done = call("show", examples / "digits.gdl", "--stage", "source", "N=3")
    compile(done.out, "source", "exec")
    assert "def run(x0, x1, t, epoch, total_steps):" in done.out
    assert "from numpy import" in done.out


@pytest.mark.parametrize(("file", "said"), [("digits.gdl", "N=64"), ("lecture/l6.gdl", "N=2")])
def test_sizes_that_are_not_given_are_chosen_and_told(call, examples, file, said) -> None:
    done = call("show", examples / file, "--stage", "schedule")
    assert f"with {said}" in done.err


@pytest.mark.parametrize("stage", ["schedule", "source"])
@pytest.mark.parametrize(("size", "code"), [(10**15, "E0802"), (1, "E0815")])
def test_sizes_that_no_program_is_made_for(call, model, stage, size, code) -> None:
    path = model("dim N\ninput x: [N, 3]\noutput y = sum(x[2:] @ ones([3, 3]))")
    done = call("show", path, "--stage", stage, f"N={size}")
    assert done.code == 1
    assert f"error[{code}]" in done.err
    assert f"with N = {size}" in done.err
    assert done.out == ""


def test_a_size_that_is_not_there_is_said(call, examples) -> None:
    done = call("show", examples / "digits.gdl", "--stage", "source", "M=3")
    assert done.code == 1
    assert "E0821" in done.err


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "text",
    ["", "input x\n", "const k = 1\n", "input x: i64[3]\noutput y = x + 1\n", "state m = 0\n"],
)
def test_every_stage_of_every_model_is_shown_or_refused(call, model, stage, text) -> None:
    done = call("show", model(text), "--stage", stage)
    assert done.code in (0, 1)
    assert done.code == 0 or "error[" in done.err


def test_the_same_text_every_time(call, examples) -> None:
    for stage in STAGES:
        words = ("show", examples / "digits.gdl", "--stage", stage, "N=8")
        assert call(*words).out == call(*words).out
