"""`Model`: the embedding API. A file comes in; arrays go in and out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphdsl.driver import DIRECTION, Compilation, Purpose
from graphdsl.gradcheck import Row, gradcheck
from graphdsl.graph.graph import Graph
from graphdsl.graph.kernel import Array
from graphdsl.graph.op import Fault
from graphdsl.graph.types import TensorType
from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.session import Session
from graphdsl.training import measure, weights
from graphdsl.training.data import load_dataset
from graphdsl.training.history import History
from graphdsl.training.learned import Learned
from graphdsl.training.loop import fit
from graphdsl.training.new_rows import NewRows, find_rows
from graphdsl.training.options import Size, eval_batch, fit_settings, split_overrides
from graphdsl.training.progress import Listener
from graphdsl.training.resuming import kept_in
from graphdsl.training.run_data import learned_in
from graphdsl.training.run_folder import WEIGHTS
from graphdsl.training.trainer import Trainer

if TYPE_CHECKING:
    import networkx as nx

    from graphdsl.views.export import Sizes
    from graphdsl.views.profile import Profile


class Model:
    """A compiled model with its parameters."""

    def __init__(self, compilation: Compilation, seed: int | None = None) -> None:
        self.compilation = compilation
        self.seed = fit_settings(compilation, {}, seed).seed
        self.session = Session(compilation, self.seed)
        self._learned: Learned | None = None

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

    def run(
        self,
        feeds: Mapping[str, Any] | None = None,
        /,
        *,
        training: bool = False,
        **named: Any,
    ) -> dict[str, Array]:
        """Every output, metric and loss that depends only on what is fed, by name.

        `training` computes what a training step would, and updates nothing: what is random is
        drawn as at step 0, before the first. Raises `UsageError` if nothing can be computed,
        `DataError` if an array does not fit its input.
        """
        _check_mode(training)
        fed = {**(feeds or {}), **named}
        arrays, _ = self.session.feed(fed)
        names = self._computable(arrays, training)
        return self.session.results(Purpose(tuple(names), training=training), arrays)

    def _computable(self, fed: Mapping[str, Any], training: bool) -> list[str]:
        """The outputs, metrics and losses that depend only on what is fed; raises `UsageError`
        for none of them."""
        names = self.session.reachable(list(fed), list(self.outputs), training)
        if not names:
            wanted = ", ".join(n for n in self.inputs if n not in fed)
            help = (f"feed {wanted} too",) if wanted else ("declare an output: output y = …",)
            message = "nothing to compute: every result depends on an input that is not fed"
            raise UsageError(Diagnostic("E0806", message, (), help))
        return names

    def evaluate(
        self,
        name: str,
        feeds: Mapping[str, Any] | None = None,
        /,
        *,
        training: bool = False,
        **named: Any,
    ) -> Array:
        """The value of any named node; `training` as for `run`."""
        _check_mode(training)
        self.session.check_node(name, training)
        purpose = Purpose((name,), training=training)
        return self.session.results(purpose, {**(feeds or {}), **named})[name]

    def predict(
        self,
        data: NewRows | None = None,
        /,
        *,
        outputs: str | Sequence[str] | None = None,
        part: str | None = None,
        batch: Size | None = None,
    ) -> dict[str, Array]:
        """The outputs, or any nodes named as `outputs`, for every row, `batch` rows at once.

        Rows are those of a path, with the columns the data block names; arrays by input; or, by
        default, those of a `part` of the data ("train", "valid", "test", "all"), the one held out
        unless named. Raises `DataError` for rows that do not fit, `UsageError` for a node that is
        not there or mixes the rows of several batches.
        """
        names = [outputs] if isinstance(outputs, str) else outputs
        names = measure.outputs(self.session.graph) if names is None else names
        if not names:
            raise _misused("the model declares no output", "outputs='z' names one", code="E0829")
        rows = find_rows(self.session, names, data, part, self._learned)
        parts, size = list(rows.parts.values()), eval_batch(self.compilation, batch)
        return measure.predictions(self.session, parts, names, size).collect()

    def measure(
        self,
        data: NewRows | None = None,
        /,
        *,
        part: str | None = None,
        batch: Size | None = None,
    ) -> dict[str, float]:
        """The loss and the metrics over rows given as for `predict`, with answers: row-weighted
        means. What depends on an input that is not given is left out."""
        if part == "all":
            raise _misused("parts are measured one by one", "part='train', 'valid' or 'test'")
        rows = find_rows(self.session, None, data, part, self._learned)
        (found,) = rows.parts.values()
        return measure.evaluate(self.session, found, eval_batch(self.compilation, batch))

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
        `of` and `wrt` name others. Each gradient has the shape of what it is taken for.
        `training` as for `run`."""
        _check_mode(training)
        target = of or self._loss()
        self.session.check_node(target, training)
        graph = self.compilation.graph(training)
        names = list(wrt) if wrt is not None else [v.name for v in graph.params if not v.frozen]
        for name in names:
            self.session.check_node(name, training)
            _check_float(graph, name)
        if graph.nodes[graph.names[target]].type.shape:
            raise _misused(f"'{target}' is no scalar: only a scalar has a gradient")
        _check_float(graph, target)
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
        `samples` coordinates of each are looked at. `training` as for `run`.
        """
        _check_mode(training)
        target, fed = of or self._loss(), {**(feeds or {}), **named}
        self.session.check_node(target, training)
        graph = self.compilation.graph(training)
        if wrt is None:
            trained = [v.name for v in graph.params if not v.frozen]
            wrt = [*trained, *(n for n in fed if n in self.inputs and self._is_float(n))]
            reach = graph.reaching([graph.names[target]])
            wrt = [name for name in wrt if graph.names[name] in reach]
        for name in wrt:
            self.session.check_node(name, training)
            _check_float(graph, name)
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

        `settings` override those of the train block. Raises `UsageError` if nothing trains, or
        for a setting that does not exist or fit.
        """
        chosen = fit_settings(self.compilation, settings, self.seed)
        return Trainer(self.session, chosen.recipe, chosen.accumulate)

    def fit(
        self,
        data: Mapping[str, Any] | str | Path | Iterable[Mapping[str, Any]] | None = None,
        /,
        *,
        listener: Listener | None = None,
        checkpoints: str | Path | None = None,
        debug_nan: bool = False,
        **settings: Any,
    ) -> History:
        """Train from the parameters as they are, as the train block and `settings` say.

        `data` is a path, arrays by input, or an iterable of batches, in place of the data block's
        source; `settings` override either block's by name. The model is left at its best weights
        on the valid part, or, without one, its last. Raises `DataError`, `UsageError`, or
        `DivergedError` for a loss or a parameter that is not finite, with the node it began at;
        `debug_nan` looks at every node of every step. Ctrl-C ends training early.

        `checkpoints` is a folder to save the run in, once a minute and at its end. Where it holds
        this run already, by model, weights, data and settings, it goes on as if it had never
        stopped; another number of epochs is no other run.
        """
        of_train, of_data = split_overrides(settings)
        chosen = fit_settings(self.compilation, of_train, self.seed)
        dataset = load_dataset(self.session, of_data, data)
        self._learned = dataset.learned if dataset.learned.columns else None
        trainer = Trainer(self.session, chosen.recipe, chosen.accumulate)
        folder = Path(checkpoints) if checkpoints is not None else None
        with kept_in(folder, self.session, dataset, chosen) as keeper:
            return fit(trainer, dataset, chosen, listener, None, keeper, debug_nan=debug_nan)

    def save(self, path: str | Path) -> None:
        """Write parameters and states to a safetensors file; raises `DataError`."""
        weights.save(path, self.session)

    def restore(self, path: str | Path) -> None:
        """Take parameters and states from a file that `save` wrote, or from the folder of a run,
        and with a run what its data block learned; raises `DataError`."""
        path = Path(path)
        self._learned = learned_in(path) if path.is_dir() else None
        weights.restore(path / WEIGHTS if path.is_dir() else path, self.session)

    def render(self, path: str | Path) -> None:
        """Draw the computation graph: svg, png, pdf or dot, by the path's ending.

        Raises `UsageError` for another ending, `DataError` where it cannot be drawn or written.
        """
        from graphdsl.views.render import render

        render(self.compilation, path)

    def export(
        self, path: str | Path, /, *, to: str = "numpy", sizes: Sizes | None = None
    ) -> list[Path]:
        """Write the model as it is as a Python file that needs NumPy alone; the files written.

        It has `predict`, for the outputs, and `train_step`, for the sizes given by name, each a
        number or several; larger arrays stand in a .npz file beside it. Raises `UsageError` for
        sizes or a target that will not do, `DataError` where it cannot be written.
        """
        from graphdsl.views.export import export

        settings = fit_settings(self.compilation, {}, self.seed)
        return export(self.session, settings, path, to, sizes)

    def profile(
        self,
        feeds: Mapping[str, Any] | None = None,
        /,
        *,
        steps: int = 50,
        warm_up: int = 5,
        **named: Any,
    ) -> Profile:
        """Where the time of a training step goes, by node, line and sweep; of what `run` computes,
        where the model says no way to train it or is not fed all its inputs.

        The mean of `steps`, after `warm_up` that do not count. Parameters and optimizer states are
        left as they are. Raises as `run` does.
        """
        from graphdsl.views.profiling import profile_program

        if steps < 1 or warm_up < 0:
            message = f"a profile of {steps} steps after {warm_up} is none"
            raise _misused(message, "steps=1 or more, warm_up=0 or more", code="E0883")
        fed, _ = self.session.feed({**(feeds or {}), **named})
        train = self.compilation.lowered(training=True).train
        if train is not None and self.inputs.keys() <= fed.keys():
            chosen = fit_settings(self.compilation, {}, self.seed)
            purpose = self.compilation.step_purpose(chosen.recipe)
        else:
            purpose = Purpose(tuple(self._computable(fed, training=False)))
        return profile_program(self.session, purpose, fed, steps, warm_up)

    def _loss(self) -> str:
        loss = self.compilation.graph().loss
        if loss is None:
            raise _misused("the model has no loss", "name what to differentiate: of='y'")
        return loss.name

    def _is_float(self, name: str) -> bool:
        graph = self.compilation.graph()
        return graph.nodes[graph.names[name]].type.dtype.is_float

    def __repr__(self) -> str:
        count = sum(view.size for view in self.params.values())
        inputs = ", ".join(f"{name}: {type}" for name, type in self.inputs.items())
        name = self.compilation.program.source.name
        return f"<Model {name}: inputs {inputs or 'none'}; {count:,} parameters>"


def _check_float(graph: Graph, name: str) -> None:
    type = graph.nodes[graph.names[name]].type
    if not type.dtype.is_float:
        raise _misused(f"'{name}' is {type}: only floats have gradients")


def _check_mode(training: object) -> None:
    """Raise `UsageError` where an input of that name was meant."""
    if not isinstance(training, bool):
        help = 'an input of that name is fed by a mapping in front: model.run({"training": …})'
        raise _misused("'training' is True or False", help, code="E0830")


def _misused(message: str, *help: str, code: str = "E0807") -> UsageError:
    return UsageError(Diagnostic(code, message, (), help))
