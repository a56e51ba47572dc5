"""History: columns, summary, files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from graphdsl.training.history import History


def test_files(tmp_path: Path) -> None:
    history = History(
        [{"epoch": 1, "train.J": 0.5}, {"epoch": 2, "train.J": 0.25, "valid.J": 1e-9}]
    )
    history.write(tmp_path)
    rows = list(csv.DictReader((tmp_path / "history.csv").read_text().splitlines()))
    assert rows == [
        {"epoch": "1", "train.J": "0.5", "valid.J": ""},
        {"epoch": "2", "train.J": "0.25", "valid.J": "1e-09"},
    ]
    lines = (tmp_path / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == history.epochs
    assert history.column("train.J") == [0.5, 0.25]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv", "history.jsonl"]


def test_summary_of_nothing() -> None:
    assert History().summary()["steps"] == 0
    assert not History().interrupted


def test_the_summary_tells_how_it_ended() -> None:
    row = {"epoch": 1, "step": 4, "seconds": 0.1, "valid.J": 0.5}
    history = History([row], best=1, watch="valid.J", ending="early", stopped_by="early(J)")
    history.final, history.seconds = {"test": {"J": 0.25}}, 0.12345
    assert history.summary() == {
        "epochs": 1,
        "steps": 4,
        "best": 1,
        "watch": "valid.J",
        "ending": "early",
        "stopped_by": "early(J)",
        "seconds": 0.123,
        "test": {"J": 0.25},
    }
