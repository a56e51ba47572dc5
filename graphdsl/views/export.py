"""A model as a Python file that needs NumPy alone: what is written, for which sizes, and where.

`engines.export` makes the text; here a model's programs are chosen and planned.
"""

from __future__ import annotations

import operator
import re
import textwrap
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import BinaryIO

import numpy as np

from graphdsl.compiler.recipe import PLAIN
from graphdsl.compiler.schedule import Schedule
from graphdsl.driver import Compilation, Compiled, Purpose
from graphdsl.engines.borrowed import COLUMNS
from graphdsl.engines.export import Parts, Update, file_text
from graphdsl.engines.limits import check_sizes
from graphdsl.graph.kernel import Array
from graphdsl.graph.sizes import symbols, told
from graphdsl.language.diagnostics import Diagnostic, UsageError, did_you_mean
from graphdsl.session import Session
from graphdsl.training import measure, weights
from graphdsl.training.files import replacing
from graphdsl.training.options import FitSettings
from graphdsl.training.version import version

TARGETS = ("numpy",)

LONGEST_HEADER = 2**16
"""Bytes in front of an array's elements in its file, and more."""

Sizes = Mapping[str, int | Sequence[int]]


def export(
    session: Session,
    settings: FitSettings,
    path: str | Path,
    target: str = "numpy",
    sizes: Sizes | None = None,
) -> list[Path]:
    """Write a model as it is now, for every combination of the sizes; the files written.

    `predict` gives the outputs; `train_step` is there if the model says how it is trained.
    Raises `UsageError` for a target or name that will not do, for sizes that are unknown or
    missing, and where there is nothing to export; `DataError` if the disk refuses.
    """
    path = Path(path)
    _check_target(target, path)
    compilation = session.compilation
    outputs = measure.outputs(session.graph)
    steps = _step_purposes(compilation, settings)
    if not outputs and not steps:
        help = ("declare an output: output p = …", "or name an optimizer, and a loss, to train")
        raise _refused("E0882", "the model has no output and nothing to train", *help)
    predict = compilation.compiled(Purpose(tuple(outputs))) if outputs else None
    compiled = [compilation.compiled(purpose) for purpose in steps]
    given = _bindings([*([predict] if predict else []), *compiled], session, sizes or {})
    beside = path.with_suffix(".npz")
    inputs = {name: type.dtype.numpy for name, type in session.inputs.items()}
    update = _update(compiled, given, settings, session.workers) if compiled else None
    parts = Parts(
        docstring=_docstring(session, path, update, given),
        inputs=inputs,
        predict=_schedules(predict, given, session.workers) if predict else (),
        update=update,
        layout=compilation.layout,
        values=weights.live(session),
        seed=session.memory.seed,
        beside=beside.name,
    )
    with session.lock:
        text, arrays = file_text(parts)
        with ExitStack() as files:  # both are whole before either takes its name
            program = files.enter_context(replacing(path))
            program.write(text.encode("utf-8", "replace"))
            if arrays:
                _write_archive(files.enter_context(replacing(beside)), arrays)
    return [path, beside] if arrays else [path]


def _step_purposes(compilation: Compilation, settings: FitSettings) -> list[Purpose]:
    """A training step, or a batch gathered and the update; nothing if the model trains nothing."""
    train = compilation.lowered(training=True).train
    if train is None:
        return []
    whole = compilation.step_purpose(settings.recipe)
    if settings.accumulate == 1:
        return [whole]
    gather = replace(whole, stage="gather", recipe=PLAIN)
    return [gather, replace(whole, results=(), stage="apply")]


def _update(
    compiled: Sequence[Compiled],
    given: Sequence[Mapping[str, int]],
    settings: FitSettings,
    workers: int,
) -> Update:
    step, *apply = compiled
    slots = {slot.name: slot for one in compiled for slot in one.slots}
    return Update(
        steps=_schedules(step, given, workers),
        slots=tuple(slots.values()),
        apply=apply[0].plan({}) if apply else None,
        accumulate=settings.accumulate,
        averaged=settings.recipe.average is not None,
    )


def _schedules(
    compiled: Compiled, given: Iterable[Mapping[str, int]], workers: int
) -> tuple[Schedule, ...]:
    """A schedule for each binding of the sizes by which its inputs differ, shared among as many
    workers as the model's; raises `DataError` for sizes that will not do."""
    found: dict[object, Schedule] = {}
    for sizes in given:
        check_sizes(compiled.graph, sizes)
        schedule = compiled.plan_whole(sizes, workers)
        found.setdefault(schedule.inputs, schedule)
    return tuple(found.values())


# --- sizes ---------------------------------------------------------------------------------------


def _bindings(compiled: Iterable[Compiled], session: Session, sizes: Sizes) -> list[dict[str, int]]:
    """Every combination of the sizes given; raises `UsageError` for what is missing or unknown."""
    graphs = [session.graph, *(one.graph for one in compiled)]
    declared, *needed = [
        {s: None for node in graph.nodes for size in node.type.shape for s in symbols(size)}
        for graph in graphs
    ]
    known = declared | {name: None for one in needed for name in one}
    for name in sizes:
        if name not in known:
            help = did_you_mean(name, known) or (f"its sizes: {', '.join(known) or 'none'}",)
            raise _refused("E0821", f"the model has no size '{name}'", *help)
    missing = [name for name in known if any(name in one for one in needed) and name not in sizes]
    if missing:
        said = " ".join(f"{name}=64" for name in missing)
        many = "sizes are" if len(missing) > 1 else "size is"
        raise _refused(
            "E0881",
            f"the {many} not given: {', '.join(missing)}",
            f"a program is for sizes that are numbers: graphdsl export … {said}",
            f"for several: {missing[0]}=64 {missing[0]}=1; from Python "
            f"sizes={{{missing[0]!r}: [64, 1]}}",
        )
    choices = {name: _whole(name, value) for name, value in sizes.items()}
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


def _whole(name: str, value: int | Sequence[int]) -> list[int]:
    """The sizes given for a name; raises `UsageError` for what is no whole number."""
    given = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
    try:
        return [operator.index(one) for one in given]
    except TypeError:
        message = f"sizes are whole numbers, and {name} is {value!r}"
        raise _refused("E0881", message, f"sizes={{{name!r}: 64}}, or a list of them") from None


# --- the files -----------------------------------------------------------------------------------


def _check_target(target: str, path: Path) -> None:
    if target not in TARGETS:
        help = did_you_mean(target, TARGETS) or (f"there is: {', '.join(TARGETS)}",)
        raise _refused("E0880", f"there is no export to '{target}'", *help)
    if path.suffix != ".py" or not path.stem.isidentifier():
        help = (f"name it {re.sub(r'[^0-9A-Za-z_]', '_', path.stem) or 'model'}.py",)
        raise _refused("E0880", f"'{path}' is no name that Python can import", *help)


def _write_archive(file: BinaryIO, arrays: Mapping[str, Array]) -> None:
    """Write an .npz file piece by piece, as no copy of it may have room. Unlike NumPy's own it has
    no dates, and the same arrays give the same bytes."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy")
            info.file_size = array.nbytes + LONGEST_HEADER  # beyond 2 GB it is written otherwise
            whole = np.ascontiguousarray(array).reshape(array.shape)
            with archive.open(info, "w") as member:
                header = np.lib.format.header_data_from_array_1_0(whole)
                np.lib.format.write_array_header_1_0(member, header)
                member.write(whole.reshape(-1).view(np.uint8).data)


def _docstring(
    session: Session, path: Path, update: Update | None, given: Sequence[Mapping[str, int]]
) -> str:
    lines = [line for said in _told(session, path, update, given) for line in _wrapped(said)]
    return "\n".join(lines).replace("\\", "/").replace('"""', "'''")


def _wrapped(said: str) -> list[str]:
    return [said] if not said or said.startswith(" ") else textwrap.wrap(said, COLUMNS)


def _told(
    session: Session, path: Path, update: Update | None, given: Sequence[Mapping[str, int]]
) -> Iterator[str]:
    """The lines and paragraphs of the file's docstring."""
    graph = session.graph
    name = Path(session.compilation.program.source.name).name
    yield f"{name} as NumPy, exported by graphdsl {version()}."
    yield ""
    yield f"    import {path.stem}"
    if outputs := measure.outputs(graph):
        yield f"    {path.stem}.predict(…)       # the outputs by name: {', '.join(outputs)}"
    if update:
        yield f"    {path.stem}.train_step(…)    # one step of the optimizer; the loss before it"
    yield ""
    inputs = ", ".join(f"{n}: {type}" for n, type in session.inputs.items())
    types = ", ".join(f"{n}: {graph.nodes[graph.names[n]].type}" for n in outputs)
    yield f"Inputs, by keyword: {inputs or 'none'}. Outputs: {types or 'none'}."
    if any(given):
        said = "; ".join(map(told, given))
        yield f"Each program is for sizes that are numbers: {said}."
    yield "`params` and `states` hold the values by name; what is written into them counts."
    if update:
        yield (
            '`clock` counts the steps; set `clock["epoch"]` and `clock["total_steps"]` where a '
            "schedule reads them. Optimizer states begin anew."
        )
    yield (
        "The results have the bits that graphdsl gives with the same NumPy, processor and number "
        "of BLAS threads. Calls from several threads take turns."
    )
    if workers := max((len(step.workers) for step in update.steps), default=0) if update else 0:
        yield (
            f"Training steps are shared among {workers} workers, as graphdsl shares them among the "
            "cores it was exported on: to each its rows of the batch, and one BLAS thread. Here "
            "one comes after the other: set OPENBLAS_NUM_THREADS=1 for the same bits."
        )
    yield ""


def _refused(code: str, message: str, *help: str) -> UsageError:
    return UsageError(Diagnostic(code, message, (), help))
