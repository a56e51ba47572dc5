"""What `run`, `evaluate` and `predict` share: a file's data, its parts, weights from elsewhere."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from graphdsl.cli import options, words

if TYPE_CHECKING:
    from graphdsl.model import Model
    from graphdsl.training.learned import Learned

PARTS = ("train", "valid", "test", "all")


HELD_OUT = "test, else valid, else train"
"""The part that is measured and predicted, where nothing else is said."""


def add_weights(parser: argparse.ArgumentParser) -> None:
    """`--weights`."""
    parser.add_argument(
        "--weights",
        metavar="WEIGHTS",
        type=Path,
        help="a .safetensors file, or the folder of a run (default: the initial values)",
    )


def add_part(parser: argparse.ArgumentParser, default: str = "train") -> None:
    """`--part`."""
    parser.add_argument("--part", choices=PARTS, help=f"the part of the data (default: {default})")


def add_data(parser: argparse._ActionsContainer, does: str) -> None:
    """`--data`."""
    parser.add_argument(
        "--data",
        metavar="PATH",
        type=Path,
        help=f"{does}, in a file or folder with the columns that the data block names",
    )


def add_batch(parser: argparse.ArgumentParser) -> None:
    """`--batch`."""
    parser.add_argument(
        "--batch",
        metavar="N|all",
        type=words.batch,
        help="how many rows are computed at once (default: eval_batch of the train block)",
    )


def load_trained(args: argparse.Namespace) -> Model:
    """The model of the command line with the weights it names."""
    model = options.load_model(args)
    if args.weights is not None:
        from graphdsl.cli.notices import tell
        from graphdsl.training import weights

        tell(args, weights.restore(args.weights, model.session))
    return model


def learned(args: argparse.Namespace) -> Learned | None:
    """What the run that `--weights` names learned from its training part, if it names one."""
    from graphdsl.training.run_data import learned_in

    path: Path | None = args.weights
    return learned_in(path) if path is not None and path.is_dir() else None


def score_lines(model: Model, part: str, measured: Mapping[str, float]) -> Iterator[str]:
    """`test accuracy 97.8 %`, a line for each loss and metric of a part."""
    for name, value in measured.items():
        text = f"{100 * value:.1f} %" if _is_share(model, name) else f"{value:.6g}"
        yield f"{part} {name} {text}"


def _is_share(model: Model, name: str) -> bool:
    """Whether a metric is the mean of truth values: the share of rows for which something holds."""
    from graphdsl.graph.types import DType

    nodes, names = model.compilation.graph().nodes, model.compilation.graph().names
    node = nodes[names[name]]
    if not node.type.dtype.is_float or len(node.operands) != 1:
        return False
    (counted,) = node.operands
    # truth values are converted before a mean is taken of them
    path = (counted, *nodes[counted].operands[:1])
    return any(nodes[id].type.dtype is DType.bool for id in path)
