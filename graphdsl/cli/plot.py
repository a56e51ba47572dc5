"""`graphdsl plot FILE`: outputs as curves of an input, or optimizers' paths over a loss."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphdsl.cli import options, words

if TYPE_CHECKING:
    from graphdsl.graph.kernel import Array
    from graphdsl.model import Model
    from graphdsl.views.plots_curves import Curve
    from graphdsl.views.plots_trajectories import Trajectory

POINTS = 401
STEPS = 60


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `plot`."""
    parser.add_argument("file", metavar="FILE", help="a model file")
    options.add_feeds(
        parser,
        "an input from a value to another, x=-5:5, to draw the outputs over; a number, a [list] or "
        "@file.npy for each other one",
    )
    parser.add_argument(
        "-o",
        "--out",
        metavar="PICTURE",
        type=Path,
        required=True,
        help="the picture to write: .svg, .png or .pdf",
    )
    parser.add_argument(
        "--outputs",
        metavar="PATTERN",
        default="*",
        help="the outputs to draw, such as 'y_*' (default: all of a value per row)",
    )
    parser.add_argument(
        "--optimizer",
        metavar="CALL",
        action="append",
        default=[],
        help="draw the path of this optimizer over the loss, such as 'adam(lr = 0.1)'; may be "
        "given several times",
    )
    parser.add_argument(
        "--over", metavar="PARAM", help="the parameter of two numbers that paths are drawn over"
    )
    parser.add_argument(
        "--steps",
        metavar="N",
        type=words.positive,
        default=STEPS,
        help=f"how many steps a path has (default: {STEPS})",
    )
    options.add_model_options(parser)
    options.add_seed(parser)


def run(args: argparse.Namespace) -> int:
    """Draw."""
    from graphdsl.views.plots import verify_plot

    verify_plot(args.out)
    if args.optimizer or args.over:
        _draw_paths(args)
    else:
        _draw_curves(args)
    print(f"wrote {args.out}", file=sys.stderr)
    return 0


# --- curves --------------------------------------------------------------------------------------

_SPAN = re.compile(r"(?P<low>[^:]+):(?P<high>[^:]+)")


def _draw_curves(args: argparse.Namespace) -> None:
    import numpy as np

    from graphdsl.language.diagnostics import Diagnostic, UsageError
    from graphdsl.views.plots_curves import draw_curves

    spans = [(name, text) for name, text in args.feeds if _SPAN.fullmatch(text)]
    if len(spans) != 1:
        message = "curves are drawn over one input, and "
        message += "none is given from a value to another" if not spans else "several are given so"
        help = ("graphdsl plot m.gdl x=-5:5 -o m.png", "or name an --optimizer to draw its path")
        raise UsageError(Diagnostic("E0872", message, (), help))
    ((name, text),) = spans
    points = np.linspace(*_read_span(name, text), POINTS)
    model = options.load_model(args)
    others = options.read_feeds([pair for pair in args.feeds if pair[0] != name])
    curves = list(_compute_curves(model, name, points, others, args.outputs))
    if not curves:
        message = (
            f"there is no output, of those that --outputs names, with a value for each '{name}'"
        )
        raise UsageError(Diagnostic("E0872", message))
    draw_curves(args.out, name, points, curves)


def _read_span(name: str, text: str) -> tuple[float, float]:
    from graphdsl.cli.faults import BadArgument

    low, _, high = text.partition(":")
    try:
        ends = float(low), float(high)
    except ValueError:
        raise BadArgument(f"{name}={text}: both ends are numbers, as in {name}=-5:5") from None
    if not -float("inf") < ends[0] < ends[1] < float("inf"):
        raise BadArgument(f"{name}={text}: the first end is below the second")
    return ends


def _compute_curves(
    model: Model, name: str, points: Array, others: Mapping[str, Any], pattern: str
) -> Iterator[Curve]:
    """The outputs with a value for each point, and their derivatives along the input."""
    import numpy as np

    from graphdsl.language.diagnostics import GraphdslError
    from graphdsl.views.plots_curves import Curve

    fed = {**others, name: points}
    for output, values in model.run(fed).items():
        if values.shape != points.shape or not fnmatchcase(output, pattern):
            continue
        slopes = None
        if model.outputs[output].dtype.is_float and model.inputs[name].dtype.is_float:
            try:
                slopes = model.jvp(output, name, np.ones_like(points), fed)
            except GraphdslError:  # it has no derivative, or does not depend on the input
                slopes = None
        yield Curve(output, values, slopes)


# --- paths ---------------------------------------------------------------------------------------


def _draw_paths(args: argparse.Namespace) -> None:
    from graphdsl.training.trajectories import find_plane, measure_surface
    from graphdsl.views.plots_trajectories import LossSurface, draw_trajectories, span_axes

    fed = options.read_feeds(args.feeds)
    plain = list(args.settings)
    trajectories = [_follow(args, plain, call, fed) for call in args.optimizer or [None]]
    args.settings = plain
    model = options.load_model(args)
    name = find_plane(model.session, args.over)
    x, y = span_axes(trajectories)
    loss = measure_surface(model.session, name, fed, x, y)
    draw_trajectories(args.out, (f"{name}[0]", f"{name}[1]"), LossSurface(x, y, loss), trajectories)


def _follow(
    args: argparse.Namespace,
    settings: list[words.Setting],
    call: str | None,
    fed: Mapping[str, Any],
) -> Trajectory:
    """The trajectory of one optimizer, or the file's own, from the parameters' initial values."""
    from graphdsl.training.trajectories import find_plane, follow, rule_of
    from graphdsl.views.plots_trajectories import Trajectory

    own = [] if call is None else [words.Setting("optimizer", call, "--optimizer")]
    args.settings = [*settings, *own]
    model = options.load_model(args)
    name = find_plane(model.session, args.over)
    trainer = model.trainer()
    trainer.total_steps = args.steps
    points = follow(trainer, name, fed, args.steps)
    return Trajectory(call or rule_of(model.compilation), points)
