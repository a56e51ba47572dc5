"""`graphdsl verify RUN`: train again what a run has trained, and compare the bits."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from graphdsl.cli import options

if TYPE_CHECKING:
    from graphdsl.training.replay import Verdict


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `verify`."""
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run that has ended")
    parser.add_argument(
        "--data",
        metavar="PATH",
        type=Path,
        help="the data of the run, where it no longer stands where it was",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, the verdict alone")
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Replay and compare; 0 where every bit is the same, else 1."""
    from graphdsl.cli.faults import AT_FAULT
    from graphdsl.training.display import listener
    from graphdsl.training.replay import replay

    verdict = replay(args.run, args.data, listener("quiet" if args.quiet or args.json else "auto"))
    if args.json:
        print(json.dumps(_plain(verdict), ensure_ascii=False))
    else:
        print(_text(verdict, args.run))
    return 0 if verdict.equal else AT_FAULT


def _text(verdict: Verdict, folder: Path) -> str:
    same = f"{folder}: bit for bit the same: {verdict.weights}"
    other = f"{folder}: not the same: {verdict.weights} then, {verdict.replayed} now"
    lines = [same if verdict.equal else other]
    if verdict.clock_steps is not None:
        steps = f"for the {verdict.clock_steps:,} steps that the run took"
        lines.append(f"  replayed {steps}: its stop goes by the clock, and a replay by steps")
    lines += [f"  differs: {line}" for line in verdict.differences]
    lines += [f"  changed: {line}" for line in verdict.reasons]
    if not verdict.equal and not verdict.reasons:
        lines.append("  nothing that is recorded has changed: versions, machine, data, model")
    return "\n".join(lines)


def _plain(verdict: Verdict) -> dict[str, object]:
    return {
        "equal": verdict.equal,
        "weights": verdict.weights,
        "replayed": verdict.replayed,
        "clock_steps": verdict.clock_steps,
        "differences": list(verdict.differences),
        "reasons": list(verdict.reasons),
    }
