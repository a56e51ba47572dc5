"""`run`, `evaluate`, `predict`: training from the command line, values of the rest."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import graphdsl
from graphdsl.training.identity import model_hash

SMALL = """
dim N
input x: [N, 2]
input y: [N]
param w: [2] = 0
param b = 0
output line = x @ w + b
loss J = mean((line - y)^2)
metric close = mean(abs(line - y) < 0.5)
data {
  source = "d.npz"
  x = x
  y = y
  split = [0.5, 0.25, 0.25]
}
train {
  optimizer = sgd(lr = 0.1)
  batch = 16
  epochs = 20
}
"""


@pytest.fixture
def small(model, tmp_path: Path) -> Path:
    """A model that trains in a moment, its data beside it."""
    x = np.random.default_rng(0).standard_normal((80, 2))
    np.savez(tmp_path / "d.npz", x=x, y=x @ [3, -1] + 2)
    path: Path = model(SMALL)
    return path


# --- values -----------------------------------------------------------------------------------


def test_the_lecture_s_example_to_15_digits(call, examples) -> None:
    done = call("run", examples / "lecture" / "l1.gdl", "x=2", "z=3", "--dtype", "f64")
    assert (done.code, done.out, done.err) == (0, "y = 412.191457284121\n", "")


def test_options_may_stand_anywhere(call, examples) -> None:
    path = examples / "lecture" / "l1.gdl"
    done = call("run", path, "--dtype", "f64", "x=2", "--json", "z=3")
    assert json.loads(done.out)["y"] == pytest.approx(412.191457284121, rel=1e-14)


def test_lists_and_files_as_values(call, examples, tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.array([[6.0], [8.0]]))
    path = examples / "lecture" / "l6.gdl"
    done = call("run", path, "x=[[1], [2]]", "t=@t.npy")
    assert done.out == "y =\n[[6.5],\n [8]]\nJ = 0.0625\n"


def test_what_json_has_no_number_for_is_null(call, model) -> None:
    done = call("run", model("input x: [2]\noutput y = 1 / x"), "--json", "x=[0, 2]")
    assert json.loads(done.out) == {"y": [None, 0.5]}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("x=2",), "depends on an input that is not fed"),
        ((), "feed x, z too"),
        (("x=2", "w=3"), "no input 'w'"),
        (("x=[1, 2]", "z=3"), "was fed an array of shape [2]"),
        (("x=[[1], [1, 2]]", "z=3"), "the rows differ in length"),
        (("x=@none.npy", "z=3"), "none.npy cannot be read: No such file"),
        (("x=@m.gdl", "z=3"), "it is no .npy file of numbers"),
    ],
)
def test_values_that_do_not_fit(call, model, values: tuple[str, ...], said: str) -> None:
    done = call("run", model("input x\ninput z\noutput y = x * z"), *values)
    assert (done.code, done.out) == (1, "")
    assert said in done.err


def test_pickles_are_not_opened(call, model, tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.array([{}]), allow_pickle=True)
    done = call("run", model("input x: [1]\noutput y = x^2"), "x=@p.npy")
    assert done.code == 1
    assert "p.npy" in done.err


def test_options_of_training_need_a_train_block(call, examples) -> None:
    done = call("run", examples / "lecture" / "l1.gdl", "x=2", "z=3", "--epochs", "3")
    assert done.code == 2
    assert "--epochs" in done.err


# --- training ---------------------------------------------------------------------------------


def test_a_run_trains_saves_and_says_how_good_it_is(call, small: Path) -> None:
    done = call("run", small)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith("test J ")
    assert lines[1:] == ["test close 100.0 %", "run saved in runs/m-1"]
    folder = Path("runs/m-1")
    assert {path.name for path in folder.iterdir()} == {
        *("model.gdl", "settings.json", "weights.safetensors"),
        *("history.csv", "history.jsonl", "metrics.json", "checkpoints"),
    }
    with (folder / "history.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 20
    assert "epoch 20" in done.err


def test_a_second_run_overwrites_nothing(call, small: Path) -> None:
    call("run", small, "-q")
    assert "runs/m-2" in call("run", small, "-q").out
    assert call("run", small, "-q", "--out", "runs/m-1").code == 1


def test_quiet_is_quiet_and_options_override(call, small: Path) -> None:
    done = call("run", small, "-q", "--epochs", "3", "--batch", "all", "--out", "here")
    assert (done.code, done.err) == (0, "")
    settings = json.loads(Path("here/settings.json").read_text())
    assert (settings["train"]["epochs"], settings["train"]["batch"]) == (3, "all")


def test_the_seed_decides(call, small: Path) -> None:
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert call("run", small, "-q", "--seed", seed, "--out", out).code == 0
    a, b, c = (load_file(Path(out, "weights.safetensors"))["w"].tobytes() for out in "abc")
    assert a == b != c


def test_json_on_stdout_is_one_object(call, small: Path) -> None:
    done = call("run", small, "--json")
    told = json.loads(done.out)
    assert told["test"]["close"] == 1
    assert told["folder"] == "runs/m-1"
    assert [json.loads(line)["event"] for line in done.err.splitlines()][-1] == "end"


def test_divergence_is_3_and_leaves_its_history(call, model, small: Path) -> None:
    done = call("run", model(SMALL.replace("lr = 0.1", "lr = 1e30")))
    assert done.code == 3
    assert "E0805" in done.err
    assert json.loads(Path("runs/m-1/metrics.json").read_text())["ending"] == "diverged"


def test_ctrl_c_is_130_after_saving(call, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from graphdsl.training import progress

    def interrupt(self: object, row: dict[str, float]) -> None:
        if row["epoch"] == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(progress.Silent, "on_epoch", interrupt)
    done = call("run", small, "-q")
    assert done.code == 130
    assert "test close" in done.out
    assert Path("runs/m-1/weights.safetensors").exists()


def test_values_have_no_place_beside_a_train_block(call, small: Path) -> None:
    assert call("run", small, "x=3").code == 2


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("d.npz", "e.npz", "e.npz"),
        ("x = x\n", "x = xx\n", "m.gdl:12:7"),
        ("  epochs", "  epoch", "m.gdl:19:3"),
        ("[0.5, 0.25, 0.25]", "[0.5, 0.5, 0.5]", "m.gdl:14:11"),
    ],
)
def test_a_wrong_data_or_train_block_leaves_nothing(
    call, model, small: Path, before: str, after: str, said: str
) -> None:
    assert before in SMALL
    done = call("run", model(SMALL.replace(before, after)))
    assert done.code == 1
    assert said in done.err
    assert not Path("runs").exists()


# --- evaluating and predicting ----------------------------------------------------------------


@pytest.fixture
def trained(call, small: Path) -> Path:
    """A folder of a run."""
    assert call("run", small, "-q", "--out", "done").code == 0
    return Path("done")


def test_evaluate_says_what_the_run_said(call, small: Path, trained: Path) -> None:
    done = call("evaluate", small, "--weights", trained / "weights.safetensors", "--json")
    told = json.loads(done.out)
    assert told["test"] == pytest.approx(json.loads((trained / "metrics.json").read_text())["test"])
    assert "test close 100.0 %\n" in call("evaluate", small, "--weights", trained).out


def test_evaluate_takes_a_part_or_all(call, small: Path) -> None:
    assert call("evaluate", small, "--part", "valid").out.startswith("valid J ")
    parts = [line.split()[0] for line in call("evaluate", small, "--part", "all").out.splitlines()]
    assert parts == ["train", "train", "valid", "valid", "test", "test"]


def test_a_part_that_is_not_there_is_said(call, model, small: Path) -> None:
    path = model(SMALL.replace("[0.5, 0.25, 0.25]", "[0.5, 0.5]"))
    done = call("evaluate", path, "--part", "test")
    assert done.code == 1
    assert "no part 'test'" in done.err


@pytest.mark.parametrize("name", ["none.safetensors", "m.gdl"])
def test_weights_that_are_none_are_said(call, small: Path, name: str) -> None:
    done = call("evaluate", small, "--weights", name)
    assert done.code == 1
    assert name in done.err


@pytest.mark.parametrize("name", ["o.npy", "o.npz", "o.csv"])
def test_predictions_are_written(call, small: Path, trained: Path, name: str) -> None:
    done = call("predict", small, "--weights", trained, "--part", "all", "-o", name)
    assert (done.code, done.out) == (0, "")
    if name.endswith(".csv"):
        rows = Path(name).read_text().splitlines()
        assert rows[0] == "line"
        found = np.array(rows[1:], float)
    else:
        loaded = np.load(name)
        found = loaded["line"] if name.endswith(".npz") else loaded
    assert found.shape == (80,)


def test_predictions_for_values(call, small: Path, trained: Path) -> None:
    done = call("predict", small, "x=[[1, 1], [0, 0]]", "--weights", trained, "--json")
    assert json.loads(done.out)["line"] == pytest.approx([4, 2], abs=0.05)


def test_predictions_for_other_rows_need_no_answers(call, small: Path, trained: Path) -> None:
    np.savez("new.npz", x=np.zeros((3, 2)))
    done = call("predict", small, "--weights", trained, "--data", "new.npz", "--json")
    assert json.loads(done.out)["line"] == pytest.approx([2, 2, 2], abs=0.05)


def test_other_data_takes_the_source_s_place(call, small: Path, trained: Path) -> None:
    x = np.ones((40, 2))
    np.savez("new.npz", x=x, y=x @ [3, -1] + 2)
    done = call("evaluate", small, "--weights", trained, "--data", "new.npz")
    assert done.out.splitlines()[-1] == "data close 100.0 %"
    assert call("run", small, "-q", "--data", "new.npz").code == 0
    assert call("evaluate", small, "--data", "new.npz", "--part", "test").code == 2
    assert call("evaluate", small, "--data", "none.npz").code == 1


def test_two_sources_of_rows_are_one_too_many(call, small: Path) -> None:
    assert call("predict", small, "x=[[1, 1]]", "--part", "test").code == 2


@pytest.mark.parametrize(
    ("out", "code"), [("o.txt", "E0828"), ("none/o.npy", "E0823"), ("dir.npz", "E0823")]
)
def test_a_place_that_cannot_be_written_is_said(call, small: Path, out: str, code: str) -> None:
    Path("dir.npz").mkdir()
    done = call("predict", small, "-o", out)
    assert done.code == 1
    assert code in done.err


def test_a_model_without_outputs_predicts_nothing(call, model, small: Path) -> None:
    done = call("predict", model(SMALL.replace("output line", "line")))
    assert done.code == 1
    assert "E0829" in done.err


# --- seeds ------------------------------------------------------------------------------------

SEEDED = """dim N
input x: [N, 4]
param W: [4, 4] ~ normal(0, 1)
loss J = mean((Dropout(x @ W, 0.5) - x)^2)
output y = x @ W
data { source = "d.npz", x = x }
train {
  optimizer = sgd(lr = 0.1)
  batch = 8
  epochs = 3
  seed = 7
}
"""


@pytest.fixture
def seeded(model, tmp_path: Path) -> Path:
    """A model that names a seed, draws its parameter and drops units while it trains."""
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).standard_normal((20, 4)))
    text = SEEDED.replace('{ source = "d.npz", x = x }', '{\n source = "d.npz"\n x = x\n}')
    path: Path = model(text)
    return path


@pytest.mark.parametrize("words", [(), ("--seed", 7), ("--seed", 8)])
def test_a_run_draws_from_the_seed_as_python_does(call, seeded: Path, words: tuple) -> None:
    assert call("run", seeded, "-q", "--out", "o", *words).code == 0
    model = graphdsl.load(seeded, seed=words[1] if words else None)
    model.fit()
    found = load_file("o/weights.safetensors")["W"]
    assert found.tobytes() == model.params["W"].tobytes()
    assert json.loads(Path("o/settings.json").read_text())["train"]["seed"] == model.seed


def test_values_of_an_untrained_model_are_those_of_its_seed(call, seeded: Path) -> None:
    expected = graphdsl.load(seeded).run(x=np.eye(4))["y"]
    done = call("predict", seeded, "x=[[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]", "--json")
    np.testing.assert_array_equal(np.float32(json.loads(done.out)["y"]), expected)


# --- what a run leaves ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("epochs = 20", "epochs = 20\n  stop = early(J, 3)", "E0811"),
        ("x @ w + b", "x @ w + b + [1, 2, 3][i]", "E0607"),
    ],
)
@pytest.mark.parametrize("out", [None, "mine"])
def test_a_run_that_never_got_anywhere_leaves_nothing(
    call, model, small: Path, out: str | None, before: str, after: str, code: str
) -> None:
    text = SMALL.replace("  split = [0.5, 0.25, 0.25]\n", "")
    text = text.replace("input y", "input i: i64[N]\ninput y")
    text = text.replace("  y = y", "  y = y\n  i = 9 * (y > 0)")
    done = call("run", model(text.replace(before, after)), *(("--out", out) if out else ()))
    assert (done.code, done.out) == (1, "")
    assert code in done.err
    assert not Path("runs").exists()
    assert not Path("mine").exists()


def test_a_fault_of_a_later_epoch_leaves_what_was_learnt(
    call, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from graphdsl.training import progress

    def fail(self: object, row: dict[str, float]) -> None:
        if row["epoch"] == 2:
            raise graphdsl.DataError(graphdsl.Diagnostic("E0616", "no more"))

    monkeypatch.setattr(progress.Silent, "on_epoch", fail)
    assert call("run", small, "-q", "--out", "o").code == 1
    assert json.loads(Path("o/metrics.json").read_text())["ending"] == "failed"
    assert Path("o/weights.safetensors").exists()


def test_what_a_last_step_made_infinite_is_no_model(call, model) -> None:
    path = model(
        "param w = 1\nloss J = w\noptimizer blow() {\n  update p = p / (2 - t)\n}\n"
        "train {\n  optimizer = blow()\n  epochs = 2\n}\n"
    )
    done = call("run", path, "--out", "o")
    assert done.code == 3
    assert "E0805" in done.err
    assert "'w'" in done.err
    assert load_file("o/weights.safetensors")["w"] == 1
    assert json.loads(Path("o/metrics.json").read_text())["ending"] == "diverged"


def test_the_last_line_of_progress_leaves_the_scores_to_the_output(call, small: Path) -> None:
    done = call("run", small)
    assert "test close" in done.out
    assert "test.close" not in done.err


def test_a_run_s_model_stands_alone(call, model, small: Path, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "parts" / "a.gdl").write_text('from "b.gdl" import k\nconst two = 2 * k\n')
    (tmp_path / "elsewhere" / "b.gdl").write_text("const k = 1\n")
    text = 'from "parts/a.gdl" import two\n' + SMALL.replace("  x = x\n", "  x = x * two / two\n")
    words = ("--include", tmp_path / "elsewhere")
    assert call("run", model(text), "-q", "--out", "o", *words).code == 0
    assert Path("o/parts/a.gdl").read_text() == (tmp_path / "parts" / "a.gdl").read_text()
    assert call("check", "o/model.gdl").code == 0
    told = json.loads(Path("o/settings.json").read_text())["model_hash"]
    assert told == model_hash(graphdsl.load("o/model.gdl").compilation)
    Path("o/b.gdl").write_text("const k = 3\n")
    assert told != model_hash(graphdsl.load("o/model.gdl").compilation)


def test_lists_may_hold_nan_and_infinity(call, model) -> None:
    path = model("input x: [3]\noutput y = 2 * x\n")
    done = call("run", path, "x=[1, nan, -inf]")
    assert (done.code, done.out.split()) == (0, ["y", "=", "[2,", "nan,", "-inf]"])
