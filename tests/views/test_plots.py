"""Pictures of runs, gradients, curves and paths: what is drawn, read back from matplotlib."""

from __future__ import annotations

import errno
import os
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

import graphdsl
from graphdsl.language.diagnostics import DataError, UsageError
from graphdsl.training.history import History
from graphdsl.training.layer_log import LayerLog, LayerRow
from graphdsl.training.statistics import measure_gradients
from graphdsl.views import plots
from graphdsl.views.plots_curves import Curve, draw_curves
from graphdsl.views.plots_layers import draw_gradients
from graphdsl.views.plots_run import draw_run
from graphdsl.views.plots_trajectories import LossSurface, Trajectory, draw_trajectories, span_axes

pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")

LECTURE = Path(__file__).parents[2] / "examples" / "lecture"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that are written."""
    figures: list[Any] = []
    make = plots.make_panels

    def remember(*args: Any) -> Any:
        figure, panels = make(*args)
        figures.append(figure)
        return figure, panels

    monkeypatch.setattr(plots, "make_panels", remember)
    return figures


def lines(axes: Any) -> dict[str, list[float]]:
    return {line.get_label(): list(line.get_ydata()) for line in axes.get_lines()}


def overlaps(figure: Any) -> list[str]:
    """Texts of a panel that lie over one another or leave the picture."""
    figure.canvas.draw()
    whole, found = figure.bbox, []
    for axes in figure.axes:
        legend = axes.get_legend()
        parts = [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
        parts += [*axes.get_xticklabels(), *axes.get_yticklabels(), *([legend] if legend else [])]
        boxes = [(part, part.get_window_extent()) for part in parts]
        boxes = [(part, box) for part, box in boxes if box.width > 1 and box.height > 1]
        for i, (one, box) in enumerate(boxes):
            inside = (
                box.x0 >= -1 and box.y0 >= -1 and box.x1 <= whole.x1 + 1 and box.y1 <= whole.y1 + 1
            )
            if legend is one and not inside:
                found.append("the legend leaves the picture")
            others = [two for two, other in boxes[i + 1 :] if box.padded(-2).overlaps(other)]
            if legend is not None and (one is legend or legend in others):
                found += [f"{one} over {two}" for two in others]
    return found


def history() -> History:
    rows = [
        {"epoch": n, "step": 10 * n, "seconds": 0.1 * n, "train.J": 3 / n, "valid.J": 4 / n,
         "valid.m_1": n, "valid.m_2": 2 * n}
        for n in range(1, 6)
    ]  # fmt: skip
    return History(epochs=[{k: float(v) for k, v in row.items()} for row in rows], best=4)


def test_a_run(drawn: list[Any], tmp_path: Path) -> None:
    layers = [
        LayerRow(
            n, 10 * n, {"a.W": 10.0**-n, "b.W": 0.0}, {"a.W": 1e-3, "b.W": None}, 0.1 / (n + 1)
        )
        for n in range(6)
    ]
    draw_run(tmp_path / "run.png", history(), layers)
    (figure,) = drawn
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["J", "m", "learning rate", "gradient size", "update beside weight"]
    loss, metrics, rate, gradients, updates = figure.axes
    assert lines(loss)["valid"] == [4, 2, 4 / 3, 1, 0.8]
    assert [line for line in lines(metrics) if not line.startswith("_")] == ["m_1", "m_2"]
    assert next(iter(lines(rate).values())) == [0.1 / (n + 1) for n in range(6)]
    assert lines(gradients)["a.W"] == [10.0**-n for n in range(6)]
    assert np.isnan(lines(updates)["b.W"]).all()
    assert gradients.get_yscale() == "log"
    assert not overlaps(figure)


def test_gradients_by_layer(drawn: list[Any], tmp_path: Path) -> None:
    points = np.load(LECTURE / "points.npy")
    models = {}
    for name in ("l13", "l14"):
        model = graphdsl.load(LECTURE / f"{name}.gdl", seed=0)
        models[name] = measure_gradients(model.session, [{"x": points, "y": points}])
    draw_gradients(tmp_path / "layers.svg", models)
    (axes,) = drawn[0].axes
    curves = lines(axes)
    assert {"l13: o[l].W", "l14: o[l].W", "l14: o[l].V"} <= curves.keys()
    vanishing = np.array(curves["l13: o[l].W"])
    assert len(vanishing) == 50
    assert np.isnan(vanishing[:10]).all()
    (zero,) = [text for text in axes.texts if text.get_text() == "exactly 0"]
    least = np.nanmin(vanishing)
    assert zero.xy[1] < least / 10
    assert min(axes.get_yticks()) > zero.xy[1]
    assert not overlaps(drawn[0])


def test_gradients_by_name(drawn: list[Any], tmp_path: Path) -> None:
    model = graphdsl.loads(
        "input x: [4, 3]\nh = Dense(x, 5)\nz = Dense(h, 2)\nloss J = mean(z^2)", dtype="f64"
    )
    rows = measure_gradients(model.session, [{"x": np.ones((4, 3))}])
    draw_gradients(tmp_path / "names.pdf", {"m": rows})
    (axes,) = drawn[0].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["h.W", "h.b", "z.W", "z.b"]
    assert lines(axes)["m"] == [row.rms for row in rows]


def legend(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_names_that_matplotlib_reads_in_its_own_way(drawn: list[Any], tmp_path: Path) -> None:
    """It hides what begins with '_', and what stands between two '$' it takes for a formula."""
    model = graphdsl.loads("input x\nparam w = 1\nloss J = x * w")
    rows = measure_gradients(model.session, [{"x": 1}])
    draw_gradients(tmp_path / "a.svg", {"_m": rows, "$_$": rows})
    assert legend(drawn[0]) == [" _m", r"\$_\$"]
    run = History([{"epoch": 1.0, "train._a_1": 1.0, "train._a_2": 2.0}])
    draw_run(tmp_path / "b.svg", run)
    assert legend(drawn[1]) == [" _a_1", " _a_2"]


def test_gradients_whose_squares_no_float_holds(drawn: list[Any], tmp_path: Path) -> None:
    model = graphdsl.loads("input x\nparam w = 1\nparam v = 1\nloss J = x * w + v", dtype="f64")
    rows = measure_gradients(model.session, [{"x": 1e200}])
    draw_gradients(tmp_path / "a.svg", {"m": rows})
    sizes = lines(drawn[0].axes[0])["m"]
    assert list(sizes) == [1e200, 1]


def test_a_value_that_is_no_number_says_nothing_of_the_scale(
    drawn: list[Any], tmp_path: Path
) -> None:
    rows = [{"epoch": n, "train.J": 10.0**-n} for n in (1.0, 2.0, 3.0, 4.0)]
    rows[0]["train.J"] = np.nan
    draw_run(tmp_path / "a.svg", History(rows))
    assert drawn[0].axes[0].get_yscale() == "log"


@pytest.mark.parametrize("at", [(0, 0), (0.5, -2), (1e30, 1)])
def test_a_path_that_stands_still(drawn: list[Any], tmp_path: Path, at: tuple[float, ...]) -> None:
    still = [Trajectory("a", np.array([at, at], "f4"))]
    x, y = span_axes(still)
    assert x[0] < still[0].points[0, 0] < x[-1]
    assert y[0] < still[0].points[0, 1] < y[-1]
    assert np.diff(x).min() > 0
    draw_trajectories(
        tmp_path / "a.svg", ("a", "b"), LossSurface(x, y, 0 * np.add.outer(y, x)), still
    )


def test_a_path_without_a_finite_point() -> None:
    with pytest.raises(UsageError, match="E0872"):
        span_axes([Trajectory("a", np.array([[np.inf, 0.0]]))])


def test_curves_and_paths(drawn: list[Any], tmp_path: Path) -> None:
    x = np.linspace(-1, 1, 5)
    draw_curves(tmp_path / "c.png", "x", x, [Curve("y", x**2, 2 * x), Curve("z", x)])
    assert lines(drawn[0].axes[0])["derivative"] == [-2, -1, 0, 1, 2]
    trajectories = [
        Trajectory("a", np.array([[0.0, 0.0], [1.0, 2.0]])),
        Trajectory("b", np.array([[0, 0], [-1, 0]])),
    ]
    along, up = span_axes(trajectories)
    assert along[0] < -1 < 1 < along[-1]
    assert up[0] < 0 < 2 < up[-1]
    draw_trajectories(
        tmp_path / "p.png",
        ("w[0]", "w[1]"),
        LossSurface(along, up, np.add.outer(up**2, along**2)),
        trajectories,
    )
    assert lines(drawn[1].axes[0])["a"] == [0, 2]
    assert not overlaps(drawn[1])


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        draw_run(tmp_path / name, history())
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_in_grey_neighbours_differ_by_their_dashes() -> None:
    styles = plots.line_styles(6)
    assert len({style["color"] for style in styles}) == 6
    for one, two in pairwise(styles):
        assert one["linestyle"] != two["linestyle"]


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="E0822"):
        plots.verify_plot(tmp_path / "a.bmp")
    with pytest.raises(DataError, match="E0823"):
        plots.verify_plot(tmp_path / "no" / "a.png")
    (tmp_path / "d.png").mkdir()
    with pytest.raises(DataError, match="E0812"):
        draw_run(tmp_path / "d.png", history())


def test_a_full_disk_leaves_the_picture_that_was_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from matplotlib.figure import Figure

    def fail(self: Figure, file: BinaryIO, **_: object) -> None:
        file.write(b"half of")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "p.png").write_bytes(b"before")
    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(DataError, match="free some space"):
        draw_run(tmp_path / "p.png", history())
    assert (tmp_path / "p.png").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["p.png"]


def test_layers_are_measured_without_disturbing_the_run(tmp_path: Path) -> None:
    ends = []
    for watched in (False, True):
        model = graphdsl.load(LECTURE / "l10.gdl", seed=0)
        log = LayerLog({"x": np.ones((4, 2), "f4"), "y": np.zeros(4, "i8")})
        model.fit(epochs=3, listener=log if watched else None)
        ends.append([array.tobytes() for array in model.params.values()])
    assert ends[0] == ends[1]
    assert [row.epoch for row in log.rows] == [0, 1, 2, 3]
    assert log.rows[0].gradients["h.W"] > 0
    assert log.rows[1].updates["h.W"] > 0  # type: ignore[operator]
    assert [row.rate for row in log.rows] == [0.01] * 4


def test_the_rate_is_the_schedule_s() -> None:
    train = "train {\n  optimizer = sgd(lr = exponential(0.5, 0.5))\n  epochs = 3\n}"
    model = graphdsl.loads(f"dim N\ninput x: [N]\nparam w = 1\nloss J = mean((w - x)^2)\n{train}")
    log = LayerLog({"x": np.ones(4, "f4")})
    model.fit({"x": np.ones(4)}, listener=log)
    assert [row.rate for row in log.rows] == [0.5, 0.5, 0.25, 0.125]
