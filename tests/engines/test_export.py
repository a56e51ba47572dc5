"""Exported files: they stand alone, and give the bits that the model gives."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import graphdsl
from graphdsl.cli import main
from graphdsl.engines import standalone
from graphdsl.language.diagnostics import DataError, UsageError
from graphdsl.model import Model
from graphdsl.training import measure
from graphdsl.training.data import load_dataset

EXAMPLES = Path(__file__).parents[2] / "examples"
TRAINED = sorted(
    path for path in EXAMPLES.rglob("*.gdl") if "train {" in path.read_text(encoding="utf-8")
)
STEPS = 20
ROWS = 6

HARNESS = """
import sys

class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("graphdsl", "networkx", "lark", "threadpoolctl"):
            raise ImportError(f"{name} is out of bounds")

sys.meta_path.insert(0, Wall())
sys.path.insert(0, sys.argv[1])
import numpy as np
import exported

fed = dict(np.load(sys.argv[2]))
batches = [
    {name.partition(" ")[2]: fed[name] for name in fed if name.startswith(f"{i} ")}
    for i in range(int(sys.argv[3]))
]
made = {}
if hasattr(exported, "predict"):
    made |= {f"before {k}": v for k, v in exported.predict(batches[0]).items()}
if hasattr(exported, "train_step"):
    exported.clock["epoch"], exported.clock["total_steps"] = 1, 40
    losses = [exported.train_step(batches[i % len(batches)]) for i in range(int(sys.argv[4]))]
    made["losses"] = np.array(losses)
    if hasattr(exported, "flush"):
        exported.flush()
    both = {**exported.params, **exported.states}
    made |= {f"param {k}": v.copy() for k, v in both.items()}
    if hasattr(exported, "take_average"):
        exported.take_average()
    made |= {f"kept {k}": v for k, v in exported.params.items()}
if hasattr(exported, "predict"):
    made |= {f"after {k}": v for k, v in exported.predict(batches[0]).items()}
np.savez(sys.argv[5], **made)
"""


def batches_of(model: Model, rows: int, count: int) -> list[dict[str, np.ndarray]]:
    """The first batches of a model's training part, or random ones where it has no data."""
    if model.compilation.lowered().data is None:
        rng = np.random.default_rng(0)
        kinds = {
            n: [s if isinstance(s, int) else rows for s in t.shape] for n, t in model.inputs.items()
        }
        return [
            {n: rng.normal(size=shape).astype("f4") for n, shape in kinds.items()}
            for _ in range(count)
        ]
    part = load_dataset(model.session).train
    return [
        {name: np.asarray(array[i * rows : (i + 1) * rows]) for name, array in part.arrays.items()}
        | {name: np.asarray(array) for name, array in part.whole.items()}
        for i in range(count)
    ]


def alone(folder: Path, batches: list[dict[str, Any]], steps: int) -> dict[str, np.ndarray]:
    """What `exported.py` of a folder gives in a Python that can't import graphdsl."""
    fed = {f"{i} {name}": v for i, batch in enumerate(batches) for name, v in batch.items()}
    np.savez(folder / "fed.npz", **fed)
    words = [str(folder), str(folder / "fed.npz"), str(len(batches)), str(steps)]
    done = subprocess.run(
        [sys.executable, "-I", "-c", HARNESS, *words, str(folder / "made.npz")],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with np.load(folder / "made.npz") as found:
        return dict(found)


def together(model: Model, batches: list[dict[str, Any]], steps: int) -> dict[str, np.ndarray]:
    """The same from the model itself, by one BLAS thread."""
    names = measure.outputs(model.session.graph)
    made: dict[str, np.ndarray] = {}

    def predicted(when: str) -> dict[str, np.ndarray]:
        found = {name: model.evaluate(name, reached(model, batches[0], name)) for name in names}
        return {f"{when} {name}": value for name, value in found.items()}

    with threadpool_limits(1, user_api="blas"):
        made |= predicted("before")
        if model.compilation.lowered(training=True).train is not None:
            trainer = model.trainer()
            trainer.epoch, trainer.total_steps = 1, 40
            losses = [trainer.step(batch) for batch in islice(cycle(batches), steps)]
            made["losses"] = np.array(losses)
            trainer.flush()
            made |= {f"param {k}": v.copy() for k, v in {**model.params, **model.states}.items()}
            trainer.take_average()
            made |= {f"kept {k}": v.copy() for k, v in model.params.items()}
        made |= predicted("after")
    return made


def reached(model: Model, batch: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Those of the feeds that a node depends on."""
    graph = model.session.graph
    wanted = graph.reaching([graph.names[name]])
    return {k: v for k, v in batch.items() if graph.names[k] in wanted}


def assert_same_bits(found: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]) -> None:
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        assert found[name].tobytes() == array.tobytes(), name


def sizes_of(model: Model, batch: Mapping[str, np.ndarray]) -> dict[str, int]:
    """The sizes that a batch binds."""
    return model.session.feed(batch)[1]


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_the_bits_of_every_example(path: Path, tmp_path: Path) -> None:
    model = graphdsl.load(path)
    batches = batches_of(model, ROWS, 3)
    written = model.export(tmp_path / "exported.py", sizes=sizes_of(model, batches[0]))
    assert all(file.is_file() for file in written)
    text = written[0].read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 100
    assert_same_bits(alone(tmp_path, batches, STEPS), together(model, batches, STEPS))


def test_programs_for_several_sizes(tmp_path: Path) -> None:
    model = graphdsl.load(EXAMPLES / "digits.gdl", hidden=8)
    small, large = batches_of(model, 1, 1)[0], batches_of(model, 5, 1)[0]
    model.export(tmp_path / "exported.py", sizes={"N": [1, 5]})
    batches = [large, small]
    assert_same_bits(alone(tmp_path, batches, 6), together(model, batches, 6))


RARE = """
input x: [N, 3]
input k: i64[N]
dim N
param W: [3, 4] ~ normal()
param E: [5, 4] ~ normal()
state seen: [4] = 0
h = erf(x @ W) + E[k]
u = Dropout(lgamma(abs(h) + 1.5) + erfinv(0.5 * tanh(h)), 0.3)
update seen = 0.9 * seen + 0.1 * mean(h, axis = 0)
output p = softmax(h + seen)
output q = (x @ W)[..., 0]
loss J = mean(u^2)
train { optimizer = adam(lr = cosine(1e-2)) batch = 4 MORE }
"""


@pytest.mark.parametrize(
    "more", ["", "accumulate = 3", "average = 0.9\n clip_norm = 1", "clip_value = 0.01"]
)
def test_the_bits_of_rarer_things(more: str, tmp_path: Path) -> None:
    text = RARE.replace("{ optimizer", "{\n optimizer").replace(" batch", "\n batch")
    text = text.replace(" MORE }", f"\n {more}\n}}")
    model = graphdsl.loads(text, seed=3)
    rng = np.random.default_rng(0)
    batches = [
        {"x": rng.normal(size=(n, 3)).astype("f4"), "k": rng.integers(0, 5, n)} for n in (4, 4, 2)
    ]
    model.export(tmp_path / "exported.py", sizes={"N": [4, 2]})
    assert_same_bits(alone(tmp_path, batches, STEPS), together(model, batches, STEPS))


def test_long_programs_in_several_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphdsl.engines.numpy.LINES_PER_FUNCTION", 7)
    model = graphdsl.load(EXAMPLES / "digits_dropout.gdl")
    batches = batches_of(model, 4, 2)
    path, _ = model.export(tmp_path / "exported.py", sizes={"N": 4})
    assert "def part_3(" in path.read_text(encoding="utf-8")
    assert_same_bits(alone(tmp_path, batches, 4), together(model, batches, 4))


def test_a_small_model_is_one_file_and_says_what_it_refuses(tmp_path: Path) -> None:
    model = graphdsl.loads(
        "dim N\ninput x: [N, 2]\ninput k: i64[N]\nparam W: [3, 2] ~ normal()\n"
        "output y = sum(x * W[k], axis = 1)\n"
    )
    written = model.export(tmp_path / "exported.py", sizes={"N": 2})
    assert written == [tmp_path / "exported.py"]
    space: dict[str, Any] = {"__file__": str(written[0]), "__name__": "exported"}
    exec(compile(written[0].read_text(encoding="utf-8"), "exported", "exec"), space)
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
        ({"x": [[1, 2]], "k": [0]}, r"this file is for x: \[2, 2\], k: \[2\]"),
    ):
        with pytest.raises(ValueError, match=said):
            predict(fed)
    with pytest.raises(space["RunFault"], match="index 7 is out of range"):
        predict(x=x, k=[0, 7])


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


def test_the_weights_of_a_run_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, run = str(EXAMPLES / "digits.gdl"), str(tmp_path / "run")
    assert main(["run", file, "--epochs", "1", "--quiet", "--out", run]) == 0
    target = str(tmp_path / "exported.py")
    assert main(["export", file, "--to", "numpy", "-o", target, "--weights", run, "N=6"]) == 0
    assert "exported.npz" in capsys.readouterr().err
    model = graphdsl.load(file)
    model.restore(run)
    batches = batches_of(model, ROWS, 1)
    assert_same_bits(alone(tmp_path, batches, 2), together(model, batches, 2))
