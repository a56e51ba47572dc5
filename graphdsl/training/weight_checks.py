"""Weights beside a model: whether the tensors of a file fit it, and whether they are numbers."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic
from graphdsl.language.near import nearest
from graphdsl.training.tensor_file import TensorFile, type_of

MOST_LINES = 8
"""Lines of differences, or of warnings, that are shown."""


def find_differences(
    file: TensorFile, wanted: Mapping[str, Array], entries: Sequence[str]
) -> Iterator[str]:
    """What a file lacks, has too much among `entries`, or has otherwise than a model, by lines."""
    for name, array in wanted.items():
        if name not in file.entries:
            near = nearest(name, [other for other in entries if other not in wanted])
            yield f"'{name}' is missing" + (f"; is it '{near}' in the file?" if near else "")
        elif file.type(name) != type_of(array):
            yield f"'{name}' is {file.type(name)} in the file and {type_of(array)} in the model"
        elif not fits(file, name, array):
            yield f"'{name}' has another number of bytes than its shape"
    for name in entries:
        if name not in wanted:
            yield f"'{name:.80}' is no parameter or state of the model"


def fits(file: TensorFile, name: str, array: Array) -> bool:
    """Whether a file holds a tensor of this name with the type of an array."""
    if name not in file.entries or file.type(name) != type_of(array):
        return False
    return file.nbytes(name) == math.prod(array.shape) * array.itemsize


def unfit(path: Path, differences: Sequence[str], is_another: bool) -> DataError:
    """The error for weights that differ from a model; whether they say that they are another's."""
    shown = [*_shortened(differences, "differences")]
    if is_another:
        shown.append("they were saved by another model, or by this one with other constants")
    message = f"the weights '{path}' do not fit the model"
    return DataError(Diagnostic("E0621", message, (), tuple(shown)))


def find_not_finite(
    path: Path, tensors: Mapping[str, Array], states: Container[str]
) -> Iterator[Diagnostic]:
    """A warning where a tensor holds nan or infinities: all that is computed from it will be.

    A state may well be infinite: a smallest value so far begins so.
    """
    lines = []
    for name, array in tensors.items():
        bad = np.isnan(array) if name in states else ~np.isfinite(array)
        if bad.any():
            first = array[bad].flat[0]
            lines.append(f"'{name}': {bad.sum():,} of {array.size:,} values, the first {first}")
    if lines:
        message = f"the weights '{path}' hold values that are not finite"
        help = ("take those from before: an earlier checkpoint, or a run that did not diverge",)
        yield Diagnostic("W0113", message, (), help, (), "warning", _shortened(lines, "tensors"))


def _shortened(lines: Sequence[str], what: str) -> tuple[str, ...]:
    more = (f"and {len(lines) - MOST_LINES} more {what}",) if len(lines) > MOST_LINES else ()
    return (*lines[:MOST_LINES], *more)
