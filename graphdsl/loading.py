"""`load` and `loads`: a model's text comes in with what it is overridden by, a `Model` goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from graphdsl.driver import compile_source
from graphdsl.engines.choice import check_engine
from graphdsl.engines.limits import within_memory
from graphdsl.graph.types import DType
from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.language.overriding import GivenSettings
from graphdsl.language.settings import TRAIN
from graphdsl.language.source import Source, read_source
from graphdsl.model import Model
from graphdsl.training.options import verify_overrides


@within_memory
def load(
    path: str | Path,
    *,
    dtype: str = "f32",
    seed: int | None = None,
    engine: str = "auto",
    include: Sequence[str | Path] = (),
    settings: Mapping[str, Any] | None = None,
    **constants: Any,
) -> Model:
    """The model in a file; keywords override its constants.

    `dtype` is the model's float ("f32" or "f64"); `engine` runs it: "numpy", "numba" (the extra
    `fast`), or "auto", which compiles trainings that are long enough for that; `seed` is that of
    initial values, shuffling and random ops, in place of the train block's; `include` are folders
    that imports may also come from. `settings` take the place of those of the `data` and `train`
    blocks, each a text as a file has it or a plain value: `{"optimizer": "adam(lr = 1e-2)",
    "batch": 32, "x": "a / 255"}`; None leaves one out. Raises `ModelError` with every fault of the
    file.
    """
    return _build(read_source(Path(path)), dtype, seed, engine, include, settings, constants)


@within_memory
def loads(
    text: str,
    *,
    dtype: str = "f32",
    seed: int | None = None,
    engine: str = "auto",
    include: Sequence[str | Path] = (),
    settings: Mapping[str, Any] | None = None,
    **constants: Any,
) -> Model:
    """The model in a text; see `load`."""
    return _build(Source(text), dtype, seed, engine, include, settings, constants)


def read_float(dtype: object) -> DType:
    """A model's float by its name; raises `UsageError` for what is none."""
    if not isinstance(dtype, str) or dtype not in ("f32", "f64"):
        raise _refused(f"a model's float is 'f32' or 'f64', not {dtype!r:.40}")
    return DType[dtype]


def _build(
    source: Source,
    dtype: str,
    seed: int | None,
    engine: str,
    include: Sequence[str | Path],
    settings: Mapping[str, Any] | None,
    constants: Mapping[str, Any],
) -> Model:
    float = read_float(dtype)
    chosen = check_engine(engine)
    if seed is not None:
        verify_overrides({"seed": seed}, TRAIN)
    folders = [Path(folder) for folder in include]
    given = _given(settings)
    compilation = compile_source(source, constants, float, folders, given)
    return Model(compilation, seed, chosen)


def _given(settings: Mapping[str, Any] | None) -> GivenSettings:
    if settings is None:
        return GivenSettings()
    if not isinstance(settings, Mapping) or not all(isinstance(key, str) for key in settings):
        help = "pass them by name: settings={'batch': 32, 'optimizer': 'adam(lr = 1e-2)'}"
        raise _refused("'settings' is no mapping from names", help)
    return GivenSettings(settings)


def _refused(message: str, *help: str) -> UsageError:
    return UsageError(Diagnostic("E0830", message, (), help))
