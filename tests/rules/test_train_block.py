"""The keys of the train block: how a model is trained, when that stops, what is reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.cli import main
from graphdsl.driver import check
from graphdsl.language.source import Source
from rules.citations import rule

TRAINING = "Training"
LINE = (
    "dim N\ninput x: [N]\nparam w = 0\nloss J = mean((w - x)^2)\nmetric error = mean(abs(w - x))\n"
)


def model(*settings: str, head: str = LINE, optimizer: str = "sgd(lr = 0.1)") -> graphdsl.Model:
    """A model whose train block has these lines."""
    lines = "".join(f"  {line}\n" for line in (f"optimizer = {optimizer}", *settings))
    return graphdsl.loads(f"{head}train {{\n{lines}}}\n", dtype="f64")


def fit(
    made: graphdsl.Model, rows: int = 10, **settings: object
) -> graphdsl.training.history.History:
    """Training on the numbers 0, 1, …."""
    return made.fit({"x": np.arange(rows, dtype=float)}, **settings)


@rule(TRAINING, "`train` is settings by name.")
@rule(TRAINING, "Every key is checked, its value too.")
@pytest.mark.parametrize(
    "line",
    [
        "optimiser = sgd()",
        "shuffle = true\n  shuffle = true",
        "epochs = 1.5",
        "epochs = -1",
        "batch = 0",
        "seed = -1",
        "eval_batch = 0.5",
        "shuffle = 1",
        "optimizer = 3",
        "optimizer = relu()",
        "stop = 3",
        "stop = early(w)",
    ],
)
def test_settings_are_checked(line: str) -> None:
    rest = "" if line.startswith("optimi") else "  optimizer = sgd()\n"
    found = check(Source(f"{LINE}train {{\n  {line}\n{rest}}}\n"))
    assert found
    assert found[0].code.startswith("E05")
    assert found[0].primary
    assert found[0].primary.span.line in (7, 8)


@rule(TRAINING, "The rule of the update; without one the file's own updates run alone.")
def test_the_optimizer() -> None:
    made = model("batch = all", "epochs = 1")
    fit(made)
    assert made.params["w"] == pytest.approx(0.1 * 2 * 4.5)


@rule(TRAINING, "without one the file's own updates run alone.")
@rule(TRAINING, "Without an `optimizer`, a training step is the file's own updates, and no loss is")
def test_training_without_an_optimizer() -> None:
    text = (
        "dim N\ninput x: [N]\nparam w = 3\nstate total = 0\nupdate total = total + w * sum(x)\n"
        "output y = total\ntrain {\n  epochs = 2\n  batch = 1\n}\n"
    )
    made = graphdsl.loads(text)
    made.fit({"x": [1, 2]})
    assert made.states["total"] == 2 * 3 * 3
    assert made.params["w"] == 3


@pytest.mark.parametrize(
    ("lines", "steps"), [([], 2), (["batch = 10"], 4), (["batch = all"], 1), (["batch = 40"], 1)]
)
@rule(TRAINING, "How many rows a step is computed from; 'all' takes every row.")
def test_batch(lines: list[str], steps: int) -> None:
    assert fit(model("epochs = 1", *lines), rows=40).epochs[-1]["step"] == steps


@rule(TRAINING, "A `batch` that is written is no larger than the training part;")
@rule(TRAINING, "the default one shrinks to it.")
def test_a_batch_beyond_the_data() -> None:
    with pytest.raises(graphdsl.DataError, match="E0625"):
        fit(model("batch = 64"), rows=40)
    assert fit(model("epochs = 1"), rows=5).epochs[-1]["step"] == 1


@pytest.mark.parametrize(("lines", "count"), [([], 10), (["epochs = 3"], 3), (["epochs = 0"], 0)])
@rule(TRAINING, "How many times the training part is gone through.")
def test_epochs(lines: list[str], count: int) -> None:
    assert len(fit(model(*lines)).epochs) == count


@rule(TRAINING, "The seed of initial values, of the shuffling and of random ops.")
def test_seed() -> None:
    head = LINE.replace("param w = 0", "param w ~ normal()")

    def weights(seed: int) -> list[float]:
        made = model(f"seed = {seed}", "batch = 3", "epochs = 1", head=head)
        first = made.params["w"].item()
        fit(made)
        return [first, made.params["w"].item()]

    assert weights(1) == weights(1)
    assert weights(1)[0] != weights(2)[0]


def order(shuffle: str, seed: int = 0) -> list[float]:
    """The rows in the order in which two epochs take them, one at a time."""
    head = (
        "dim N\ninput x: [N]\nparam w = 0\nstate seen = 0\nupdate seen = 10 * seen + sum(x)\n"
        "loss J = mean(x) * w\n"
    )
    made = model(f"shuffle = {shuffle}", "batch = 1", "epochs = 2", f"seed = {seed}", head=head)
    made.fit({"x": [1, 2, 3, 4, 5, 6]})
    return [int(digit) for digit in f"{made.states['seen'].item():012.0f}"]


@rule(TRAINING, "Whether each epoch takes the rows in another order.")
def test_shuffle() -> None:
    assert order("false") == [1, 2, 3, 4, 5, 6] * 2
    first, second = order("true")[:6], order("true")[6:]
    assert sorted(first) == sorted(second) == [1, 2, 3, 4, 5, 6]
    assert first != second
    assert order("true") == order("true") != order("true", seed=1)


VALID = {"split": [0.5, 0.5], "split_seed": 0}


@rule(TRAINING, "When to stop before the last epoch: when a loss or metric no longer improves")
@rule(TRAINING, "than its best for so many epochs")
@pytest.mark.parametrize(("patience", "epochs"), [(2, 3), (4, 5)])
def test_early_stopping(patience: int, epochs: int) -> None:
    made = model("epochs = 50", f"stop = early(J, patience = {patience})", optimizer="sgd(lr = 0)")
    history = fit(made, **VALID)
    assert (history.ending, len(history.epochs), history.best) == ("early", epochs, 1)


@rule(TRAINING, "`early(J, patience = 5, min_delta = 0)`")
def test_improvements_below_min_delta_do_not_count() -> None:
    stop = "stop = early(J, patience = 2, min_delta = 1e6)"
    assert len(fit(model("epochs = 50", stop), **VALID).epochs) == 3
    assert len(fit(model("epochs = 9", "stop = early(J, patience = 2)"), **VALID).epochs) > 3


@rule(TRAINING, "the weights that are kept are the best by what the first `early` watches,")
def test_the_best_weights_are_kept() -> None:
    made = model("epochs = 6", "batch = all", optimizer="sgd(lr = 1.05)")  # it diverges slowly
    history = fit(made, **VALID)
    losses = history.column("valid.J")
    assert losses[-1] > min(losses)
    assert history.final["valid"]["J"] == pytest.approx(min(losses))


@rule(TRAINING, "A loss is minimised and a metric maximised;")
@rule(TRAINING, "`early(-error)` turns that round.")
@pytest.mark.parametrize(
    ("watched", "best"), [("J", min), ("error", max), ("-error", min), ("-J", max)]
)
def test_what_is_watched(watched: str, best: type) -> None:
    history = fit(model("epochs = 4", f"stop = early({watched}, patience = 9)"), **VALID)
    found = history.column(f"valid.{watched.removeprefix('-')}")
    assert history.best == found.index(best(found)) + 1


@rule(TRAINING, "Without a valid part `early`, and `plateau` of it, have nothing to watch,")
def test_stopping_without_a_valid_part() -> None:
    with pytest.raises(graphdsl.UsageError, match="E0811"):
        fit(model("stop = early(J)"))


@rule(TRAINING, "The last batch of an epoch is as short as it comes.")
def test_the_last_batch_is_short() -> None:
    head = (
        "dim N\ninput x: [N]\nparam w = 0\nstate sizes = 0\nupdate sizes = 10 * sizes + N\n"
        "loss J = mean(x) * w\n"
    )
    made = model("batch = 4", "epochs = 1", head=head)
    fit(made, rows=10)
    assert made.states["sizes"] == 442


@rule(TRAINING, "are reported as means over the rows of a part, each batch weighted by its rows;")
@pytest.mark.parametrize("size", ["1", "3", "7", "all"])
def test_measures_are_means_over_rows(size: str) -> None:
    made = model(f"eval_batch = {size}", "epochs = 1", optimizer="sgd(lr = 0)")
    history = fit(made, rows=20, **VALID)
    part = fit(model("epochs = 1", optimizer="sgd(lr = 0)"), rows=20, **VALID)
    assert history.final["valid"]["error"] == pytest.approx(part.final["valid"]["error"])


@rule(TRAINING, "`eval_batch = all` is for those that are no means.")
@rule(TRAINING, "How many rows are evaluated at once; 'all' takes every row.")
def test_eval_batch() -> None:
    head = LINE + "metric largest = max(x)\n"

    def largest(size: str) -> float:
        made = model(f"eval_batch = {size}", "epochs = 1", head=head)
        return fit(made, rows=20, split=[0.1, 0.9]).final["valid"]["largest"]

    assert largest("all") == 19
    assert largest("1") < 19


@rule(TRAINING, "Settings of both blocks, and what binds the inputs, can be overridden from")
@rule(TRAINING, "What is given there is written as it would be in the file and checked by the same")
def test_settings_are_overridden_when_a_model_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a\n1\n3\n")
    data = 'data {\n  source = "d.csv"\n  x = a\n}\n'
    (tmp_path / "m.gdl").write_text(f"{LINE}{data}train {{\n  optimizer = sgd()\n}}\n")
    given = {"optimizer": "sgd(lr = 0.25)", "epochs": 1, "batch": "all", "x": "2 * a"}
    made = graphdsl.load(tmp_path / "m.gdl", settings=given)
    made.fit()
    other = graphdsl.load(tmp_path / "m.gdl", settings={**given, "x": "a"})
    other.fit({"x": [2.0, 6.0]})
    assert made.params["w"] == other.params["w"] != graphdsl.load(tmp_path / "m.gdl").params["w"]
    with pytest.raises(graphdsl.ModelError, match="E0501"):
        graphdsl.load(tmp_path / "m.gdl", settings={"epoch": 1})
    with pytest.raises(graphdsl.ModelError, match="E0502"):
        graphdsl.load(tmp_path / "m.gdl", settings={"epochs": 1.5})


@rule(TRAINING, "Settings of both blocks, and what binds the inputs, can be overridden from")
def test_settings_are_overridden_from_python() -> None:
    made = model("epochs = 5", "batch = 2", "seed = 3", "stop = early(J)")
    history = fit(made, epochs=2, batch="all", stop=None)
    assert history.epochs[-1]["step"] == 2
    with pytest.raises(graphdsl.UsageError, match="E0808"):
        fit(made, epoch=2)
    with pytest.raises(graphdsl.UsageError, match="E0809"):
        fit(made, epochs=1.5)
    with pytest.raises(graphdsl.UsageError, match="E0808"):
        fit(made, optimizer="adam")


@rule(TRAINING, "be overridden from [Python and the command line](guide.md#other-settings")
def test_settings_are_overridden_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, count in (("a", 4), ("b", 6)):
        np.savez(f"{name}.npz", v=np.arange(count))
    block = 'data {\n  source = "a.npz"\n  x = v\n}\ntrain {\n  optimizer = sgd()\n}\n'
    Path("m.gdl").write_text(LINE + block)
    words = ["m.gdl", "--epochs", "2", "--batch", "2", "--data", "b.npz", "--seed", "7"]
    assert main(["run", *words, "--json", "--quiet"]) == 0
    assert '"epochs": 2, "steps": 6' in capsys.readouterr().out
