"""`Model`: the embedding API. A file comes in; arrays go in and out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from graphdsl import derivatives
from graphdsl.compiler.direction import DIRECTION
from graphdsl.driver import Compilation, Purpose
from graphdsl.engines.choice import Engine
from graphdsl.engines.feeds import Feeds, merge
from graphdsl.engines.limits import all_within_memory
from graphdsl.gradcheck import Row, gradcheck
from graphdsl.graph.kernel import Array
from graphdsl.graph.types import TensorType
from graphdsl.session import Session
from graphdsl.training import measure, weights
from graphdsl.training.history import History
from graphdsl.training.learned import Learned
from graphdsl.training.loop import fit
from graphdsl.training.media import Asked
from graphdsl.training.new_rows import NewRows, find_part, find_rows
from graphdsl.training.options import Size, fit_settings, verify_mode
from graphdsl.training.preparing import Data, make_trainer, prepare_fit
from graphdsl.training.progress import Listener
from graphdsl.training.resuming import kept_in
from graphdsl.training.run_data import learned_in
from graphdsl.training.trainer import Trainer
from graphdsl.views import doors

if TYPE_CHECKING:
    import networkx as nx

    from graphdsl.views.export import Sizes
    from graphdsl.views.network.options import EitherShown
    from graphdsl.views.profile import Profile
    from graphdsl.views.trace.record import Trace


@all_within_memory
class Model:
    """A compiled model with its parameters."""

    def __init__(
        self, compilation: Compilation, seed: int | None = None, engine: Engine = "auto"
    ) -> None:
        self.compilation = compilation
        self.seed = fit_settings(compilation, {}, seed).seed
        self.session = Session(compilation, self.seed, engine)
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
        self, feeds: Feeds = None, /, *, training: bool = False, **named: Any
    ) -> dict[str, Array]:
        """Every output, metric and loss that depends only on what is fed, by name. `training`
        computes what a training step would, and updates nothing: what is random is drawn as at
        step 0, before the first. Raises `UsageError` if nothing can be computed, `DataError` if an
        array does not fit its input."""
        verify_mode(training)
        fed = merge(feeds, named)
        names = measure.computable(self.session, fed, training)
        return self.session.results(Purpose(tuple(names), training=training), fed)

    def evaluate(
        self, name: str, feeds: Feeds = None, /, *, training: bool = False, **named: Any
    ) -> Array:
        """The value of any named node; `training` as for `run`."""
        verify_mode(training)
        self.session.verify_node(name, training)
        purpose = Purpose((name,), training=training)
        return self.session.results(purpose, merge(feeds, named))[name]

    def predict(
        self,
        data: NewRows | None = None,
        *,
        outputs: str | Sequence[str] | None = None,
        part: str | None = None,
        batch: Size | None = None,
        training: bool = False,
    ) -> dict[str, Array]:
        """The outputs, or any nodes named as `outputs`, for every row, `batch` rows at once;
        `training` as for `run`, anew for each batch.

        Rows are those of a path, with the columns the data block names; arrays by input; or, by
        default, those of a `part` of the data ("train", "valid", "test", "all"), the one held out
        unless named. Raises `DataError` for rows that do not fit, `UsageError` for a node that is
        not there or mixes the rows of several batches.
        """
        verify_mode(training)
        names = measure.asked_for(self.session, outputs)
        rows = find_rows(self.session, names, data, part, self._learned, training)
        parts = list(rows.parts.values())
        return measure.predictions(self.session, parts, names, batch, training).collect()

    def measure(
        self,
        data: NewRows | None = None,
        *,
        part: str | None = None,
        batch: Size | None = None,
        training: bool = False,
    ) -> dict[str, float]:
        """The loss and the metrics over rows given as for `predict`, with answers: row-weighted
        means. What depends on an input that is not given is left out; `training` as there."""
        verify_mode(training)
        found = find_part(self.session, data, part, self._learned)
        return measure.evaluate(self.session, found, batch, training)

    def value_and_grad(
        self,
        feeds: Feeds = None,
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
        verify_mode(training)
        return derivatives.value_and_grad(self.session, merge(feeds, named), of, wrt, training)

    def gradcheck(
        self,
        feeds: Feeds = None,
        /,
        *,
        of: str | None = None,
        wrt: Sequence[str] | None = None,
        samples: int = 64,
        training: bool = False,
        **named: Any,
    ) -> list[Row]:
        """Every gradient beside central differences in f64, a row each with the coordinate that
        is furthest off, of at most `samples`; to second order along a random direction. `wrt` are
        the trained parameters and the float inputs that are fed, unless named; `training` as for
        `run`."""
        verify_mode(training)
        fed = merge(feeds, named)
        return gradcheck(self.session, fed, of, wrt, samples=samples, training=training)

    def jacobian(self, of: str, wrt: str, feeds: Feeds = None, /, **named: Any) -> Array:
        """∂of/∂wrt in denominator layout: the sizes of `wrt` first, then those of `of`, which
        have to be constants."""
        return derivatives.derive(self.session, "jacobian", of, wrt, merge(feeds, named))

    def hessian(self, of: str, wrt: str, feeds: Feeds = None, /, **named: Any) -> Array:
        """The second derivatives of a scalar, of shape [wrt…, wrt…]; constant sizes."""
        return derivatives.derive(self.session, "hessian", of, wrt, merge(feeds, named))

    def hvp(self, of: str, wrt: str, v: Any, feeds: Feeds = None, /, **named: Any) -> Array:
        """The Hessian of a scalar times a direction `v` of the shape of `wrt`."""
        fed = {**merge(feeds, named), DIRECTION: v}
        return derivatives.derive(self.session, "hvp", of, wrt, fed)

    def jvp(self, of: str, wrt: str, v: Any, feeds: Feeds = None, /, **named: Any) -> Array:
        """The derivative of `of` along a direction `v` of the shape of `wrt`."""
        fed = {**merge(feeds, named), DIRECTION: v}
        return derivatives.derive(self.session, "jvp", of, wrt, fed)

    def trainer(self, **settings: Any) -> Trainer:
        """A trainer, at its first step, for steps on arrays that are fed. `settings` override those
        of the train block; raises `UsageError` for one that is none or does not fit, or if nothing
        trains."""
        return make_trainer(self.session, settings, self.seed)

    def fit(
        self,
        data: Data | None = None,
        *,
        listener: Listener | None = None,
        checkpoints: str | Path | None = None,
        debug_nan: bool = False,
        **settings: Any,
    ) -> History:
        """Train from the parameters as they are, as the train block and `settings` say.

        `data` is a path, arrays by input, or an iterable of batches, for the data block's source;
        `settings` override either block's by name. The model is left at its best weights on the
        valid part, without one its last. Raises `DataError`, `UsageError`, or `DivergedError` for
        a loss or a parameter that is not finite, with the node it began at; `debug_nan` looks at
        every node of every step, which one worker takes then. Ctrl-C ends training early.

        `checkpoints` is a folder to save the run in, once a minute and at its end. A run that it
        holds, by model, weights, data and settings but for epochs, goes on as if never stopped,
        with its engine.
        """
        trainer, dataset, chosen = prepare_fit(self.session, data, settings, self.seed)
        self._learned = dataset.learned if dataset.learned.columns else None
        with kept_in(checkpoints, self.session, dataset, chosen, debug_nan) as kept:
            return fit(trainer, dataset, chosen, listener, None, kept, debug_nan=debug_nan)

    def save(self, path: str | Path) -> None:
        """Write parameters and states to a safetensors file; raises `DataError`."""
        weights.save(path, self.session)

    def restore(self, path: str | Path) -> None:
        """Take parameters and states from a file that `save` wrote, or from the folder of a run,
        and with a run what its data block learned; raises `DataError`. A `RuntimeWarning` names
        the tensors that hold values that are not finite."""
        path = Path(path)
        learned = learned_in(path) if path.is_dir() else None
        for caution in weights.restore(path, self.session):
            warnings.warn(str(caution), RuntimeWarning, stacklevel=3)
        self._learned = learned

    def render(
        self, path: str | Path, /, view: str = "graph", **shown: Unpack[EitherShown]
    ) -> None:
        """Draw the computation graph: svg, png, pdf or dot, by the path's ending. `shown` are the
        options of `graphdsl render`: `values={"x": 2}, grad=True, only=["J"], depth=3`. The view
        "network" draws units and layers, by `direction` and `normalisation`, and raises
        `ModelError` for a model that is no network. Raises `UsageError` for another ending or name,
        `DataError` where values are missing or do not fit, or it cannot be drawn or written."""
        doors.draw(self.session, path, view, **shown)

    def trace(
        self, feeds: Feeds = None, /, *, of: str | None = None, training: bool = False, **named: Any
    ) -> Trace:
        """Both sweeps written out, two tables when printed: each variable's value, each cotangent
        as a sum of chain-rule terms with the numbers put in. `of` is the scalar differentiated,
        unless named the loss or the one scalar result; `training` as for `run`. Raises
        `UsageError` for another, `DataError` for an input that it needs and that is not fed."""
        return doors.write_trace(self.session, merge(feeds, named), of, training)

    def view(
        self,
        path: str | Path,
        feeds: Feeds = None,
        /,
        *,
        of: str | None = None,
        training: bool = False,
        **named: Any,
    ) -> None:
        """Write the page that plays backpropagation, one .html file for a browser; without feeds
        it has symbols alone. `of` and `training` as for `trace`, and so are the errors; raises
        `UsageError` for another ending, `DataError` where it cannot be written."""
        doors.write_view(self.session, path, merge(feeds, named), of, training)

    def export(
        self, path: str | Path, /, *, to: str = "numpy", sizes: Sizes | None = None
    ) -> list[Path]:
        """Write the model as a Python file that needs NumPy alone, with `predict` and `train_step`
        for the sizes given by name, each a number or several; larger arrays stand in a .npz file
        beside it. The files written. Raises `UsageError` for sizes or a target that will not do,
        `DataError` where it cannot be written."""
        return doors.export_code(self.session, self.seed, path, to, sizes)

    def profile(
        self, feeds: Feeds = None, /, *, steps: int = 50, warm_up: int = 5, **named: Any
    ) -> Profile:
        """Where the time of a training step goes, by node, line and sweep, or of `run` where none
        can be made: the mean of `steps`, after `warm_up` that do not count. Parameters and
        optimizer states are left as they are. Raises as `run` does."""
        return doors.time_steps(self.session, merge(feeds, named), steps, warm_up)

    def _repr_mimebundle_(self, include: Asked = None, exclude: Asked = None) -> dict[str, str]:
        """What a notebook shows: the graph, where this machine can lay it out, and text."""
        return doors.bundle(self.session, include, exclude)

    def __repr__(self) -> str:
        return doors.describe(self.session)
