"""The results as a picture: for each workload, a bar for each contender's step."""

import importlib
import importlib.util
from pathlib import Path
from statistics import median
from typing import Any

from contenders import OURS, PEERS
from results import Result

OURS_COLOUR, BY_HAND_COLOUR, PEER_COLOUR = "#1f6fb4", "#8a8f98", "#d98032"
TARGET_COLOUR = "#c4262e"
COLUMNS = 3


def draw_picture(results: list[Result], path: Path, under: str = "") -> bool:
    """Write the picture, its kind told by the path's suffix, and a line under it; False where
    matplotlib is missing."""
    if importlib.util.find_spec("matplotlib") is None:
        return False
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    # the same numbers give the same file
    matplotlib.rcParams["svg.hashsalt"] = "graphdsl"
    pyplot: Any = importlib.import_module("matplotlib.pyplot")

    columns = min(COLUMNS, len(results))
    rows = -(-len(results) // columns)
    figure, grid = pyplot.subplots(
        rows, columns, figsize=(4.6 * columns, 2.6 * rows), squeeze=False, layout="constrained"
    )
    for axes in grid.flat[len(results) :]:
        axes.set_visible(False)
    for axes, result in zip(grid.flat, results, strict=False):
        draw_workload(axes, result)
    figure.supxlabel(under, x=0.01, ha="left", fontsize=8, wrap=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)
    return True


def draw_workload(axes: Any, result: Result) -> None:
    """Horizontal bars, each with its number: µs a step, medians; across ours, their targets."""
    names = list(result.rounds)
    times = [median(result.rounds[name]) for name in names]
    axes.barh(names, times, color=[choose_colour(name) for name in names], height=0.7)
    targets = {row: result.target(name) for row, name in enumerate(names)}
    known = {row: target for row, target in targets.items() if target is not None}
    for row, target in known.items():
        axes.vlines(target, row - 0.45, row + 0.45, color=TARGET_COLOUR, linewidth=1.5)
    for row, time in enumerate(times):
        text = f"{time:,.0f}" if time >= 100 else f"{time:.1f}"
        end = (max(time, known.get(row, 0)), row)  # behind both, so that no mark crosses it
        axes.annotate(text, end, (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.invert_yaxis()
    axes.set_title(f"{result.workload}, µs a step; red: target", loc="left", fontsize=10)
    axes.set_xlim(0, 1.18 * max([*times, *known.values()]))
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0, labelsize=8)
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def choose_colour(name: str) -> str:
    """One for ours, one for other libraries, one for what is written by hand."""
    if name.startswith(OURS):
        return OURS_COLOUR
    return PEER_COLOUR if name in PEERS else BY_HAND_COLOUR
