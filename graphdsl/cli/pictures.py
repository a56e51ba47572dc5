"""What `run` shows of a run besides its lines: `--plot`, `--tensorboard`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphdsl.training.dataset import Dataset
    from graphdsl.training.history import History, Row
    from graphdsl.training.layer_log import LayerLog
    from graphdsl.training.options import FitSettings
    from graphdsl.training.progress import Listener, Run

CURVES = "curves.png"
EVENTS = "tensorboard"


def add_pictures(group: argparse._ActionsContainer) -> None:
    """`--plot` and `--tensorboard`."""
    group.add_argument(
        "--plot",
        metavar="[PICTURE]",
        nargs="?",
        const="",
        help="draw losses, metrics, learning rate, gradients and updates by layer: .png, .svg or "
        f".pdf (default: {CURVES} in the run's folder)",
    )
    group.add_argument(
        "--tensorboard",
        metavar="[DIR]",
        nargs="?",
        const="",
        help=f"write event files for TensorBoard (default: {EVENTS} in the run's folder)",
    )


def verify_pictures(args: argparse.Namespace) -> None:
    """Raise `UsageError` or `DataError` before training begins for what could not be written."""
    if args.plot is not None:
        from graphdsl.views.plots import verify_matplotlib, verify_plot

        if args.plot:
            verify_plot(Path(args.plot))
        verify_matplotlib()
    if args.tensorboard is not None:
        from graphdsl.training.tensorboard import verify_tensorboard

        verify_tensorboard(Path(args.tensorboard) if args.tensorboard else None)


def listeners(
    args: argparse.Namespace,
    folder: Path,
    dataset: Dataset,
    settings: FitSettings,
    shown: Listener,
) -> Listener:
    """The listener `shown`, and those that draw and write events, as the command line asks."""
    if args.plot is None and args.tensorboard is None:
        return shown
    from graphdsl.training.layer_log import LayerLog
    from graphdsl.training.progress import Several

    layers = LayerLog(_batch(dataset, settings))
    told: list[Listener] = [layers]
    if args.tensorboard is not None:
        from graphdsl.training.tensorboard import EventLog

        told.append(EventLog(Path(args.tensorboard or folder / EVENTS), layers))
    if args.plot is not None:
        told.append(_Drawing(Path(args.plot or folder / CURVES), layers))
    return Several((*told, shown))


def _batch(dataset: Dataset, settings: FitSettings) -> dict[str, object]:
    """The rows that gradients are measured on after every epoch: a batch of the training part."""
    from graphdsl.training.batches import Batches

    batches = Batches(dataset.train, settings.batch, seed=settings.seed)
    fed, _ = next(iter(batches.epoch(0)))
    return {name: array.copy() for name, array in fed.items()}


@dataclass
class _Drawing:
    """A listener that draws the run when it ends, however it does."""

    path: Path
    layers: LayerLog

    def on_start(self, run: Run) -> None:
        """Nothing yet."""

    def on_epoch(self, row: Row) -> None:
        """Nothing yet."""

    def on_end(self, history: History) -> None:
        """Draw what there is."""
        from graphdsl.views.plots_run import draw_run

        draw_run(self.path, history, self.layers.rows)
