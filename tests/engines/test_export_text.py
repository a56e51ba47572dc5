"""Exported files as texts: what they refuse, and that the same model gives the same bytes."""

from __future__ import annotations

import ast
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.engines import standalone
from graphdsl.language.diagnostics import DataError, UsageError

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_small_model_is_one_file_and_says_what_it_refuses(tmp_path: Path) -> None:
    model = graphdsl.loads(
        "dim N\ninput x: [N, 2]\ninput k: i64[N]\nparam W: [3, 2] ~ normal()\n"
        "output y = sum(x * W[k], axis = 1)\n"
    )
    written = model.export(tmp_path / "exported.py", sizes={"N": 2})
    assert written == [tmp_path / "exported.py"]
    space = load_file(written[0])
    assert "train_step" not in space
    predict, x, k = space["predict"], [[1, 2], [3, 4]], [0, 2]
    wanted = model.run(x=x, k=k)["y"]
    assert predict(x=x, k=k)["y"].tobytes() == wanted.tobytes()
    assert predict({"x": np.array(x, "f8"), "k": [0.0, 2.0]})["y"].tobytes() == wanted.tobytes()
    space["params"]["W"][...] = 1
    assert predict(x=x, k=k)["y"].tolist() == [3, 7]
    for fed, said in (
        ({"x": x}, "not fed: k"),
        ({"x": x, "k": k, "z": 1}, "no input 'z'"),
        ({"x": x, "k": [0, 1.5]}, "not whole"),
        ({"x": x, "k": ["a", "b"]}, "is int64, and was fed"),
        ({"x": np.ma.array(x, mask=[[0, 1], [0, 0]]), "k": k}, "'x' was fed a masked array"),
        ({"x": [[1, 2]], "k": [0]}, r"this file is for x: \[2, 2\], k: \[2\]"),
    ):
        with pytest.raises(ValueError, match=said):
            predict(fed)
    with pytest.raises(space["RunFault"], match="index 7 is out of range"):
        predict(x=x, k=[0, 7])


def load_file(path: Path) -> dict[str, Any]:
    """The names of an exported file."""
    space: dict[str, Any] = {"__file__": str(path), "__name__": "exported"}
    exec(compile(path.read_text(encoding="utf-8"), "exported", "exec"), space)
    return space


@pytest.mark.parametrize("more", ["", "accumulate = 2"])
def test_calls_from_several_threads_take_turns(more: str, tmp_path: Path) -> None:
    model = graphdsl.loads(
        "dim N\ninput x: [N]\nparam w = 2\noutput y = w * x\nloss J = mean(y^2)\n"
        f"train {{\n  optimizer = sgd(lr = 0.1)\n  {more}\n}}\n"
    )
    space = load_file(model.export(tmp_path / "exported.py", sizes={"N": 2})[0])
    calls = [lambda name=name: space[name](x=[1, 2]) for name in ("predict", "train_step")]
    if more:
        calls.append(space["flush"])
    for call in calls:
        thread = threading.Thread(target=call)
        with space["TURN"]:
            thread.start()
            thread.join(0.05)
            assert thread.is_alive()
        thread.join(60)
        assert not thread.is_alive()
    assert space["clock"]["t"] == 1


def test_what_fits_no_program_is_not_copied(tmp_path: Path) -> None:
    model = graphdsl.loads("dim N\ninput x: [N]\noutput y = 2 * x\n")
    space = load_file(model.export(tmp_path / "exported.py", sizes={"N": 2})[0])
    with pytest.raises(ValueError, match=r"fed x: \[1000000000000\]; this file is for x: \[2\]"):
        space["predict"](x=np.broadcast_to(np.float32(0), 10**12))


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    seen = set()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        model = graphdsl.load(EXAMPLES / "digits_dropout.gdl", seed=1)
        files = model.export(tmp_path / folder / "step.py", sizes={"N": 3})
        seen.add(tuple(file.read_bytes() for file in files))
    assert len(seen) == 1
    with zipfile.ZipFile(tmp_path / "a" / "step.npz") as archive:
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    model = graphdsl.load(EXAMPLES / "digits.gdl")
    good = tmp_path / "step.py"
    for code, path, options in (
        ("E0880", good, {"to": "numpi", "sizes": {"N": 1}}),
        ("E0880", tmp_path / "step.npz", {"sizes": {"N": 1}}),
        ("E0821", good, {"sizes": {"M": 1}}),
        ("E0881", good, {}),
        ("E0881", good, {"sizes": {"N": "64"}}),
        ("E0881", good, {"sizes": {"N": [1, 0.5]}}),
    ):
        with pytest.raises(UsageError) as caught:
            model.export(path, **options)
        assert [one.code for one in caught.value.diagnostics] == [code]
    with pytest.raises(UsageError, match="E0882"):
        graphdsl.loads("input x\nmetric y = x\n").export(good)
    for size, code in ((-1, "E0815"), (10**15, "E0802")):
        with pytest.raises(DataError, match=code):
            model.export(good, sizes={"N": size})
    with pytest.raises(DataError, match="E0812"):
        model.export(tmp_path / "none" / "step.py", sizes={"N": 1})
    assert not list(tmp_path.iterdir())


def test_elements_that_copied_code_takes() -> None:
    assert standalone.as_elements("x", [1, 2], "float32").dtype == np.float32
    assert standalone.as_elements("x", 1e300, "float32") == np.inf
    with pytest.raises(ValueError, match="does not fit"):
        standalone.as_elements("k", [2.0**40], "int32")
    assert standalone.as_elements("x", np.ones((2, 3)).T, "float64").flags.c_contiguous


def test_the_text_is_python_of_ours_in_style(tmp_path: Path) -> None:
    model = graphdsl.load(EXAMPLES / "digits.gdl")
    path, _ = model.export(tmp_path / "step.py", sizes={"N": 2})
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.ClassDef)]
    assert len(names) == len(set(names))
    assert "N = 2" in (ast.get_docstring(tree) or "")
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported <= set(sys.stdlib_module_names) | {"numpy"}
