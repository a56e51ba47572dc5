"""What a person sees: plain lines, JSON lines, a live display."""

from __future__ import annotations

import io
import json
import re

import pytest
from rich.console import Console

import graphdsl
from graphdsl.training.display import Display, listener
from graphdsl.training.history import History, Row
from graphdsl.training.progress import JsonLines, Lines, Run, Silent


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
    counted = "1 epoch" if epochs == 1 else f"{epochs} epochs"
    assert lines[0].endswith(f"at most {counted}")
    assert f"trained after {counted} in " in lines[-1]
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


def shown(display: Display, width: int = 200) -> str:
    """What the display shows now."""
    out = io.StringIO()
    Console(file=out, width=width).print(display._render())
    return out.getvalue()


class Told(Display):
    """Keeps what is shown after every epoch."""

    def __init__(self, width: int) -> None:
        super().__init__(io.StringIO())
        self.width = width
        self.seen: list[str] = []

    def on_epoch(self, row: Row) -> None:
        super().on_epoch(row)
        self.seen.append(shown(self, self.width))


TRAINED = """
dim N
input x: [N]
param w = 1
loss J = mean((w - x)^2)
train {{
  optimizer = {}
  batch = 2
  epochs = 4
}}
"""


@pytest.mark.parametrize(
    ("optimizer", "rates"),
    [
        ("sgd(lr = 0.25)", ["lr 0.25"] * 4),
        ("sgd(lr = step_decay(0.1, every = 2, factor = 0.5))", ["lr 0.1"] * 2 + ["lr 0.05"] * 2),
    ],
)
def test_the_display_shows_the_rate_of_the_step(optimizer: str, rates: list[str]) -> None:
    told = Told(200)
    graphdsl.loads(TRAINED.format(optimizer)).fit({"x": [1.0, 2, 3, 4]}, listener=told)
    assert [re.findall(r"lr [\d.]+", text) for text in told.seen] == [[rate] for rate in rates]


def test_an_optimizer_without_a_rate_shows_none() -> None:
    rule = "optimizer half() {\n  update p = p - g / 2\n}\n"
    told = Told(200)
    model = graphdsl.loads(rule + TRAINED.format("half()"))
    model.fit({"x": [1.0, 2, 3, 4]}, listener=told)
    assert all("lr" not in text for text in told.seen)


@pytest.mark.parametrize("width", range(20, 44, 3))
def test_a_narrow_display_divides_no_number(width: int) -> None:
    told = Told(width)
    model = graphdsl.loads(TRAINED.format("sgd(lr = 0.25)"))
    model.fit({"x": [1.0, 2, 3, 4]}, listener=told)
    for fact in (r"train.J [\d.]+", "lr 0.25", r"[\d,]+ steps/s"):
        assert re.search(fact, told.seen[-1])


@pytest.mark.parametrize("width", [40, 80])
def test_what_a_terminal_echoes_finds_a_line_of_its_own(width: int) -> None:
    """`^C` behind a full line would scroll the display by one, and leave its first line behind."""
    told = Told(width)
    graphdsl.loads(TRAINED.format("sgd(lr = 0.25)")).fit({"x": [1.0, 2, 3, 4]}, listener=told)
    assert all(text.endswith("\n\n") for text in told.seen)


def test_the_pace_of_a_run_that_goes_on_is_of_its_own_steps() -> None:
    model = graphdsl.loads(TRAINED.format("sgd()"))
    trainer = model.trainer()
    trainer.t = 1_000_000
    display = Display(io.StringIO())
    display.on_start(Run(trainer, 4, 500_000, {"train": 4}, "m.gdl"))
    text = shown(display)
    display.on_end(History())
    assert " 0 steps/s" in text
    assert "left" not in text
    assert "epoch 3/4" in text


def test_the_display_shows_epoch_and_pace(simple: graphdsl.Model) -> None:
    out = Terminal()
    display = Display(out)
    simple.fit(listener=display, epochs=30)
    text = out.getvalue()
    assert "epoch 30/30" in text
    assert "steps/s" in text
    assert "trained after 30 epochs" in text.splitlines()[-1]
