"""Programs as documentation: a model's stages as the compiler gives them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from graphdsl.driver import Compilation, check, compile_source
from graphdsl.language.diagnostics import render
from graphdsl.language.source import Source, read_source
from graphdsl.views.stages import schedule_text

TREE = Path(__file__).parents[1]
TUTORIAL = TREE / "docs" / "tutorial"
MICRO = TREE / "benchmarks" / "models" / "micro.gdl"
SIZES = {"N": 32}


@cache
def _micro() -> Compilation:
    return compile_source(read_source(MICRO))


def micro_model() -> str:
    """The text of the micro model."""
    return f"```gdl\n{MICRO.read_text('utf-8')}```"


def micro_schedule() -> str:
    """How its training step is laid out in memory."""
    compilation = _micro()
    schedule = compilation.compiled(compilation.step_purpose()).plan(SIZES)
    return f"```text\n{schedule_text(schedule)}```"


def micro_program() -> str:
    """The program of one of its training steps."""
    compilation = _micro()
    program = compilation.compiled(compilation.step_purpose()).emit(SIZES)
    return f"```text\n{program.source}```"


FAULTY = """\
dim N
input x: [N, 64]
param W: [32, 10] ~ he_normal()
output z = x @ W
"""


TRAVELLED = """\
const hidden = 128
dim   N
input x: [N, 64]
param W: [96, 10] ~ he_normal()
h = Dense(x, hidden, act = relu)
wide = concat(h, x, axis = 1)
output y = h @ W
output z = wide @ W
"""


def message(program: str = FAULTY) -> str:
    """A program with faults, and what is said of them."""
    found = check(Source(program, "model.gdl"))
    codes, text = " ".join(one.code for one in found), "\n\n".join(map(render, found))
    return f"<!-- error: {codes} -->\n```gdl\n{program}```\n\n```text\n{text}\n```"


def tutorial_file(name: str) -> str:
    """One of the tutorial's models."""
    return f"```gdl\n{(TUTORIAL / f'{name}.gdl').read_text('utf-8')}```"


def moons() -> str:
    """The tutorial's data: two crescents of points, as CSV."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, np.pi, 200)
    upper = np.arange(200) % 2
    x1 = np.where(upper, np.cos(angle), 1 - np.cos(angle)) + rng.normal(0, 0.12, 200)
    x2 = np.where(upper, np.sin(angle), 0.4 - np.sin(angle)) + rng.normal(0, 0.12, 200)
    rows = (f"{a:.3f},{b:.3f},{c}" for a, b, c in zip(x1, x2, upper, strict=True))
    return "x1,x2,upper\n" + "\n".join(rows) + "\n"
