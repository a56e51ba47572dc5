"""An exported file at work in a Python of its own, beside the model it came from."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from graphdsl.model import Model
from graphdsl.training import measure
from graphdsl.training.data import load_dataset

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
