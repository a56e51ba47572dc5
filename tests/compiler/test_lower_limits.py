"""What is too large, too deep or out of range is told, and soon: no traceback, no silent wrap."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.compiler.lower import context, expansion
from graphdsl.driver import check
from graphdsl.graph.sizes import Size, SizeLimit, opaque, symbol
from graphdsl.language.diagnostics import UsageError
from graphdsl.language.source import Source, read_source

SECONDS = 5


def errors(text: str, **constants: Any) -> list[str]:
    before = time.perf_counter()
    found = [one.code for one in check(Source(text), constants) if one.severity == "error"]
    assert time.perf_counter() - before < SECONDS
    return found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("dim N\nparam W = zeros([N])\noutput y = W", "E0310"),
        ("param W = zeros([10000000000000])\noutput y = W", "E0325"),
        ("input x: i32\noutput y = x + 3000000000", "E0203"),
        ("input x: i32\noutput y = x < -3000000000", "E0203"),
        ("input x: i32[2]\noutput y = where(x > 0, x, 3000000000)", "E0203"),
        ("input x: i32[1]\noutput y = x + [3000000000]", "E0203"),
        ("const a = -9223372036854775807 - 1\nconst b = -a\noutput y = b * 1.0", "E0304"),
        ("output y = uniform([2], low = [1, 2])", "E0409"),
        ("input x: [2]\noutput y = leaky_relu(x, slope = [1, 2])", "E0409"),
        ("output y = normal([2], std = true)", "E0409"),
        ("output y = arange(3, start = [1, 2, 3])", "E0409"),
        ("state m: i32 = 3000000000\nupdate m = m + 1\noutput y = m", "E0308"),
        ("state m: i64[2] = [1.5, 2]\nupdate m = m + 1\noutput y = m", "E0308"),
        ("state m: i64 = inf\nupdate m = m + 1\noutput y = m", "E0308"),
        ("state m: bool = 2\nupdate m = not m\noutput y = m", "E0308"),
        ("state m: i32 = 0\nupdate m = 3000000000\noutput y = m", "E0215"),
        (
            "input x\ns = x\nrepeat i in 0..9223372036854775807 {\n  s = s + 1\n}\noutput y = s",
            "E0410",
        ),
        (
            "input x\ns = x\nrepeat i in 1..9000000000 {\n  repeat j in 1..9000000000 {\n"
            "    s = s + 1\n  }\n}\noutput y = s",
            "E0410",
        ),
        (
            "dim a, b, c, d, e, f\nconst s = a+b+c+d+e+f\nconst u = s^8\nconst v = u^8\n"
            "input x: [v]\noutput y = sum(x)",
            "E0304",
        ),
        ("dim N\nconst a = N^8\nconst b = a^8\nconst c = b^8\ninput x: [c]\noutput y = x", "E0304"),
        (
            "dim a, b, c, d, e, f\nconst s = (a+b+c+d+e+f)^3\ninput x: [s, s, s]\n"
            "output y = sum(x)",
            "E0307",
        ),
    ],
)
def test_told_with_one_code(text: str, code: str) -> None:
    assert errors(f"{text}\n") == [code]


@pytest.mark.parametrize(
    "text",
    [
        "input x: i32\noutput y = x + 2147483647",
        "input x: i32\noutput y = x + 3000000000.0",
        "state m: i32 = 3.0\nupdate m = m + 1\noutput y = m",
        "state m: bool = 1\nupdate m = not m\noutput y = m",
        "dim a, b, c\ninput x: [a + b + c, (a + b)^3]\noutput y = sum(x)",
    ],
)
def test_what_fits_is_taken(text: str) -> None:
    assert errors(f"{text}\n") == []


def test_sizes_are_kept_short() -> None:
    def nested(depth: int) -> Size:
        size = nested(depth - 1) if depth else symbol("N")
        return opaque("floor", size + opaque("min", size, 7), 2)

    assert nested(5)
    with pytest.raises(SizeLimit):
        nested(40)
    with pytest.raises(SizeLimit):
        symbol("N") * 2**62 * 2**62


def chain(body: str, count: int) -> str:
    """Blocks that each call the one before."""
    blocks = ["block a0(x) {\n  return x + 1\n}\n"]
    blocks += [
        f"block a{i}(x) {{\n  return {body.replace('?', f'a{i - 1}')}\n}}\n"
        for i in range(1, count + 1)
    ]
    return "".join(blocks)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit on what a file expands to, lower, so that it is met soon on any machine."""
    monkeypatch.setattr(context, "MAX_EXPANSION", 2000)


@pytest.mark.usefixtures("small")
def test_calls_that_double_are_reported_once_and_soon() -> None:
    text = chain("?(x) + ?(x)", 40)
    assert errors(f"{text}input x\noutput y = a40(x)\noutput z = a40(x)\n") == ["E0410"]


@pytest.mark.usefixtures("small")
def test_turns_and_calls_count_together() -> None:
    text = chain("?(x) + ?(x)", 8)
    loop = "s = x\nrepeat i in 1..1000 {\n  s = a8(s)\n}\n"
    assert errors(f"{text}input x\n{loop}output y = s\n") == ["E0410"]


@pytest.mark.usefixtures("small")
def test_loops_in_a_row_count_together() -> None:
    loops = "".join(f"s{i} = x\nrepeat i in 1..900 {{\n  s{i} = s{i} + 1\n}}\n" for i in range(6))
    assert errors(f"input x\n{loops}output y = s0\n") == ["E0410"]


def test_long_bodies_in_many_turns_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "MAX_NODES", 5000)
    monkeypatch.setattr(expansion, "MAX_NODES", 5000)
    body = f"  s = s{' + s' * 150}\n"
    assert errors(f"input x\ns = x\nrepeat i in 1..9000 {{\n{body}}}\noutput y = s\n") == ["E0410"]


def test_equal_blocks_of_different_files_are_two_blocks(tmp_path: Path) -> None:
    (tmp_path / "b.gdl").write_text(
        "block inner(x) {\n  return 2 * x\n}\nblock f(x) {\n  return inner(x)\n}\n"
    )
    (tmp_path / "a.gdl").write_text(
        'from "b.gdl" import f as g\n'.replace("f as g", "f")
        + "block inner(x) {\n  return f(x) + 1\n}\n"
    )
    (tmp_path / "model.gdl").write_text(
        'from "a.gdl" import inner\nblock f(x) {\n  return inner(x)\n}\ninput x\noutput y = f(x)\n'
    )
    assert graphdsl.load(tmp_path / "model.gdl").run(x=3)["y"] == 7


@pytest.mark.parametrize(("count", "codes"), [(30, []), (400, ["E0337"])])
def test_imports_in_a_chain(tmp_path: Path, count: int, codes: list[str]) -> None:
    (tmp_path / "f0.gdl").write_text("block f(x) {\n  return x + 1\n}\n")
    for i in range(1, count):
        (tmp_path / f"f{i}.gdl").write_text(f'from "f{i - 1}.gdl" import f\n')
    model = tmp_path / "model.gdl"
    model.write_text(f'from "f{count - 1}.gdl" import f\ninput x\noutput y = f(x)\n')
    found = [one.code for one in check(read_source(model)) if one.severity == "error"]
    assert found[: len(codes) or 1] == codes


CONSTANTS = "const k = 3\nconst flag = true\noutput y = k * ones([2]) + (1 if flag else 0)\n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([3, 4], [4, 5]),
        ((3, 4), [4, 5]),
        (np.int64(3), [4, 4]),
        (np.float32(0.5), [1.5, 1.5]),
        (np.array([3, 4]), [4, 5]),
        ([np.int32(3), 4.5], [4, 5.5]),
    ],
)
def test_overrides_are_lists_and_numpy_numbers(value: Any, expected: list[float]) -> None:
    assert graphdsl.loads(CONSTANTS, k=value).run()["y"].tolist() == expected


def test_a_truth_value_of_numpy_is_one() -> None:
    assert graphdsl.loads(CONSTANTS, flag=np.bool_(False)).run()["y"].tolist() == [3, 3]


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 1


@pytest.mark.parametrize("value", ["3", None, 2**63, {"a": 1}, [1, "b"], object(), nested(40)])
def test_another_value_is_refused_by_name(value: Any) -> None:
    with pytest.raises(UsageError, match="the constant 'k' cannot be"):
        graphdsl.loads(CONSTANTS, k=value)


def test_a_constant_at_fault_is_a_constant_all_the_same() -> None:
    assert errors("const k = missing\noutput y = 1.0 * k\n", k=3) == []
    assert errors("input x\nconst j = x\nconst k = 2\noutput y = x\n", j=3, k=4) == []
    assert errors("const j = missing\nconst k = j\noutput y = 1.0 * k\n", z=3) == ["E0305", "E0301"]


@pytest.mark.parametrize(
    "text",
    [
        'dim N\ninput N: [3]\ndata {\n  source = "a.npz"\n}\n',
        "const J = 1\ninput x\nloss J = x\nloss K = x\n",
        "dim m\nstate m = 0\nupdate m = 1\n",
        "block x() {\n  return 1\n}\ninput x\noutput y = x\n",
        "optimizer o() {\n  state p = 0\n  update p = p\n}\nparam w = 1\nloss J = w\n"
        "train {\n  optimizer = o()\n}\n",
    ],
)
def test_names_bound_before_are_diagnostics(text: str) -> None:
    with pytest.raises(graphdsl.GraphdslError):
        graphdsl.loads(text).trainer()
