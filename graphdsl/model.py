"""`Model`: the embedding API. A file comes in; arrays go in and out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphdsl.driver import DIRECTION, Compilation, Purpose, compile_source
from graphdsl.gradcheck import Row, gradcheck
from graphdsl.graph.kernel import Array
from graphdsl.graph.op import Fault
from graphdsl.graph.types import DType, TensorType
from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.language.settings import TRAIN
from graphdsl.language.source import Source, read_source
from graphdsl.session import Session
from graphdsl.training import weights
from graphdsl.training.data import load_dataset
from graphdsl.training.history import History
from graphdsl.training.loop import fit
from graphdsl.training.options import check_overrides, fit_settings, split_overrides
from graphdsl.training.progress import Listener
from graphdsl.training.trainer import Trainer

if TYPE_CHECKING:
    import networkx as nx


def load(
    path: str | Path,
    *,
    dtype: str = "f32",
    seed: int | None = None,
    engine: str = "numpy",
    include: Sequence[str | Path] = (),
    **constants: Any,
) -> Model:
    """The model in a file; keywords override its constants.

    `dtype` is the model's float ("f32" or "f64"); `seed` that of initial values, shuffling and
    random ops, in place of the train block's; `include` are folders that imports may also come
    from. Raises `ModelError` with every fault of the file.
    """
    return _build(read_source(Path(path)), dtype, seed, engine, include, constants)


def loads(
    text: str,
    *,
    dtype: str = "f32",
    seed: int | None = None,
    engine: str = "numpy",
    include: Sequence[str | Path] = (),
    **constants: Any,
) -> Model:
    """The model in a text; see `load`."""
    return _build(Source(text), dtype, seed, engine, include, constants)


def _build(
    source: Source,
    dtype: str,
    seed: int | None,
    engine: str,
    include: Sequence[str | Path],
    constants: Mapping[str, Any],
) -> Model:
    if dtype not in ("f32", "f64"):
        raise _misused(f"a model's float is 'f32' or 'f64', not '{dtype}'")
    if engine != "numpy":
        raise _misused(f"there is no engine '{engine}'", "the engines are: numpy")
    if seed is not None:
        check_overrides({"seed": seed}, TRAIN)
    folders = [Path(folder) for folder in include]
    return Model(compile_source(source, constants, DType[dtype], folders), seed)


class Model:
    """A compiled model with its parameters."""

    def __init__(self, compilation: Compilation, seed: int | None = None) -> None:
        self.compilation = compilation
        self.seed = fit_settings(compilation, {}, seed).seed
        self.session = Session(compilation, self.seed)

    @property
    def inputs(self) -> dict[str, TensorType]:
        """The inputs' types by name, sizes symbolic."""
        return self.session.inputs

    @property
    def params(self) -> Mapping[str, Array]:
        """The parameters by qualified name: live, writable views."""
        return self.session.memory.params

    @property
    def states(self) -> Mapping[str, Array]:
        """The states by qualified name: live, writable views."""
        return self.session.memory.states

    @property
    def outputs(self) -> dict[str, TensorType]:
        """The types of the outputs, metrics and the loss by name."""
        graph = self.compilation.graph()
        return {r.name: graph.nodes[r.node].type for r in graph.results}

    @cached_property
    def graph(self) -> nx.MultiDiGraph[int]:
        """The forward graph as a frozen NetworkX graph."""
        return self.compilation.graph().to_networkx()

    def run(self, feeds: Mapping[str, Any] | None = None, /, **named: Any) -> dict[str, Array]:
        """Every output, metric and loss that depends only on what is fed, by name.

        Raises `DataError` if that is nothing, or if an array does not fit its input.
        """
        fed = {**(feeds or {}), **named}
        arrays, _ = self.session.feed(fed)
        names = self.session.reachable(list(arrays), list(self.outputs))
        if not names:
            wanted = ", ".join(n for n in self.inputs if n not in fed)
            help = (f"feed {wanted} too",) if wanted else ("declare an output: output y = …",)
            message = "nothing to compute: every result depends on an input that is not fed"
            raise UsageError(Diagnostic("E0806", message, (), help))
        return self.session.results(Purpose(tuple(names)), arrays)

    def evaluate(self, name: str, feeds: Mapping[str, Any] | None = None, /, **named: Any) -> Array:
        """The value of any named node, in evaluation mode."""
        self.session.check_node(name)
        return self.session.results(Purpose((name,)), {**(feeds or {}), **named})[name]

    def value_and_grad(
        self,
        feeds: Mapping[str, Any] | None = None,
        /,
        *,
        of: str | None = None,
        wrt: Sequence[str] | None = None,
        training: bool = False,
        **named: Any,
    ) -> tuple[float, dict[str, Array]]:
        """A scalar and its gradients: of the loss with respect to every trained parameter, unless
        `of` and `wrt` name others. Each gradient has the shape of what it is taken for."""
        target = of or self._loss()
        self.session.check_node(target)
        graph = self.compilation.graph(training)
        names = list(wrt) if wrt is not None else [v.name for v in graph.params if not v.frozen]
        for name in names:
            self.session.check_node(name)
            self._check_float(name)
        if graph.nodes[graph.names[target]].type.shape:
            raise _misused(f"'{target}' is no scalar: only a scalar has a gradient")
        self._check_float(target)
        purpose = Purpose((target,), tuple(names), training)
        with self.session.lock:
            values = self.session.results(purpose, {**(feeds or {}), **named})
            stored = self.session.memory.gradients() if set(names) & set(self.params) else {}
            grads = {n: stored[n].copy() if n in stored else values[f"∂{n}"] for n in names}
        return float(values[target]), grads

    def gradcheck(
        self,
        feeds: Mapping[str, Any] | None = None,
        /,
        *,
        of: str | None = None,
        wrt: Sequence[str] | None = None,
        samples: int = 64,
        training: bool = False,
        **named: Any,
    ) -> list[Row]:
        """Every gradient beside central differences in f64, a row each with the coordinate that
        is furthest off; to second order along a random direction.

        `wrt` are the trained parameters and the float inputs that are fed, unless named; at most
        `samples` coordinates of each are looked at.
        """
        target, fed = of or self._loss(), {**(feeds or {}), **named}
        self.session.check_node(target)
        graph = self.compilation.graph(training)
        if wrt is None:
            trained = [v.name for v in graph.params if not v.frozen]
            wrt = [*trained, *(n for n in fed if n in self.inputs and self._is_float(n))]
            reach = graph.reaching([graph.names[target]])
            wrt = [name for name in wrt if graph.names[name] in reach]
        for name in wrt:
            self.session.check_node(name)
            self._check_float(name)
        return gradcheck(self.session, target, wrt, fed, samples=samples, training=training)

    def jacobian(
        self, of: str, wrt: str, feeds: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Array:
        """∂of/∂wrt in denominator layout: the sizes of `wrt` first, then those of `of`, which
        have to be constants."""
        return self._derivative("jacobian", of, wrt, {**(feeds or {}), **named})

    def hessian(
        self, of: str, wrt: str, feeds: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Array:
        """The second derivatives of a scalar, of shape [wrt…, wrt…]; constant sizes."""
        return self._derivative("hessian", of, wrt, {**(feeds or {}), **named})

    def hvp(
        self, of: str, wrt: str, v: Any, feeds: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Array:
        """The Hessian of a scalar times a direction `v` of the shape of `wrt`."""
        return self._derivative("hvp", of, wrt, {**(feeds or {}), **named, DIRECTION: v})

    def jvp(
        self, of: str, wrt: str, v: Any, feeds: Mapping[str, Any] | None = None, /, **named: Any
    ) -> Array:
        """The derivative of `of` along a direction `v` of the shape of `wrt`."""
        return self._derivative("jvp", of, wrt, {**(feeds or {}), **named, DIRECTION: v})

    def _derivative(self, kind: str, of: str, wrt: str, fed: Mapping[str, Any]) -> Array:
        for name in (of, wrt):
            self.session.check_node(name)
        try:
            return self.session.results(Purpose((of,), (wrt,), derivative=kind), fed)[kind]
        except Fault as fault:
            raise _misused(fault.message, *filter(None, [fault.help])) from None

    def trainer(self, **settings: Any) -> Trainer:
        """A trainer, at its first step, for steps on arrays that are fed.

        `settings` override those of the train block for `fit`'s loop. Raises `UsageError` if
        nothing trains, or for a setting that does not exist or fit.
        """
        fit_settings(self.compilation, settings, self.seed)
        trainer = Trainer(self.session)
        trainer.restart()
        return trainer

    def fit(
        self,
        data: Mapping[str, Any] | str | Path | Iterable[Mapping[str, Any]] | None = None,
        /,
        *,
        listener: Listener | None = None,
        **settings: Any,
    ) -> History:
        """Train from the parameters as they are, as the train block and `settings` say.

        `data` is a path, arrays by input, or an iterable of batches, in place of the data block's
        source; `settings` override either block's by name. The model is left at its best weights
        on the valid part, or, without one, its last. Raises `DataError`, `UsageError`, or
        `DivergedError` for a loss that is not finite; Ctrl-C ends training early.
        """
        of_train, of_data = split_overrides(settings)
        chosen = fit_settings(self.compilation, of_train, self.seed)
        dataset = load_dataset(self.session, of_data, data)
        return fit(self.trainer(), dataset, chosen, listener)

    def save(self, path: str | Path) -> None:
        """Write parameters and states to a safetensors file; raises `DataError`."""
        weights.save(path, self.session)

    def restore(self, path: str | Path) -> None:
        """Take parameters and states from a file that `save` wrote; raises `DataError`."""
        weights.restore(path, self.session)

    def render(self, path: str | Path) -> None:
        """Draw the computation graph: svg, png, pdf or dot, by the path's ending.

        Raises `UsageError` for another ending, `DataError` where it cannot be drawn or written.
        """
        from graphdsl.views.render import render

        render(self.compilation, path)

    def _loss(self) -> str:
        loss = self.compilation.graph().loss
        if loss is None:
            raise _misused("the model has no loss", "name what to differentiate: of='y'")
        return loss.name

    def _is_float(self, name: str) -> bool:
        graph = self.compilation.graph()
        return graph.nodes[graph.names[name]].type.dtype.is_float

    def _check_float(self, name: str) -> None:
        graph = self.compilation.graph()
        type = graph.nodes[graph.names[name]].type
        if not type.dtype.is_float:
            raise _misused(f"'{name}' is {type}: only floats have gradients")

    def __repr__(self) -> str:
        count = sum(view.size for view in self.params.values())
        inputs = ", ".join(f"{name}: {type}" for name, type in self.inputs.items())
        name = self.compilation.program.source.name
        return f"<Model {name}: inputs {inputs or 'none'}; {count:,} parameters>"


def _misused(message: str, *help: str) -> UsageError:
    return UsageError(Diagnostic("E0807", message, (), help))
