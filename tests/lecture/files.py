"""Where the lecture's files are, and their data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import graphdsl

LECTURE = Path(__file__).parents[2] / "examples" / "lecture"
Array = np.ndarray
Arrays = dict[str, Array]


def read_crescents() -> tuple[Array, Array]:
    """The points, and which of them are of the upper crescent."""
    table = np.loadtxt(LECTURE / "crescents.csv", delimiter=",", skiprows=1)
    return table[:, :2], table[:, 2].astype(np.int64)


def load(name: str, **options: object) -> graphdsl.Model:
    """A lecture's model in double precision."""
    return graphdsl.load(LECTURE / f"{name}.gdl", dtype="f64", **options)  # type: ignore[arg-type]


def copied(model: graphdsl.Model) -> Arrays:
    """The parameters as they are now."""
    return {name: array.copy() for name, array in model.params.items()}


def put(model: graphdsl.Model, params: Arrays) -> None:
    """Give a model other parameters."""
    for name, array in params.items():
        model.params[name][...] = array
