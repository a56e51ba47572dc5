"""`run` trains: what it says, what it leaves, and when it leaves nothing."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import pytest
from safetensors.numpy import load_file

import graphdsl
from cli.runs import SMALL
from graphdsl.training.identity import model_hash


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
