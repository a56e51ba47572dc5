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
