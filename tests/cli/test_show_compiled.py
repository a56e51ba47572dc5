"""`show --engine numba`: the kernels and their calls, as a plan and as a program."""

from __future__ import annotations

import re

import pytest

from graphdsl.engines import choice

FILES = ("digits.gdl", "digits_dropout.gdl", "lecture/l6.gdl")


@pytest.mark.parametrize("file", FILES)
def test_the_program_calls_each_kernel_that_it_has(call, examples, file) -> None:
    pytest.importorskip("numba")
    done = call("show", examples / file, "--stage", "source", "--engine", "numba", "N=5")
    compile(done.out, "source", "exec")
    kernels, program = done.out.split("def run(")
    made, called = (
        set(re.findall(rf"{before}(k\d+)\(", text, re.M))
        for before, text in (("^def ", kernels), ("^    ", program))
    )
    assert made
    assert made == called
    assert "compiled_" not in program


@pytest.mark.parametrize("file", FILES)
def test_buffers_live_from_a_call_that_names_them_to_another(call, examples, file) -> None:
    pytest.importorskip("numba")
    done = call("show", examples / file, "--stage", "schedule", "--engine", "numba", "N=5")
    steps = dict(re.findall(r"^ *(\d+)  # .*\n((?:      .*\n)*)", done.out, re.M))
    results = re.findall(r"^result \S+ = (\w+):", done.out, re.M)
    lives = re.findall(r"^(\w+) .* arena \+ [\d,]+, steps? (\d+)(?: to (\d+))?$", done.out, re.M)
    assert lives
    for name, start, end in lives:
        assert name in re.findall(r"\w+", steps[start]), (name, start)
        last = steps[end or start]
        assert name in results or name in re.findall(r"\w+", last), (name, end)


def test_each_call_says_what_it_computes(call, examples) -> None:
    pytest.importorskip("numba")
    words = ("--stage", "source", "--engine", "numba", "N=64")
    done = call("show", examples / "digits.gdl", *words)
    calls = re.findall(r"^    (?:k\d+|multiply_f32)\(", done.out, re.M)
    said = re.findall(r"^    (?:k\d+|multiply_f32)\(.*\)  # (.+)$", done.out, re.M)
    assert len(said) == len(calls) > 10
    assert said.count("what depends on the step alone") == 1
    assert sum(one.endswith(" (in parts)") for one in said) > 1
    assert not all(one.endswith(" (in parts)") for one in said)
    (loss,) = [one for one in said if one.startswith("take_along")]
    assert loss.count("take_along") == 1, "its two loops are one node's"


def test_the_plan_is_that_of_the_engine(call, examples, tmp_path) -> None:
    pytest.importorskip("numba")
    path, said = tmp_path / "plan.svg", []
    for engine in ("numpy", "numba"):
        words = ("--engine", engine, "--plan", path, "N=64")
        call("show", examples / "digits.gdl", "--stage", "ast", *words)
        drawn = path.read_text("utf-8")
        said.append(re.findall(r"[\d,]+ steps, [\d,]+ buffers in an arena of [\d,]+ bytes", drawn))
        colours = set(re.findall(r'<g><title>.*?fill="(#\w+)"', drawn))
        assert len(colours) >= 2, "forward and reverse"
    assert said[0] != said[1]


def test_an_engine_that_is_not_installed_is_refused(call, examples, monkeypatch) -> None:
    monkeypatch.setattr(choice, "is_installed", lambda: False)
    done = call("show", examples / "digits.gdl", "--stage", "source", "--engine", "numba", "N=5")
    assert done.code == 1
    assert "E0840" in done.err
    assert done.out == ""
