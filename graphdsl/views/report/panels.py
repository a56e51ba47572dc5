"""The charts of runs: histories come in, one chart for the loss and each group of metrics goes out.

Two runs share each chart; their curves are labelled A and B.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.training.history import History
from graphdsl.views.report.alone import draw_alone
from graphdsl.views.report.chart import Chart, Curve

PARTS = ("train", "valid")


def chart_histories(histories: Mapping[str, History]) -> list[Chart]:
    """A chart for each value that some history has; the keys are the runs' labels, "" for one."""
    charts = []
    for title, columns in group_columns(histories.values()).items():
        curves = [
            _curve(history, label, column, title, columns)
            for label, history in histories.items()
            for column in columns
            if any(column in row for row in history.epochs)
        ]
        charts.append(Chart(title, curves, _kept(histories)))
    return charts


def group_columns(histories: Iterable[History]) -> dict[str, list[str]]:
    """The columns of each chart: those of one name, and of one name with numbers behind it."""
    groups: dict[str, list[str]] = {}
    for history in histories:
        for column in history.columns:
            part, dot, name = column.partition(".")
            group = groups.setdefault(re.sub(r"_\d+$", "", name), []) if dot else []
            if part in PARTS and column not in group:
                group.append(column)
    return {title: columns for title, columns in groups.items() if columns}


def draw_history(history: History) -> str:
    """The curves of a history as an SVG by itself; empty where it has none."""
    charts = chart_histories({"": history})
    return draw_alone(charts) if charts else ""


def values_of(history: History, column: str) -> tuple[Array, Array]:
    """The epochs that have a value, and the values."""
    rows = [row for row in history.epochs if column in row]
    return np.array([row["epoch"] for row in rows]), np.array([row[column] for row in rows])


def _curve(history: History, label: str, column: str, title: str, columns: Sequence[str]) -> Curve:
    part, _, name = column.partition(".")
    same = len({one.partition(".")[0] for one in columns}) == 1
    said = part if name == title else name if same else column
    return Curve(f"{label} {said}".strip(), *values_of(history, column))


def _kept(histories: Mapping[str, History]) -> list[tuple[float, str]]:
    """The epochs whose weights were kept, and by which run: two that kept the same share a mark."""
    runs: dict[float, list[str]] = {}
    for label, history in histories.items():
        if history.best is not None and history.epochs:
            runs.setdefault(float(history.best), []).append(label)
    return [(epoch, f"{' and '.join(labels)} kept".strip()) for epoch, labels in runs.items()]
