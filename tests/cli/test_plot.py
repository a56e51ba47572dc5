"""`graphdsl plot`: curves with their derivatives, and optimizers' paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")


def test_curves_with_derivatives(
    call, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("graphdsl.views.plots_curves.draw_curves", lambda *args: drawn.append(args))
    path = examples / "lecture" / "l5.gdl"
    assert call("plot", path, "x=-5:5", "--outputs", "y_*", "-o", tmp_path / "a.png").code == 0
    _, name, points, curves = drawn[0]
    assert name == "x"
    assert (points[0], points[-1]) == (-5, 5)
    assert len(curves) == 16
    found = {curve.name: curve for curve in curves}
    sigmoid = 1 / (1 + np.exp(-points))
    np.testing.assert_allclose(found["y_sigmoid"].values, sigmoid, rtol=1e-5)
    np.testing.assert_allclose(found["y_sigmoid"].slopes, sigmoid * (1 - sigmoid), atol=1e-6)
    np.testing.assert_allclose(found["y_sin"].slopes, np.cos(points), atol=1e-5)


def test_other_inputs_keep_their_values(call, model, tmp_path: Path) -> None:
    path = model("dim N\ninput x: [N]\ninput a\noutput y = a * x\noutput n = sum(x)")
    assert call("plot", path, "x=0:1", "a=3", "-o", tmp_path / "a.svg").code == 0
    text = (tmp_path / "a.svg").read_text("utf-8")
    assert "</svg>" in text


def test_the_picture_is_named(call, model, tmp_path: Path) -> None:
    path = model("dim N\ninput x: [N]\noutput y = x^2")
    done = call("plot", path, "x=0:1", "-o", tmp_path / "a.svg")
    assert (done.code, done.out, done.err) == (0, "", f"wrote {tmp_path / 'a.svg'}\n")


def test_paths_of_optimizers(
    call, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(
        "graphdsl.views.plots_trajectories.draw_trajectories", lambda *args: drawn.append(args)
    )
    path = examples / "lecture" / "l10_paths.gdl"
    rules = ["--optimizer", "sgd(lr = 0.01)", "--optimizer", "adam(lr = 0.3)"]
    done = call("plot", path, *rules, "--steps", "5", "-o", tmp_path / "a.png")
    assert (done.code, done.out) == (0, "")
    _, names, surface, trajectories = drawn[0]
    assert names == ("w[0]", "w[1]")
    descent, adam = (trajectory.points for trajectory in trajectories)
    assert [trajectory.label for trajectory in trajectories] == ["sgd(lr = 0.01)", "adam(lr = 0.3)"]
    expected = [[-4 * 0.99**n, 1.5 * 0.8**n] for n in range(6)]
    np.testing.assert_allclose(descent, expected, rtol=1e-5)
    np.testing.assert_allclose(adam[1], [-3.7, 1.2], rtol=1e-5)
    x, y = np.meshgrid(surface.x, surface.y)
    np.testing.assert_allclose(surface.loss, (x**2 + 20 * y**2) / 2, rtol=1e-4, atol=1e-4)


def test_the_file_s_own_optimizer(call, examples: Path, tmp_path: Path) -> None:
    path = examples / "lecture" / "l10_paths.gdl"
    assert call("plot", path, "--over", "w", "-o", tmp_path / "a.png").code == 0
    assert (tmp_path / "a.png").stat().st_size > 5000


def test_a_path_that_diverges_ends(call, examples: Path, tmp_path: Path) -> None:
    path = examples / "lecture" / "l10_paths.gdl"
    done = call("plot", path, "--optimizer", "sgd(lr = 1e12)", "-o", tmp_path / "a.png")
    assert done.code == 0
