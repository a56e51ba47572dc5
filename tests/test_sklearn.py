"""Models as estimators: scikit-learn's own checks, pipelines, searches, pickles, errors."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import graphdsl
from graphdsl.sklearn import GraphClassifier, GraphRegressor

EXAMPLES = Path(__file__).parents[1] / "examples"
LINE = """const a = 2
const b = 3 * a
const flag = true
dim N
input x: [N, 3]
input y: [N]
output guess = Dense(x, 1)[:, 0]
loss J = mean((guess - y)^2)
train {
  optimizer = adam(lr = 0.1)
}
"""


@parametrize_with_checks([GraphClassifier(), GraphRegressor()])
def test_scikit_learn_s_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


# --- use ------------------------------------------------------------------------------------------


def test_digits_as_an_estimator() -> None:
    x, y = load_digits(return_X_y=True)
    seen, new, y_seen, y_new = train_test_split(x / 16, y, random_state=0, stratify=y)
    model = GraphClassifier(EXAMPLES / "digits.gdl", constants={"hidden": 128}, epochs=30)
    model.fit(seen, y_seen)
    assert model.score(new, y_new) > 0.96
    assert model.model_.params["W1"].shape == (64, 128)
    assert model.n_iter_ <= 30
    assert model.history_.best is not None  # it stops early, so a tenth of the rows was watched


def test_probabilities_of_two_classes_from_one_output() -> None:
    """The logistic regression of the examples: y is a float there, and p the second class's."""
    x, y = load_breast_cancer(return_X_y=True)
    labels = np.array(["malignant", "benign"])[y]
    model = make_pipeline(StandardScaler(), GraphClassifier(EXAMPLES / "breast_cancer.gdl"))
    model.fit(x, labels)
    assert model.classes_.tolist() == ["benign", "malignant"]
    p = model.predict_proba(x)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert model.score(x, labels) > 0.97
    assert (model.predict(x) == model.classes_[(p[:, 1] > 0.5).astype(int)]).all()


def test_diabetes_beside_ridge() -> None:
    x, y = load_diabetes(return_X_y=True)
    seen, new, y_seen, y_new = train_test_split(x, y, random_state=0)
    ours = make_pipeline(StandardScaler(), GraphRegressor(EXAMPLES / "diabetes.gdl"))
    theirs = make_pipeline(StandardScaler(), Ridge())
    scores = [model.fit(seen, y_seen).score(new, y_new) for model in (ours, theirs)]
    assert scores[0] > scores[1] - 0.02


def test_constants_are_hyperparameters_of_a_search() -> None:
    x, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), GraphClassifier(epochs=30))
    grid = {"graphclassifier__hidden": [1, 16], "graphclassifier__decay": [0, 1e-3]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(x, y)
    assert search.best_params_["graphclassifier__hidden"] == 16
    best = search.best_estimator_[-1]
    assert best.model_.params["h.W"].shape == (4, 16)
    assert best.constants == {"hidden": 16, "decay": search.best_params_["graphclassifier__decay"]}
    assert search.score(x, y) > 0.93


def test_folds_are_trained_in_processes_of_their_own() -> None:
    x, y = load_iris(return_X_y=True)
    model = GraphClassifier(epochs=20)
    apart = cross_val_score(model, x, y, cv=2, n_jobs=2)
    np.testing.assert_array_equal(apart, cross_val_score(model, x, y, cv=2))


# --- parameters -----------------------------------------------------------------------------------


def test_constants_are_listed_with_their_values() -> None:
    model = GraphRegressor(LINE, constants={"a": 5})
    shown = model.get_params()
    assert (shown["a"], shown["b"], shown["flag"]) == (5, None, True)
    assert "a" not in model.get_params(deep=False)
    assert "features" not in GraphClassifier().get_params()
    assert GraphClassifier().get_params()["hidden"] == 64


def test_constants_are_set_by_name_and_survive_a_clone() -> None:
    model = clone(GraphClassifier().set_params(hidden=3, epochs=2))
    assert model.constants == {"hidden": 3}
    assert model.get_params()["hidden"] == 3
    assert model.epochs == 2
    assert clone(model.set_params(lr=0.1)).constants == {"hidden": 3, "lr": 0.1}


def test_a_model_and_its_constants_are_set_together() -> None:
    assert GraphRegressor().set_params(a=4, model=LINE).get_params()["a"] == 4


def test_unknown_parameters_are_said() -> None:
    with pytest.raises(ValueError, match=r"no parameter 'hiden': .*hidden"):
        GraphClassifier().set_params(hiden=3)
    with pytest.raises(ValueError, match="no parameter 'classes'"):
        GraphClassifier().set_params(classes=3)


def test_a_file_that_cannot_be_read_is_said_by_fit() -> None:
    model = GraphClassifier("none.gdl")
    assert "hidden" not in model.get_params()
    with pytest.raises(graphdsl.ModelError, match=r"none\.gdl"):
        model.fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"model": 3}, TypeError, "model is a path, a model's text or None, not 3"),
        ({"constants": [("hidden", 3)]}, TypeError, "constants is a mapping of values by name"),
        ({"dtype": "f16"}, graphdsl.UsageError, "a model's float is 'f32' or 'f64', not 'f16'"),
        ({"dtype": None}, graphdsl.UsageError, "not None"),
        ({"dtype": np.zeros(2)}, graphdsl.UsageError, "not array"),
        ({"validation_fraction": "0.1"}, ValueError, "from 0 to less than 1, not '0.1'"),
    ],
)
def test_parameters_of_another_kind_are_said_by_fit(
    given: dict[str, object], kind: type[Exception], said: str
) -> None:
    model = GraphClassifier().set_params(**given)
    model.get_params()
    with pytest.raises(kind, match=said):
        model.fit([[0.0], [1.0]], [0, 1])


def test_random_state_is_the_seed_and_none_is_the_file_s() -> None:
    x, y = load_iris(return_X_y=True)

    def weights(state: Any) -> Any:
        return GraphClassifier(epochs=1, random_state=state).fit(x, y).model_.params["z.W"]

    assert (weights(None) == weights(None)).all()
    assert (weights(3) == weights(3)).all()
    assert (weights(3) != weights(4)).any()
    assert (weights(np.random.RandomState(3)) == weights(3)).all()


def test_labels_of_any_kind() -> None:
    x, y = load_iris(return_X_y=True)
    x, names = StandardScaler().fit_transform(x), y.astype(str).astype(object)
    for labels in (y.astype(str), y - 7, y.astype(float), names, y > 0):
        model = GraphClassifier().fit(x, labels)
        assert model.predict(x).dtype == labels.dtype
        assert model.score(x, labels) > 0.9


def test_a_validation_part_is_drawn_with_every_class() -> None:
    x, y = load_iris(return_X_y=True)
    rows = GraphClassifier(epochs=3, validation_fraction=0.2).fit(x, y).history_.epochs
    assert "valid.J" in rows[0]
    assert rows[0]["step"] == 4  # 120 rows, 32 a step
    assert "valid.J" not in GraphClassifier(epochs=3).fit(x, y).history_.epochs[0]
    alone = np.where(np.arange(150) == 7, 3, y)
    with pytest.raises(graphdsl.DataError, match="class"):
        GraphClassifier(validation_fraction=0.2).fit(x, alone)
    with pytest.raises(ValueError, match="validation_fraction is a number from 0"):
        GraphClassifier(validation_fraction=2).fit(x, y)


def test_a_batch_holds_no_more_than_the_rows_that_are_trained_on() -> None:
    x, y = np.random.default_rng(0).random((40, 2)), np.arange(40) % 2
    model = GraphClassifier(epochs=1, validation_fraction=0.5).fit(x, y)
    assert model.history_.epochs[0]["step"] == 1


def test_f32_models() -> None:
    x, y = load_iris(return_X_y=True)
    model = GraphClassifier(dtype="f32", epochs=3).fit(x, y)
    assert model.model_.params["h.W"].dtype == np.float32
    assert model.predict_proba(x).dtype == np.float64


# --- travelling -----------------------------------------------------------------------------------


def test_a_pickle_carries_the_text_and_no_program(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    x, y = load_iris(return_X_y=True)
    path = tmp_path / "m.gdl"
    path.write_text((Path(graphdsl.__file__).parent / "sklearn" / "classifier.gdl").read_text())
    model = GraphClassifier(path, epochs=5, constants={"hidden": 8}).fit(x, y)
    np.savez(tmp_path / "x.npz", x=x, p=model.predict_proba(x))
    (tmp_path / "m.pickle").write_bytes(pickle.dumps(model))
    path.unlink()
    script = (
        "import pickle, numpy as np\n"
        "kept = np.load('x.npz')\n"
        "model = pickle.load(open('m.pickle', 'rb'))\n"
        "np.testing.assert_allclose(model.predict_proba(kept['x']), kept['p'], rtol=RTOL)\n"
    )
    # the other process has the engine `auto`, whatever these tests have
    compiled = request.config.getoption("--engine") == "numba"
    script = script.replace("RTOL", "1e-5" if compiled else "0")
    environment = {"PYTHONPATH": str(EXAMPLES.parent)}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, env=environment)
    state = model._fitted.__getstate__()
    assert {type(value) for value in state.values()} == {str, dict, int}
    assert {type(array) for array in state["_arrays"].values()} == {np.ndarray}


def test_imported_files_travel_too(tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    (tmp_path / "parts").mkdir()
    imported = tmp_path / "parts" / "layers.gdl"
    imported.write_text(
        "block Twice(x, units) {\n  return Dense(Dense(x, units, act = tanh), 3)\n}\n"
    )
    path = tmp_path / "m.gdl"
    path.write_text(
        'from "parts/layers.gdl" import Twice\n'
        "dim N\ninput x: [N, 4]\ninput y: i64[N]\nz = Twice(x, 8)\n"
        "loss J = mean(cross_entropy(z, y))\noutput p = softmax(z)\n"
        "train {\n  optimizer = adam(lr = 0.01)\n}\n"
    )
    model = GraphClassifier(path, epochs=5).fit(x, y)
    sent = pickle.dumps(model)
    imported.unlink()
    arrived = pickle.loads(sent)
    np.testing.assert_array_equal(arrived.predict_proba(x), model.predict_proba(x))
    again = pickle.loads(pickle.dumps(pickle.loads(sent)))  # unused in between
    np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))


def test_a_copy_is_on_its_own() -> None:
    x, y = load_iris(return_X_y=True)
    model = GraphClassifier(epochs=3).fit(x, y)
    before = model.predict_proba(x)
    other = copy.deepcopy(model)
    other.model_.params["z.W"][...] = 0
    np.testing.assert_array_equal(model.predict_proba(x), before)
    assert (other.predict_proba(x) != before).any()
