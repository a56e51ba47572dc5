"""What a person sees: plain lines, JSON lines, a live display."""

from __future__ import annotations

import io
import json

import pytest

import graphdsl
from graphdsl.training.progress import Display, JsonLines, Lines, Silent, listener


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_kind_follows_the_stream() -> None:
    assert isinstance(listener("auto", io.StringIO()), Lines)
    assert isinstance(listener("auto", Terminal()), Display)
    assert isinstance(listener("json"), JsonLines)
    assert isinstance(listener("quiet"), Silent)


def test_everything_goes_to_stderr(
    simple: graphdsl.Model, capsys: pytest.CaptureFixture[str]
) -> None:
    simple.fit(listener=listener("plain"))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "epoch 3" in captured.err


@pytest.mark.parametrize("epochs", [1, 7, 250, 1001])
def test_lines_are_few(simple: graphdsl.Model, epochs: int) -> None:
    out = io.StringIO()
    simple.fit(listener=Lines(out), epochs=epochs)
    lines = out.getvalue().splitlines()
    assert len(lines) <= 104
    assert lines[0].endswith(f"at most {epochs} epochs")
    assert lines[-2].startswith(f"epoch {epochs}  train.J ")
    assert "best epoch" in lines[-1]
    assert len(set(lines)) == len(lines)


def test_json_lines(simple: graphdsl.Model) -> None:
    out = io.StringIO()
    history = simple.fit(listener=JsonLines(out))
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [event.pop("event") for event in events] == ["start", "epoch", "epoch", "epoch", "end"]
    assert events[1:4] == history.epochs
    assert events[0]["rows"] == {"train": 4, "valid": 2}
    assert events[-1]["ending"] == "epochs"


def test_json_has_no_nan() -> None:
    out = io.StringIO()
    JsonLines(out)._write(event="epoch", x=float("nan"), y={"z": float("inf")})
    assert json.loads(out.getvalue()) == {"event": "epoch", "x": None, "y": {"z": None}}


def test_the_display_shows_epoch_and_pace(simple: graphdsl.Model) -> None:
    out = Terminal()
    display = Display(out)
    simple.fit(listener=display, epochs=30)
    text = out.getvalue()
    assert "epoch 30/30" in text
    assert "steps/s" in text
    assert "trained after 30 epochs" in text.splitlines()[-1]
