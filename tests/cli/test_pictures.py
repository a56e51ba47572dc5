"""`run --stop`, `--plot`, `--tensorboard`, `--debug-nan`: what a run shows and what it leaves."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TEXT = """dim N
input x: [N]
param w = 0
loss J = mean((w * x - 1)^2)
data {
  source = "d.csv"
  x = a
  split = [0.5, 0.5]
}
train {
  optimizer = adam(lr = cosine(0.1))
  epochs = 6
  batch = 2
}
"""


@pytest.fixture
def small(model, tmp_path: Path) -> Path:
    """A model that trains in a moment, its data beside it."""
    (tmp_path / "d.csv").write_text("a\n" + "".join(f"{i}\n" for i in range(1, 13)))
    path: Path = model(TEXT)
    return path


def summary(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "metrics.json").read_text())
    return found


def test_stop_on_the_command_line(call, small: Path, tmp_path: Path) -> None:
    done = call("run", small, "-q", "--out", tmp_path / "o", "--stop", "after(steps = 4)")
    assert done.code == 0
    found = summary(tmp_path / "o")
    assert (found["ending"], found["stopped_by"], found["steps"]) == (
        *("early", "after(steps = 4)"),
        4,
    )
    wrong = call("run", small, "-q", "--stop", "early(K)")
    assert wrong.code != 0
    assert "E0506" in wrong.err


def test_pictures_change_no_bit_of_the_run(call, small: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")
    pytest.importorskip("tensorboard", reason="event files need the extra 'tensorboard'")
    plain, seen = tmp_path / "plain", tmp_path / "seen"
    assert call("run", small, "-q", "--out", plain).code == 0
    assert call("run", small, "-q", "--out", seen, "--plot", "--tensorboard").code == 0
    assert (seen / "curves.png").stat().st_size > 5000
    assert list((seen / "tensorboard").glob("events.out.tfevents.*"))
    name = "weights.safetensors"
    assert (seen / name).read_bytes() == (plain / name).read_bytes()
    other = tmp_path / "mine.svg"
    assert call("run", small, "-q", "--out", tmp_path / "o", "--plot", other).code == 0
    assert "</svg>" in other.read_text("utf-8")


def test_what_cannot_be_drawn_is_told_before_training(call, small: Path, tmp_path: Path) -> None:
    done = call("run", small, "--out", tmp_path / "o", "--plot", "no/such/folder.png")
    assert done.code == 1
    assert "E0823" in done.err
    assert not (tmp_path / "o").exists()


def test_a_run_that_goes_wrong_is_3_and_keeps_what_was_good(call, model, tmp_path: Path) -> None:
    values = [1.0] * 30 + [0.0]
    (tmp_path / "d.csv").write_text("a\n" + "".join(f"{value}\n" for value in values))
    text = "dim N\ninput x: [N]\nparam w = 1\nloss J = mean(sqrt(w * x))\n"
    text += 'data {\n source = "d.csv"\n x = a\n}\n'
    path = model(f"{text}train {{\n optimizer = sgd(lr = 0.01)\n batch = 1\n}}\n")
    for options in ([], ["--debug-nan"]):
        out = tmp_path / f"o{len(options)}"
        done = call("run", path, "-q", "--out", out, *options)
        assert done.code == 3
        assert "reverse sweep" in done.err
        assert "m.gdl:4:15" in done.err
        assert summary(out)["ending"] == "diverged"
        assert np.frombuffer((out / "weights.safetensors").read_bytes()[-4:], "f4") == [1]


def test_values_that_are_not_finite(call, model) -> None:
    path = model("input x\ny = ln(x)\noutput z = y * 0")
    assert call("run", path, "x=0").out == "z = nan\n"
    done = call("run", path, "x=0", "--debug-nan")
    assert done.code == 1
    assert "'ln' gives -inf" in done.err
    assert call("run", path, "x=1", "--debug-nan").out == "z = 0\n"


def test_events_that_cannot_be_written_end_a_run_before_it_begins(
    call, small: Path, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard", reason="event files need the extra 'tensorboard'")
    (tmp_path / "taken").write_text("")
    done = call("run", small, "-q", "--out", tmp_path / "o", "--tensorboard", tmp_path / "taken")
    assert done.code == 1
    assert "E0812" in done.err
    assert not (tmp_path / "o").exists()


def test_a_disk_that_fills_up_under_the_events(
    call, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = pytest.importorskip("tensorboard.summary.writer.record_writer")
    written, write = [], records.RecordWriter.write

    def fill_up(self: Any, data: bytes) -> None:
        written.append(data)
        if len(written) > 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, data)

    assert call("run", small, "-q", "--out", "whole").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(records.RecordWriter, "write", fill_up)
        done = call("run", small, "-q", "--out", "o", "--checkpoint-every", 1, "--tensorboard")
    assert (done.code, len(written)) == (1, 21)
    assert "E0812" in done.err
    assert "free some space" in done.err
    assert call("run", small, "-q", "--resume", "o").code == 0
    weights = [Path(name, "weights.safetensors").read_bytes() for name in ("o", "whole")]
    assert weights[0] == weights[1]
