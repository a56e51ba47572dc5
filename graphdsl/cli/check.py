"""`graphdsl check FILE…`: every diagnostic of a file, or what it declares where it has no errors."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from graphdsl.cli import options

if TYPE_CHECKING:
    from graphdsl.driver import Compilation
    from graphdsl.language.diagnostics import Diagnostic


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `check`."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="a model file")
    options.add_model_options(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Check each file; 1 if one has errors."""
    from graphdsl.cli.faults import report
    from graphdsl.language.diagnostics import to_json

    told: list[dict[str, Any]] = []
    failed = False
    for number, file in enumerate(args.files):
        compilation, diagnostics = _check(file, args)
        failed |= compilation is None
        if args.json:
            summary = summarise(compilation) if compilation else {}
            told.append({"file": file, **summary, "diagnostics": to_json(diagnostics)})
            continue
        sys.stdout.flush()
        report(diagnostics)
        if compilation is not None:
            print("\n" * (number > 0) + table(file, summarise(compilation)))
    if args.json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    return int(failed)


def _check(
    file: str, args: argparse.Namespace
) -> tuple[Compilation | None, tuple[Diagnostic, ...]]:
    """The file down to its training step; None if it has errors."""
    from graphdsl.driver import compile_source
    from graphdsl.graph.types import DType
    from graphdsl.language.diagnostics import GraphdslError
    from graphdsl.language.source import read_source

    try:
        source = read_source(file)
        compilation = compile_source(source, dict(args.constants), DType[args.dtype])
        if compilation.lowered(training=True).train is not None:
            compilation.compiled(compilation.step_purpose())
    except GraphdslError as error:
        return None, error.diagnostics
    return compilation, compilation.lowered().warnings


def summarise(compilation: Compilation) -> dict[str, Any]:
    """What a model declares, as plain data."""
    graph = compilation.graph()
    types = {node.id: str(node.type) for node in graph.nodes}

    def stored(variable: Any) -> dict[str, Any]:
        size = graph.nodes[variable.node].type.size
        facts = {"name": variable.name, "type": types[variable.node], "elements": size}
        return facts | ({"frozen": True} if variable.frozen else {})

    params = [stored(v) for v in graph.params]
    return {
        "inputs": [{"name": graph.nodes[i].name, "type": types[i]} for i in graph.inputs],
        "parameters": params,
        "states": [stored(v) for v in graph.states],
        "results": [{"role": r.role, "name": r.name, "type": types[r.node]} for r in graph.results],
        "parameter_elements": sum(p["elements"] for p in params),
        "nodes": len(graph.nodes),
    }


def table(file: str, summary: dict[str, Any]) -> str:
    """The same for people: a line for each name, the totals below."""
    rows = [("input", one["name"], one["type"], "") for one in summary["inputs"]]
    for role in ("parameters", "states"):
        for one in summary[role]:
            count = f"{one['elements']:,}" + (" frozen" if one.get("frozen") else "")
            rows.append(({"parameters": "param", "states": "state"}[role], *_named(one), count))
    rows += [(one["role"], *_named(one), "") for one in summary["results"]]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
    lines = [
        f"  {role:<{widths[0]}}  {name:<{widths[1]}}  {type:<{widths[2]}}  {count:>{widths[3]}}"
        for role, name, type, count in rows
    ]
    parameters, total = len(summary["parameters"]), summary["parameter_elements"]
    declared = f"{_counted(parameters, 'parameter')} of {_counted(total, 'element')}"
    totals = f"{declared}, {_counted(summary['nodes'], 'node')}"
    return "\n".join([f"{file}: no errors", *(line.rstrip() for line in lines), f"  {totals}"])


def _named(one: dict[str, Any]) -> tuple[str, str]:
    return one["name"], one["type"]


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + "s" * (count != 1)
