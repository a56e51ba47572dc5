"""Event files, read back by TensorBoard's own reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.training.layer_log import LayerLog
from graphdsl.training.progress import Several

pytest.importorskip("tensorboard", reason="event files need the extra 'tensorboard'")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_reader_sees_the_run(simple: graphdsl.Model, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from graphdsl.training.tensorboard import EventLog

    layers = LayerLog({"x": np.ones((2, 2), "f4"), "y": np.array([0, 1])})
    history = simple.fit(listener=Several((layers, EventLog(tmp_path / "events", layers))))
    read = EventAccumulator(str(tmp_path / "events"))
    read.Reload()
    tags = read.Tags()["scalars"]
    assert {"J/train", "J/valid", "accuracy/valid", "gradient/W", "update/W"} <= set(tags)
    events = read.Scalars("J/valid")
    assert [event.step for event in events] == history.column("step")
    assert [event.value for event in events] == pytest.approx(history.column("valid.J"))
    gradients = read.Scalars("gradient/W")
    assert [event.step for event in gradients] == [0, *history.column("step")]
    assert [event.value for event in gradients] == pytest.approx(
        [row.gradients["W"] for row in layers.rows]
    )
    kept = read.Scalars("kept/valid.accuracy")[0]
    assert kept.value == pytest.approx(history.final["valid"]["accuracy"])
