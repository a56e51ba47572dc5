"""Time an epoch of `fit` beside a bare loop of the same steps over batches that lie ready.

    python benchmarks/loader.py [--rounds 7] [--workload digits] [--json]

What is between the two is the loader and the bookkeeping: the order of the rows, gathering them,
the history. The workloads are `digits` (1,078 rows of 64, batches of 64), `wide` (60,000 rows of
784, batches of 128) and `mapped`, the same rows in `.npy` files that are read as they are needed.
The two take turns, epoch by epoch, with as many threads, so that a busy machine is busy for both;
shown are lower quartiles of ms an epoch, since what other processes take only adds to an epoch.

Exit code 1 if an epoch of `fit` takes more than 1.05 of the bare loop's.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import graphdsl
from graphdsl.graph.kernel import Array
from graphdsl.training.batches import Batches
from graphdsl.training.data import load_dataset
from graphdsl.training.dataset import Dataset
from graphdsl.training.history import Row
from graphdsl.training.progress import Silent
from pairs import Comparison, Pair, report

MODELS = Path(__file__).with_name("models")
CLASSES = 10


@dataclass(frozen=True, slots=True)
class Setup:
    """A model's file, its rows, and how many rounds are enough."""

    model: str
    rows: int
    width: int
    batch: int
    rounds: int
    mapped: bool = False


SETUPS = {
    "digits": Setup("digits", 1078, 64, 64, 500),
    "wide": Setup("wide", 60_000, 784, 128, 7),
    "mapped": Setup("wide", 60_000, 784, 128, 7, mapped=True),
}


def quartile(times: list[float]) -> float:
    """The lower quartile."""
    return float(np.quantile(times, 0.25))


LOADER = Comparison("ms an epoch", ("fit", "bare"), quartile, target=1.05)


def make_arrays(setup: Setup) -> dict[str, Array]:
    """Random rows, in f32, and their labels."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((setup.rows, setup.width), np.float32)
    return {"x": x, "y": rng.integers(0, CLASSES, setup.rows)}


@contextmanager
def open_dataset(setup: Setup, arrays: dict[str, Array]) -> Iterator[tuple[Dataset, Any]]:
    """The dataset, held or mapped, and its model."""
    text = (MODELS / f"{setup.model}.gdl").read_text("utf-8")
    if not setup.mapped:
        model = graphdsl.loads(text)
        yield load_dataset(model.session, {}, arrays), model
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        for column, array in arrays.items():
            np.save(folder / "data" / f"{column}.npy", array)
        block = 'data {\n  source = "data"\n  x = x\n  y = y\n}\n'
        (folder / "model.gdl").write_text(text + block, "utf-8")
        model = graphdsl.load(folder / "model.gdl")
        dataset = load_dataset(model.session)
        assert dataset.train.deferred
        yield dataset, model


def ready_batches(setup: Setup, arrays: dict[str, Array]) -> list[dict[str, Array]]:
    """The batches of an epoch, each with memory of its own."""
    part = load_dataset(graphdsl.load(MODELS / f"{setup.model}.gdl").session, {}, arrays).train
    batches = Batches(part, setup.batch).epoch(0)
    return [{name: array.copy() for name, array in feeds.items()} for feeds, _ in batches]


class Turns(Silent):
    """After each epoch of `fit`, an epoch of the bare loop; both timed, but for the first."""

    def __init__(self, pair: Pair, bare: Callable[[], object]) -> None:
        self.pair = pair
        self.bare = bare
        self.began: float | None = None

    def on_epoch(self, row: Row) -> None:
        """Note the time of the epoch that ends, then time the bare loop."""
        now = time.perf_counter()
        if self.began is not None:
            self.pair.first.append(now - self.began)
        start = time.perf_counter()
        self.bare()
        end = time.perf_counter()
        if self.began is not None:
            self.pair.second.append(end - start)
        self.began = time.perf_counter()


def run_workload(name: str, rounds: int) -> Pair:
    """Let `fit` and the bare loop take turns: two models, so that neither meets the other's."""
    setup = SETUPS[name]
    arrays = make_arrays(setup)
    ready = ready_batches(setup, arrays)
    step = graphdsl.load(MODELS / f"{setup.model}.gdl").trainer().step

    def run_bare() -> None:
        for feeds in ready:
            step(feeds)

    pair = Pair(name)
    with open_dataset(setup, arrays) as (dataset, model):
        turns = Turns(pair, run_bare)
        model.fit(dataset, batch=setup.batch, epochs=rounds + 1, listener=turns)
    return pair


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(description="Time the loader and the bookkeeping of fit.")
    parser.add_argument("--workload", choices=SETUPS, help="one of them; all without it")
    parser.add_argument("--rounds", type=int, help="epochs of each (default: enough of them)")
    parser.add_argument("--json", action="store_true", help="every round, as JSON on stdout")
    options = parser.parse_args(arguments)

    names = [options.workload] if options.workload else list(SETUPS)
    pairs = [run_workload(name, options.rounds or SETUPS[name].rounds) for name in names]
    return report(pairs, LOADER, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
