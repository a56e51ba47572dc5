"""Which of a model's inputs take X and y, and which output answers: found by their shapes.

X is the one input of two axes, the first of which counts the rows; y is the one input of that axis
alone. A classifier's output has a row of probabilities for each, or one probability, that of the
second class; a regressor's has a number for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphdsl.graph.sizes import symbol
from graphdsl.graph.types import TensorType
from graphdsl.language.diagnostics import Diagnostic, UsageError, did_you_mean
from graphdsl.model import Model
from graphdsl.training import measure
from graphdsl.training.dataset import batch_symbol


@dataclass(frozen=True, slots=True)
class Roles:
    """The names of the inputs for X and y, and of the output that is predicted."""

    x: str
    y: str
    output: str


@dataclass(frozen=True, slots=True)
class Named:
    """The same names as far as a caller gives them."""

    x: str | None = None
    y: str | None = None
    output: str | None = None


def find_roles(model: Model, named: Named, classes: int | None) -> Roles:
    """The roles of a model's inputs and outputs; `classes` is their number, None for a regressor.

    Raises `UsageError` where there is none that fits, or several and none is named.
    """
    inputs = model.inputs
    rows = batch_symbol(inputs)
    if rows is None:
        help = ("declare one: dim N, input x: [N, 3]",)
        raise UsageError(Diagnostic("E0847", "no input of the model has an axis of rows", (), help))
    fits_x = _of_axes(inputs, rows, 2)
    fits_y = _of_axes(inputs, rows, 1)
    x = _choose("x_input", "X", f"[{rows}, features]", fits_x, inputs, named.x)
    y = _choose("y_input", "y", f"[{rows}]", fits_y, inputs, named.y)
    others = [name for name in inputs if name not in (x, y)]
    if others:
        message = f"the model has inputs that neither X nor y feeds: {', '.join(others)}"
        help = ("an estimator feeds two inputs; train this model by graphdsl.load(…).fit",)
        raise UsageError(Diagnostic("E0847", message, (), help))
    outputs = {name: model.outputs[name] for name in measure.outputs(model.session.graph)}
    shape, fits = _answers(outputs, rows, classes)
    return Roles(x, y, _choose("output", "the prediction", shape, fits, outputs, named.output))


def _of_axes(types: Mapping[str, TensorType], rows: str, axes: int) -> list[str]:
    first = (symbol(rows),)
    return [n for n, t in types.items() if len(t.shape) == axes and t.shape[:1] == first]


def _answers(
    outputs: Mapping[str, TensorType], rows: str, classes: int | None
) -> tuple[str, list[str]]:
    """The shape that is looked for, as text, and the outputs of such a shape."""
    floats = {name: type for name, type in outputs.items() if type.dtype.is_float}
    single, table = _of_axes(floats, rows, 1), _of_axes(floats, rows, 2)
    if classes is None:
        return f"[{rows}]", single + [n for n in table if floats[n].shape[1] == 1]
    wide = [name for name in table if floats[name].shape[1] == classes]
    if classes == 2:
        return f"[{rows}, 2] or [{rows}]", wide + single
    return f"[{rows}, {classes}]", wide


def _choose(
    option: str,
    what: str,
    shape: str,
    fits: list[str],
    known: Mapping[str, TensorType],
    named: str | None,
) -> str:
    """The one name that fits, or the one that is named, if it does."""
    told = ", ".join(f"{name} is {type}" for name, type in known.items()) or "there is none"
    if named is not None and named not in fits:
        message = f"{option}='{named}' is to be of shape {shape}, and {told}"
        help = did_you_mean(named, known) if named not in known else ()
        raise UsageError(Diagnostic("E0847", message, (), tuple(help)))
    if named is None and len(fits) != 1:
        message = f"{what} is to be of shape {shape}: {told}"
        help = (f"name one: {option}='{fits[0]}'",) if fits else (f"give the model a {shape}",)
        raise UsageError(Diagnostic("E0847", message, (), help))
    return named or fits[0]
