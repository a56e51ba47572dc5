"""A run's folder is read as far as it can be; the report says what is not as it should be."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from graphdsl.engines import choice
from graphdsl.language.diagnostics import DataError
from graphdsl.training.run_folder import held
from graphdsl.views import picture
from graphdsl.views.report import build
from graphdsl.views.report.measured import measure_run
from graphdsl.views.report.reading import ReportedRun, read_run
from graphdsl.views.report.settings import tell_settings
from reported import TEXT, train


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return train(tmp_path, "r")


def report_text(*runs: ReportedRun) -> str:
    return build.report_text(runs, [measure_run(run) for run in runs])


def notes_of(run: Path) -> str:
    """The notes, which stand in the page too."""
    found = read_run(run)
    assert report_text(found)
    return "\n".join(found.notes)


def test_a_whole_run_has_nothing_to_note(run: Path) -> None:
    found = read_run(run)
    assert found.notes == ()
    assert (found.name, found.ended, found.history.best) == ("r", True, 4)
    assert len(found.history.epochs) == 4
    assert found.history.final["valid"].keys() == {"J", "accuracy"}


DAMAGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("no history", lambda r: (r / "history.jsonl").unlink(), "There is no history.jsonl"),
    ("empty", lambda r: (r / "history.jsonl").write_text(""), "It came to no epoch"),
    ("half a line", lambda r: _append(r, '{"epoch": 5, "st'), "line 5 cannot be read"),
    ("no numbers", lambda r: _append(r, '{"epoch": "x"}\n[]\n7'), "line 5 and 2 more"),
    ("huge", lambda r: _append(r, f'{{"epoch": 5, "step": 1{"0" * 400}}}'), "line 5 cannot"),
    ("back again", lambda r: _append(r, '{"epoch": 2, "step": 1}'), "line 5 cannot be read"),
    ("deep", lambda r: _append(r, "[" * 100_000), "line 5 cannot be read"),
    ("no end", lambda r: (r / "metrics.json").unlink(), "--resume"),
    ("bad end", lambda r: (r / "metrics.json").write_text("[]"), "metrics.json cannot be read"),
    ("odd end", lambda r: (r / "metrics.json").write_text('{"ending": "?"}'), "how the run ended"),
    ("no model", lambda r: (r / "model.gdl").unlink(), "The model's file cannot be read"),
    (
        "two lines",
        lambda r: _append(r, "x\ny\n"),
        "line 5 and 1 more cannot be read and are left out.",
    ),
    ("a pipe", lambda r: _pipe(r / "history.jsonl"), "history.jsonl cannot be read: it is not a"),
    ("end a pipe", lambda r: _pipe(r / "metrics.json"), "metrics.json cannot be read: "),
    ("model a pipe", lambda r: _pipe(r / "model.gdl"), "cannot be read (it is not a file)"),
    ("other model", lambda r: (r / "model.gdl").write_text("input x"), "There is no drawing"),
]


@pytest.mark.parametrize(("damage", "said"), [d[1:] for d in DAMAGES], ids=[d[0] for d in DAMAGES])
def test_damage_is_said(run: Path, damage: Callable[[Path], object], said: str) -> None:
    damage(run)
    assert said in notes_of(run)


def _append(run: Path, text: str) -> None:
    with (run / "history.jsonl").open("a") as file:
        file.write(text)


def _pipe(path: Path) -> None:
    """What would be read for ever."""
    path.unlink()
    os.mkfifo(path)


def test_settings_that_are_no_file_are_not_waited_for(run: Path) -> None:
    _pipe(run / "settings.json")
    with pytest.raises(DataError, match="it is not a file"):
        read_run(run)


def test_a_history_that_cannot_be_read_is_not_said_to_be_empty(run: Path) -> None:
    (run / "history.jsonl").write_text("x\n")
    assert "It came to no epoch" not in notes_of(run)


def test_a_run_under_way_is_said_to_be(run: Path) -> None:
    (run / "metrics.json").unlink()
    with held(run):
        assert "under way" in notes_of(run)


def test_values_that_are_not_finite_are_gaps(run: Path) -> None:
    _append(run, '{"epoch": 5, "step": 35, "train.J": null}\n')
    found = read_run(run)
    assert found.history.epochs[-1]["train.J"] != found.history.epochs[-1]["train.J"]
    assert report_text(found)


@pytest.mark.parametrize("text", ["{", "[]", '{"seed": 1}'])
def test_without_its_settings_a_folder_is_no_run(run: Path, text: str) -> None:
    (run / "settings.json").write_text(text)
    with pytest.raises(DataError, match="E0836"):
        read_run(run)


@pytest.mark.parametrize(
    ("keys", "odd"),
    [
        (["seed"], -1),
        (["seed"], 2**63),
        (["given", "source"], 7),
        (["given", "start"], []),
        (["given", "train"], "x"),
        (["train", "epochs"], "x"),
    ],
)
def test_settings_that_no_run_wrote_are_no_runs(run: Path, keys: list[str], odd: object) -> None:
    plain = json.loads((run / "settings.json").read_text())
    *ways, last = keys
    at = plain
    for key in ways:
        at = at[key]
    at[last] = odd
    (run / "settings.json").write_text(json.dumps(plain))
    with pytest.raises(DataError, match=f"its '{keys[0]}' makes no sense"):
        read_run(run)


@pytest.mark.parametrize(
    ("key", "odd"),
    [("best", 10**400), ("best", 99), ("seconds", 10**400), ("watch", []), ("valid", {"J": "x"})],
)
def test_odd_ends_break_nothing(run: Path, key: str, odd: object) -> None:
    said = json.loads((run / "metrics.json").read_text())
    (run / "metrics.json").write_text(json.dumps(said | {key: odd}))
    found = read_run(run)
    assert found.history.best in (4, None)
    assert report_text(found)


@pytest.mark.parametrize("key", ["constants", "rows", "learned", "versions", "train"])
def test_odd_facts_are_shown_and_break_nothing(run: Path, key: str) -> None:
    plain = json.loads((run / "settings.json").read_text())
    odd = {"a": {"b": [1, None]}, "<b>": "</script>", "epochs": 4, "batch": 10}
    plain[key] = odd if key in ("versions", "train") else [odd]
    (run / "settings.json").write_text(json.dumps(plain))
    assert "<b>" not in report_text(read_run(run)).split("<main")[1].split("sign")[0]


def test_gone_data_is_said_where_the_gradients_would_be(run: Path) -> None:
    (run.parent / "d.npz").unlink()
    text = report_text(read_run(run))
    assert "No gradients were taken" in text
    assert "d.npz" in text


def test_an_engine_that_is_not_here_is_said_where_the_gradients_would_be(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = run / "settings.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"engine": "numba"}))
    monkeypatch.setattr(choice, "is_installed", lambda: False)
    assert "No gradients were taken: the engine" in report_text(read_run(run))


def test_gone_weights_leave_the_gradients_of_the_beginning(run: Path) -> None:
    (run / "weights.safetensors").unlink()
    text = report_text(read_run(run))
    assert "No gradients at the kept weights" in text
    assert '<table class="gradients">' in text


def both(run: Path, other: Path) -> list[ReportedRun]:
    return [read_run(run), read_run(other)]


def test_two_runs_are_compared(run: Path, tmp_path: Path) -> None:
    other = train(tmp_path, "s", "--set", "width=16", "--with", "batch=20", "--seed", "3")
    text = report_text(*both(run, other))
    for name in ("seed", "width", "batch"):
        assert f'<b class="sign">≠ </b>{name}' in text
    assert '<b class="sign">≠ </b>float' not in text
    assert '16<span class="tag">overridden</span>' in text
    assert 'class="sign">−</b>' in text
    assert 'class="sign">+</b>' in text
    assert "A train" in text
    assert "B valid" in text


def test_the_same_run_twice_differs_in_nothing(run: Path) -> None:
    text = report_text(*both(run, run))
    assert "None of these differ." in text
    assert "Both runs have the same text." in text
    assert text.count("data:image/svg+xml") == 1


def test_graphs_that_are_alike_are_drawn_once(run: Path, tmp_path: Path) -> None:
    other = train(tmp_path, "s", "--with", "optimizer=sgd(lr = 0.1)")
    text = report_text(*both(run, other))
    assert text.count("data:image/svg+xml") == 1
    assert "Both runs have the same graph." in text


def test_graphs_that_nothing_draws_are_not_said_to_be_alike(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = train(tmp_path, "s", text=TEXT.replace("relu", "tanh"))
    monkeypatch.setattr(picture, "_command", lambda _: None)
    text = report_text(*both(run, other))
    assert text.count("The graph was not drawn") == 2
    assert "the same graph" not in text


def test_graphs_that_differ_stand_side_by_side(run: Path, tmp_path: Path) -> None:
    other = train(tmp_path, "s", text=TEXT.replace("relu", "tanh"))
    text = report_text(*both(run, other))
    assert text.count("data:image/svg+xml") == 2
    assert "the same graph" not in text


def test_what_the_command_line_gave_is_marked(run: Path, tmp_path: Path) -> None:
    words = ("--epochs", "2", "--with", "batch=20", "--with", "split_seed=3", "--set", "width=16")
    other = train(tmp_path, "s", *words)
    rows = {row.name: row for group in tell_settings(both(run, other)).values() for row in group}
    marked = {name for name, row in rows.items() if row.overridden[1]}
    assert marked == {"epochs", "batch", "split_seed", "width"}
    assert not any(row.overridden[0] for row in rows.values())


def test_data_given_in_the_sources_place_is_marked(run: Path, tmp_path: Path) -> None:
    other = train(tmp_path, "s", "--data", "d.npz")
    (row,) = [row for row in tell_settings(both(run, other))["Data"] if row.name == "source"]
    assert row.overridden == (False, True)


def test_gradients_of_two_runs_share_a_scale(run: Path, tmp_path: Path) -> None:
    """Runs that began alike have the same marks at the beginning, whatever they came to."""
    other = train(tmp_path, "s", "--with", "optimizer=sgd(lr = 0)")
    text = report_text(*both(run, other))
    mark = re.compile(r'<svg x="([0-9.]+%)" y="50%" [^>]*><path d="[^"]*" class="start">')
    first, second = map(mark.findall, text.split("<h3>B s</h3>")[:2])
    assert len(first) > 3
    assert first == second
