"""`graphdsl show FILE --stage …`: what the compiler makes of a file, at any stage, as text."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from graphdsl.cli import options

if TYPE_CHECKING:
    from graphdsl.driver import Compilation, Compiled, Purpose

STAGES = {
    "ast": "the syntax tree",
    "graph": "the forward graph as the file says it",
    "reverse": "with the reverse sweep, and the update sweep where the file trains",
    "optimized": "after rewriting",
    "schedule": "the plan: steps, buffers, their places in memory",
    "source": "the NumPy program that runs",
}
UNBOUND = 2
"""The size that a symbol gets where nothing says better."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `show`."""
    stages = "; ".join(f"{name}: {what}" for name, what in STAGES.items())
    parser.add_argument("file", metavar="FILE", help="a model file")
    parser.add_argument("--stage", choices=tuple(STAGES), default="graph", help=stages)
    parser.add_argument(
        "sizes",
        metavar="NAME=SIZE",
        nargs="*",
        type=size,
        help="sizes for schedule and source, such as N=64",
    )
    options.add_model_options(parser)


def size(text: str) -> tuple[str, int]:
    """`NAME=SIZE` as its two sides."""
    name, said = options.pair(text)
    return name, options.natural(said)


def run(args: argparse.Namespace) -> int:
    """Print the stage."""
    if args.stage == "ast":
        from graphdsl.language.parser import parse
        from graphdsl.language.source import read_source
        from graphdsl.views.stages import ast_text

        sys.stdout.write(ast_text(parse(read_source(args.file))))
        return 0
    sys.stdout.write(stage_text(args.stage, options.compile_model(args), dict(args.sizes)))
    return 0


def stage_text(stage: str, compilation: Compilation, sizes: dict[str, int]) -> str:
    """A stage behind the syntax tree, as text."""
    from graphdsl.graph.dump import dump
    from graphdsl.views.stages import schedule_text

    if stage == "graph":
        return dump(compilation.graph())
    purpose = shown_purpose(compilation)
    if stage == "reverse":
        return dump(compilation.swept(purpose)[0])
    compiled = compilation.compiled(purpose)
    if stage == "optimized":
        return dump(compiled.graph)
    bound = bind(compilation, compiled, sizes)
    if stage == "schedule":
        return schedule_text(compiled.plan(bound))
    return compiled.emit(bound).source


def shown_purpose(compilation: Compilation) -> Purpose:
    """The training step of a file that trains; else the gradient of its loss, or of its first
    scalar result, with respect to what it may be taken for; else every result."""
    from graphdsl.driver import Purpose

    train = compilation.lowered(training=True).train
    if train is not None:
        return compilation.step_purpose()
    graph = compilation.graph()
    scalars = [
        r
        for r in graph.results
        if not graph.nodes[r.node].type.shape and graph.nodes[r.node].type.dtype.is_float
    ]
    target = graph.loss or next(iter(scalars), None)
    if target is None:
        return Purpose(tuple(r.name for r in graph.results))
    params = [v.node for v in graph.params if not v.frozen]
    inputs = [id for id in graph.inputs if graph.nodes[id].type.dtype.is_float]
    reaching = graph.reaching([target.node])
    wrt = [graph.nodes[id].name or "" for id in params or inputs if id in reaching]
    return Purpose((target.name,), tuple(wrt))


def bind(compilation: Compilation, compiled: Compiled, sizes: dict[str, int]) -> dict[str, int]:
    """Numbers for every symbol: those given, else the batch's, else `UNBOUND`; told on stderr."""
    from graphdsl.graph.sizes import symbols

    graph = compiled.graph
    found = {s: None for n in graph.nodes for size in n.type.shape for s in symbols(size)}
    declared = {
        s: None for n in compilation.graph().nodes for d in n.type.shape for s in symbols(d)
    }
    check_known(sizes, list(declared | found))
    train = compilation.lowered(training=True).train
    batch = train.values["batch"] if train is not None else None
    taken = {s: batch if isinstance(batch, int) else UNBOUND for s in found if s not in sizes}
    if taken:
        said = " ".join(f"{name}={value}" for name, value in taken.items())
        print(f"with {said} (give sizes as NAME=SIZE for others)", file=sys.stderr)
    return {**taken, **sizes}


def check_known(sizes: dict[str, int], symbols: list[str]) -> None:
    """Raise `UsageError` if a size is given that the model does not have."""
    from graphdsl.language.diagnostics import Diagnostic, UsageError, did_you_mean

    for name in sizes:
        if name not in symbols:
            help = did_you_mean(name, symbols) or (f"its sizes: {', '.join(symbols) or 'none'}",)
            raise UsageError(Diagnostic("E0821", f"the model has no size '{name}'", (), help))
