"""`graphdsl show FILE --stage …`: what the compiler makes of a file, at any stage, as text."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphdsl.cli import options

if TYPE_CHECKING:
    from graphdsl.compiler.schedule import Schedule
    from graphdsl.driver import Compilation, Compiled, Purpose

PLANNED = ("schedule", "source")
"""The stages that depend on the sizes, and on the engine."""
STAGES = {
    "ast": "the syntax tree",
    "graph": "the forward graph as the file says it",
    "reverse": "the gradient as a model file of its own, each line with the rule it applies",
    "swept": "the graph with the reverse sweep, and the update sweep where the file trains",
    "optimized": "after rewriting",
    "schedule": "the plan: steps, buffers, their places in memory",
    "source": "the program that runs: NumPy, or with --engine numba its kernels and their calls",
}
UNBOUND = 2
"""The size that a symbol gets where nothing says better."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and the text of the kernels that its steps call, where there are any."""

    schedule: Schedule
    kernels: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `show`."""
    stages = "; ".join(f"{name}: {what}" for name, what in STAGES.items())
    parser.add_argument("file", metavar="FILE", help="a model file")
    parser.add_argument(
        "--stage", choices=tuple(STAGES), help=f"{stages}; default: graph, with --plan schedule"
    )
    parser.add_argument(
        "--plan",
        metavar="PICTURE",
        type=Path,
        help="draw the plan into an .svg file: steps to the right, places in memory upwards",
    )
    options.add_sizes(parser, "sizes for schedule and source, such as N=64")
    options.add_model_options(parser)
    parser.add_argument(
        "--engine",
        choices=("numpy", "numba"),
        default="numpy",
        help="whose schedule and source; numba's needs the extra fast (default: numpy)",
    )


def run(args: argparse.Namespace) -> int:
    """Print the stage, and draw the plan if asked to."""
    if args.plan is not None:
        verify_svg(args.plan)
    stage = args.stage or ("graph" if args.plan is None else "schedule")
    if stage == "ast":
        sys.stdout.write(_tree(args))
    if stage == "ast" and args.plan is None:
        return 0
    compilation, planned = options.compile_model(args), None
    if args.plan is not None or stage in PLANNED:
        planned = plan_shown(compilation, dict(args.sizes), args.engine)
    if stage != "ast":
        sys.stdout.write(stage_text(stage, compilation, planned))
    if args.plan is not None and planned is not None:
        _draw(args.plan, planned.schedule, Path(args.file).name)
    return 0


def _tree(args: argparse.Namespace) -> str:
    from graphdsl.language.overriding import override
    from graphdsl.language.parser import parse
    from graphdsl.language.source import read_source
    from graphdsl.views.stages import ast_text

    program = parse(read_source(args.file))
    return ast_text(override(program, options.read_settings(args)))


def _draw(path: Path, planned: Schedule, name: str) -> None:
    from graphdsl.training.files import write_text
    from graphdsl.views.memory_map import draw_plan

    write_text(path, draw_plan(planned, f"{name}: memory, step by step"))
    print(f"wrote {path}", file=sys.stderr)


def verify_svg(path: Path) -> None:
    """Raise `UsageError` unless a path names an .svg file, `DataError` if its folder is missing."""
    from graphdsl.language.diagnostics import Diagnostic, UsageError
    from graphdsl.views.picture import check_path

    if (format := check_path(path)) != "svg":
        help = (f"name it {path.with_suffix('.svg')}; browsers show and print it",)
        message = f"'{path}': a plan is drawn as .svg, not as .{format}"
        raise UsageError(Diagnostic("E0822", message, (), help))


def stage_text(stage: str, compilation: Compilation, planned: Planned | None = None) -> str:
    """A stage behind the syntax tree, as text; the last two need the plan."""
    from graphdsl.engines.numpy import emit
    from graphdsl.graph.dump import dump
    from graphdsl.views.stages import schedule_text

    if planned is not None and stage == "schedule":
        return schedule_text(planned.schedule)
    if planned is not None and stage == "source":
        source = emit(planned.schedule).text
        return f"{planned.kernels}\n\n{source}" if planned.kernels else source
    if stage == "graph":
        return dump(compilation.graph())
    purpose = shown_purpose(compilation)
    if stage == "reverse":
        from graphdsl.views.reverse import print_reverse

        return print_reverse(compilation, gradient_purpose(compilation, purpose)).text
    if stage == "swept":
        return dump(compilation.swept(purpose)[0])
    return dump(compilation.compiled(purpose).graph)


def plan_shown(compilation: Compilation, sizes: dict[str, int], engine: str = "numpy") -> Planned:
    """The plan of the purpose that is shown, as an engine runs it; raises `UsageError` for one
    that is not installed, `DataError` for sizes that no program is made for."""
    from graphdsl.engines.choice import check_engine
    from graphdsl.engines.limits import check_sizes

    check_engine(engine)
    compiled = compilation.compiled(shown_purpose(compilation))
    bound = bind(compilation, compiled, sizes)
    check_sizes(compiled.graph, bound)
    if engine == "numpy":
        return Planned(compiled.plan_blocks(bound))
    from graphdsl.engines.numba.engine import needed_bytes
    from graphdsl.views.compiled import list_calls

    return Planned(*list_calls(compiled.plan(bound, needed_bytes), compiled.graph))


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


def gradient_purpose(compilation: Compilation, purpose: Purpose) -> Purpose:
    """What a training step differentiates; any other purpose as it is."""
    from graphdsl.driver import Purpose

    train = compilation.lowered(training=True).train
    if not purpose.step or train is None:
        return purpose
    params = compilation.graph(training=True).params if train.rule and purpose.results else ()
    wrt = tuple(v.name for v in params if not v.frozen)
    return Purpose(purpose.results, wrt, training=True)


def bind(compilation: Compilation, compiled: Compiled, sizes: dict[str, int]) -> dict[str, int]:
    """Numbers for every symbol: those given, else the batch's, else `UNBOUND`; told on stderr."""
    from graphdsl.graph.sizes import symbols

    graph = compiled.graph
    found = {s: None for n in graph.nodes for size in n.type.shape for s in symbols(size)}
    declared = {
        s: None for n in compilation.graph().nodes for d in n.type.shape for s in symbols(d)
    }
    verify_known(sizes, list(declared | found))
    train = compilation.lowered(training=True).train
    batch = train.values["batch"] if train is not None else None
    taken = {s: batch if isinstance(batch, int) else UNBOUND for s in found if s not in sizes}
    if taken:
        said = " ".join(f"{name}={value}" for name, value in taken.items())
        print(f"with {said} (give sizes as NAME=SIZE for others)", file=sys.stderr)
    return {**taken, **sizes}


def verify_known(sizes: dict[str, int], symbols: list[str]) -> None:
    """Raise `UsageError` if a size is given that the model does not have."""
    from graphdsl.language.diagnostics import Diagnostic, UsageError, did_you_mean

    for name in sizes:
        if name not in symbols:
            help = did_you_mean(name, symbols) or (f"its sizes: {', '.join(symbols) or 'none'}",)
            raise UsageError(Diagnostic("E0821", f"the model has no size '{name}'", (), help))
