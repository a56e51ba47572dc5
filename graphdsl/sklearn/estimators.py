"""`GraphClassifier` and `GraphRegressor`: model files as estimators of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from graphdsl.graph.kernel import Array
from graphdsl.language import ast
from graphdsl.language.diagnostics import GraphdslError
from graphdsl.language.parser import parse
from graphdsl.language.source import Source, read_source
from graphdsl.model import Model
from graphdsl.sklearn.fitted import Fitted, compile_model
from graphdsl.sklearn.roles import Named, Roles, find_roles
from graphdsl.training.options import fit_settings

FLOATS = [np.float64, np.float32]
FEATURES, CLASSES = "features", "classes"
"""The constants that X and y give, where a file declares them."""


class GraphEstimator(BaseEstimator):
    """What both estimators are: a model file, read, trained and asked.

    Parameters
    ----------
    model: a path to a `.gdl` file, or, if it holds a line end, a model's text; None is a perceptron
        with one hidden layer of its own. Constants called `features` and `classes` are set from X
        and y.
    constants: values of other constants by name. Each constant of the file is a parameter by its
        own name as well: `set_params(hidden=64)`, or a grid over `hidden`.
    x_input, y_input, output: the names of the inputs that X and y feed and of the output that is
        predicted, where their shapes leave more than one.
    epochs, batch: in place of those of the train block; a batch holds no more rows than there are.
    validation_fraction: the part of the rows that early stopping watches; None is 0.1 for a file
        that stops early and 0 for any other. How the data block divides rows does not count.
    dtype: the model's float, "f64" or "f32".
    random_state: the seed of initial values, shuffling and random ops; None is the file's.

    Attributes
    ----------
    model_: the trained `graphdsl.Model`.  history_: its history.  n_iter_: epochs it took.
    n_features_in_, feature_names_in_, and classes_ of a classifier: as in scikit-learn.
    """

    _default = ""

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        constants: Mapping[str, Any] | None = None,
        x_input: str | None = None,
        y_input: str | None = None,
        output: str | None = None,
        epochs: int | None = None,
        batch: int | str | None = None,
        validation_fraction: float | None = None,
        dtype: str = "f64",
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.constants = constants
        self.x_input = x_input
        self.y_input = y_input
        self.output = output
        self.epochs = epochs
        self.batch = batch
        self.validation_fraction = validation_fraction
        self.dtype = dtype
        self.random_state = random_state

    # --- parameters ------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name; with `deep`, the file's plain constants too."""
        own: dict[str, Any] = super().get_params(deep=deep)
        return {**self._hyperparameters(), **own} if deep else own

    def set_params(self, **params: Any) -> GraphEstimator:
        """Set parameters, and constants of the file by their names; raises `ValueError` for a name
        that is neither."""
        own = super().get_params(deep=False)
        super().set_params(**{name: value for name, value in params.items() if name in own})
        constants = {name: value for name, value in params.items() if name not in own}
        unknown = constants.keys() - self._hyperparameters().keys()
        if unknown:
            known = ", ".join([*own, *self._hyperparameters()])
            raise ValueError(f"{type(self).__name__} has no parameter {min(unknown)!r}: {known}")
        if constants:
            self.constants = {**self._given_constants(), **constants}
        return self

    def _hyperparameters(self) -> dict[str, Any]:
        """The file's constants with their values, None for one that is computed from others;
        nothing if file or values cannot be read, which `fit` will say."""
        try:
            statements, given = parse(self._source()).statements, self._given_constants()
        except (GraphdslError, TypeError):
            return {}
        declared = {s.name.id: s.value for s in statements if isinstance(s, ast.Const)}
        return {
            name: given.get(name, getattr(value, "value", None))
            for name, value in declared.items()
            if name not in (FEATURES, CLASSES)
        }

    def _given_constants(self) -> Mapping[str, Any]:
        if self.constants is not None and not isinstance(self.constants, Mapping):
            raise TypeError(f"constants is a mapping of values by name, not {self.constants!r:.60}")
        return self.constants or {}

    def _source(self) -> Source:
        if self.model is None:
            return Source((files("graphdsl") / "sklearn" / self._default).read_text("utf-8"))
        if not isinstance(self.model, str | Path):
            raise TypeError(f"model is a path, a model's text or None, not {self.model!r:.60}")
        if isinstance(self.model, str) and "\n" in self.model:
            return Source(self.model)
        return read_source(self.model)

    # --- training --------------------------------------------------------------------------------

    def _fit(self, X: Array, y: Array, classes: int | None) -> None:
        """Compile the model for these sizes and train it; y as numbers, or as codes of classes."""
        source = self._source()
        sizes = {FEATURES: X.shape[1], CLASSES: classes}
        declared = {s.name.id for s in parse(source).statements if isinstance(s, ast.Const)}
        found = {n: size for n, size in sizes.items() if n in declared and size is not None}
        constants = {**found, **self._given_constants()}
        model = compile_model(source, constants, self.dtype, self._seed())
        named = Named(self.x_input, self.y_input, self.output)
        roles = find_roles(model, named, classes)
        self.history_ = model.fit({roles.x: X, roles.y: y}, **self._settings(model, roles, len(X)))
        self.n_iter_ = len(self.history_.epochs)
        self._roles, self._fitted = roles, Fitted(model)

    def _seed(self) -> int | None:
        if self.random_state is None:
            return None
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _settings(self, model: Model, roles: Roles, rows: int) -> dict[str, Any]:
        """The settings of `Model.fit`: how many epochs and rows a step, and what is held out."""
        given = {"epochs": self.epochs, "batch": self.batch}
        chosen = {name: value for name, value in given.items() if value is not None}
        settings = fit_settings(model.compilation, chosen)
        share = self.validation_fraction
        if share is None:
            share = 0.1 if settings.stop is not None else 0
        elif not (isinstance(share, Real) and 0 <= share < 1):
            message = f"validation_fraction is a number from 0 to less than 1, not {share!r}"
            raise ValueError(message)
        if settings.batch != "all":
            chosen["batch"] = max(min(settings.batch, rows - int(np.ceil(share * rows))), 1)
        stratify = roles.y if share and isinstance(self, ClassifierMixin) else None
        split = [1 - share, share] if share else None
        return {**chosen, "split": split, "split_by": None, "stratify": stratify}

    @property
    def model_(self) -> Model:
        """The trained model."""
        check_is_fitted(self)
        return self._fitted.model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")

    def _answers(self, X: Any) -> Array:
        """The output for every row of X."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=FLOATS)
        roles = self._roles
        return self._fitted.model.predict({roles.x: X}, outputs=roles.output)[roles.output]


class GraphClassifier(ClassifierMixin, GraphEstimator):
    """A model file as a classifier: it learns to tell classes, of labels of any kind.

    The model's `y` is the number of a row's class in `classes_`; its output has a probability for
    each class, `[N, classes]`, or, of two classes, that of the second one, `[N]`. Parameters and
    attributes are those of `GraphEstimator`.
    """

    _default = "classifier.gdl"

    def fit(self, X: Any, y: Any) -> GraphClassifier:
        """Train on rows X and their labels y; raises `GraphdslError` where the model does not fit
        them, `ValueError` where they are no data to learn classes from."""
        X, y = validate_data(self, X, y, dtype=FLOATS)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("y has one class, and a classifier needs 2 to tell apart")
        self._fit(X, codes.astype(np.int64), len(self.classes_))
        return self

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, in the order of `classes_`: f64[rows, classes]."""
        p = self._answers(X).astype(np.float64)
        if p.ndim == 1:
            p = np.stack([1 - p, p], axis=1)
        if (p < -1e-6).any() or (abs(p.sum(axis=1) - 1) > 1e-3).any():
            raise ValueError(
                f"the output '{self._roles.output}' is no probabilities, which are 0 or more and "
                "have the sum 1: declare output p = softmax(z), or sigmoid(z) for two classes"
            )
        return p

    def predict(self, X: Any) -> Array:
        """The most probable label of each row."""
        codes = self.predict_proba(X).argmax(axis=1)
        labels: Array = self.classes_[codes]
        return labels


class GraphRegressor(RegressorMixin, GraphEstimator):
    """A model file as a regressor: the model's `y` is a row's number, its output the estimate,
    `[N]` or `[N, 1]`.

    Parameters and attributes are those of `GraphEstimator`.
    """

    _default = "regressor.gdl"

    def fit(self, X: Any, y: Any) -> GraphRegressor:
        """Train on rows X and their numbers y; raises as `GraphClassifier.fit` does."""
        X, y = validate_data(self, X, y, dtype=FLOATS, y_numeric=True)
        self._fit(X, np.asarray(y, np.float64), None)
        return self

    def predict(self, X: Any) -> Array:
        """The estimate for each row."""
        return self._answers(X).reshape(-1)
