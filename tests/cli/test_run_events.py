"""`run --json`: what a program reads on stderr is an event a line, whatever becomes of the run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cli.runs import TEXT
from graphdsl.training import loop


def events(err: str) -> list[dict]:
    return [json.loads(line) for line in err.splitlines()]


def test_a_run_that_diverges(call, model, path: Path) -> None:
    diverging = model(TEXT.replace("adam(lr = cosine(1e-2, warmup = 5))", "sgd(lr = 1e38)"))
    done = call("run", diverging, "--json", "--out", "o")
    assert (done.code, done.out) == (3, "")
    told = events(done.err)
    assert [one["event"] for one in told] == ["start", "end", "note", "error"]
    assert told[1]["ending"] == "diverged"
    assert told[2]["message"] == "what it came to is in o"
    error = told[-1]
    assert (error["code"], error["severity"]) == ("E0805", "error")
    assert error["message"].startswith("the loss J is nan at step 2: ")
    assert error["file"].endswith("layers.gdl")  # the node is in a block of the prelude
    assert error["line"] > 0
    assert [(one["file"], one["line"]) for one in error["trail"]] == [(str(path), 5)]
    assert error["help"]


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("Dense(h, 3)", "Dense(g, 3)", "E0301"),
        ("d.npz", "none.npz", "E0609"),
        ("batch = 10", "batch = 1000", "E0625"),
    ],
)
def test_a_run_that_does_not_begin(
    call, model, path: Path, before: str, after: str, code: str
) -> None:
    done = call("run", model(TEXT.replace(before, after)), "--json", "-q")
    assert (done.code, done.out) == (1, "")
    assert [(one["event"], one["code"]) for one in events(done.err)] == [("error", code)]


def test_warnings_and_notes(call, model, path: Path) -> None:
    unused = model(TEXT.replace("dim N\n", "dim N\nparam unused = 1\n"))
    done = call("run", unused, "--json", "--out", "o", "--epochs", 1)
    assert done.code == 0
    first = events(done.err)[0]
    assert (first["event"], first["severity"], first["line"]) == ("warning", "warning", 3)
    done = call("run", unused, "--json", "--resume", "o", "--epochs", 2)
    assert [one["event"] for one in events(done.err)] == [
        *("warning", "note", "start", "epoch", "end"),
    ]
    assert "going on from o/checkpoints/step-000007" in events(done.err)[1]["message"]


def test_a_fault_of_our_own(call, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(loop, "evaluate", fail)
    done = call("run", path, "--json", "--out", "o")
    assert done.code == 1
    error = events(done.err)[-1]
    assert (error["event"], error["code"]) == ("error", None)
    assert "ZeroDivisionError: a bug" in error["message"]


def test_other_commands_tell_errors_alike(call, path: Path) -> None:
    np.savez("d.npz", x=np.zeros((3, 6)))
    done = call("evaluate", path, "--json")
    assert (done.code, done.out) == (1, "")
    assert events(done.err)[0]["event"] == "error"
