"""What pictures of curves have in common: the look, the formats, and matplotlib itself, which is
imported when a picture is asked for."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.training.files import replacing, verify_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".svg", ".png", ".pdf")

LOOK: dict[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": "#666666",
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "savefig.dpi": 160,
    "svg.hashsalt": "graphdsl",
}
"""The look of every picture, as matplotlib's settings."""

_COLORS = ("#0b3c6f", "#d1495b", "#2a9d8f", "#e39c24", "#7b4fa3", "#5b6770")
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))


def line_styles(count: int) -> list[dict[str, Any]]:
    """A look for each of several lines: no two have the same colour, nor in grey the same dashes
    beside one another."""
    pairs = zip(cycle(_COLORS), cycle(_DASHES), strict=False)
    return [{"color": color, "linestyle": dashes} for color, dashes in islice(pairs, count)]


def marked_lines(count: int) -> list[tuple[dict[str, Any], str]]:
    """The same, each with a mark for its points."""
    return list(zip(line_styles(count), cycle("os^D"), strict=False))


def verify_plot(path: Path) -> None:
    """Raise `UsageError` if matplotlib is not installed or the path names no format it writes,
    `DataError` where its folder is missing."""
    if path.suffix.lower() not in FORMATS:
        help = (f"end it in {', '.join(FORMATS)}",)
        raise UsageError(Diagnostic("E0822", f"'{path}' names no kind of picture", (), help))
    verify_folder(path)
    verify_matplotlib()


def verify_matplotlib() -> None:
    """Raise `UsageError` if matplotlib is not installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        help = ("pip install 'graphdsl-lang[plot]'",)
        message = "pictures are drawn by matplotlib, which is not installed"
        raise UsageError(Diagnostic("E0871", message, (), help)) from None


def label_of(name: str) -> str:
    """A name as a curve's label: matplotlib leaves those out that begin with '_', and sets what
    stands between two '$' as a formula."""
    shown = name.replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


@contextmanager
def written_panels(
    path: Path, count: int = 1, columns: int = 1, size: tuple[float, float] = (6.4, 4.8)
) -> Iterator[list[Axes]]:
    """`count` panels to draw on, `size` inches each, in rows of `columns`; behind the context they
    are written. Raises what `verify_plot` and `write_figure` do."""
    verify_plot(path)
    import matplotlib

    with matplotlib.rc_context(LOOK):
        figure, panels = make_panels(count, columns, size)
        yield panels
        write_figure(path, figure)


def make_panels(count: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels, `size` inches each, in rows of `columns`."""
    from matplotlib.figure import Figure

    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(columns * size[0], rows * size[1]), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in panels[count:]:
        unused.remove()
    return figure, panels[:count]


def write_figure(path: Path, figure: Figure) -> None:
    """Write the picture whole; raises `DataError` where the disk refuses, and then leaves what
    stood there before. The same figure gives the same bytes."""
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower())
    with replacing(path) as file, warnings.catch_warnings():
        # a name in a script that the font lacks is drawn as boxes: no reason to complain
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(file, format=path.suffix.lower()[1:], metadata=metadata)


def use_log(axes: Axes, values: Sequence[float], span: float = 20.0) -> None:
    """A logarithmic scale where the finite ones of the values are positive and span more than a
    factor `span`."""
    finite = [value for value in values if math.isfinite(value)]
    if finite and min(finite) > 0 and max(finite) > span * min(finite):
        axes.set_yscale("log")


def add_legend(axes: Axes, below: bool = False) -> None:
    """The legend on the title's line, at the right, or below the axis where labels may be long: no
    curve runs through it."""
    where: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0)}
    if below:
        where = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16)}
    spacing = {"columnspacing": 1.1, "handlelength": 2.2, "handletextpad": 0.5}
    count = len(axes.get_legend_handles_labels()[0])
    columns = 2 if count == 4 else min(count, 3)
    axes.legend(ncols=columns, borderaxespad=0.1, **spacing, **where)


def tick_whole_numbers(axes: Axes) -> None:
    """Ticks at whole numbers along x."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
