"""A trained model as it travels between processes: texts, constants and arrays, no program.

Where it arrives it is compiled from its text, so that a pickle of it carries no code of a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from graphdsl.driver import compile_source
from graphdsl.graph.kernel import Array
from graphdsl.language.source import Source, read_source
from graphdsl.loading import read_float
from graphdsl.model import Model

MAIN = "model.gdl"


def compile_model(
    source: Source, constants: Mapping[str, Any], dtype: str, seed: int | None
) -> Model:
    """The model of a text with these constants; raises `ModelError` with its faults, `UsageError`
    for a float that is none."""
    return Model(compile_source(source, constants, read_float(dtype)), seed)


class Fitted:
    """A trained model, compiled when it is first used."""

    def __init__(self, model: Model) -> None:
        compilation = model.compilation
        self._model: Model | None = model
        self.text = compilation.program.source.text
        imported = compilation.lowered().imported
        self.imported = {name: program.source.text for name, program in imported.items()}
        self.constants = dict(compilation.constants)
        self.dtype = str(compilation.float)
        self.seed = model.seed
        self._arrays: dict[str, Array] = {}

    @property
    def model(self) -> Model:
        """The model, with the arrays it was trained to."""
        if self._model is None:
            self._model = self._compile()
            _copy_arrays(self._arrays, _arrays_of(self._model))
        return self._model

    def _compile(self) -> Model:
        if not self.imported:
            return compile_model(Source(self.text), self.constants, self.dtype, self.seed)
        main = MAIN
        while main in self.imported:
            main = f"_{main}"
        with TemporaryDirectory() as folder:
            for name, text in {**self.imported, main: self.text}.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            source = read_source(Path(folder, main))
            model = compile_model(source, self.constants, self.dtype, self.seed)
            for training in (False, True):
                model.compilation.lowered(training)  # while the files are there
        return model

    def __getstate__(self) -> dict[str, Any]:
        state = {key: value for key, value in vars(self).items() if key != "_model"}
        if self._model is not None:
            state["_arrays"] = {n: a.copy() for n, a in _arrays_of(self._model).items()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _model=None)


def _arrays_of(model: Model) -> dict[str, Array]:
    return {**model.params, **model.states}


def _copy_arrays(found: Mapping[str, Array], into: Mapping[str, Array]) -> None:
    for name, array in into.items():
        array[...] = found[name]
