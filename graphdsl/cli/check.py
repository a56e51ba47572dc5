"""`graphdsl check FILE…`: every diagnostic of a file, and what it declares if it has no errors."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from graphdsl.cli import options

if TYPE_CHECKING:
    from graphdsl.driver import Compilation
    from graphdsl.graph.graph import Variable
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
    from graphdsl.views.labels import docs_by_name

    graph = compilation.graph()
    docs = docs_by_name(compilation.program.statements)

    def facts(role: str, name: str, id: int) -> dict[str, Any]:
        return {
            "role": role,
            "name": name,
            "type": str(graph.nodes[id].type),
            "doc": docs.get(name),
        }

    def stored(role: str, variable: Variable) -> dict[str, Any]:
        size = graph.nodes[variable.node].type.size
        found = facts(role, variable.name, variable.node) | {"elements": size}
        return found | ({"frozen": True} if variable.frozen else {})

    params = [stored("param", variable) for variable in graph.params]
    return {
        "doc": compilation.program.doc,
        "inputs": [facts("input", graph.nodes[id].name or "", id) for id in graph.inputs],
        "parameters": params,
        "states": [stored("state", variable) for variable in graph.states],
        "results": [facts(r.role, r.name, r.node) for r in graph.results],
        "parameter_elements": sum(one["elements"] for one in params),
        "nodes": len(graph.nodes),
    }


def table(file: str, summary: dict[str, Any]) -> str:
    """The same for people: a line for each name, the totals below."""
    rows = [
        (
            one["role"],
            one["name"],
            one["type"],
            f"{one['elements']:,}" if "elements" in one else "",
            ("(frozen) " if one.get("frozen") else "") + (one["doc"] or "").partition("\n")[0],
        )
        for section in ("inputs", "parameters", "states", "results")
        for one in summary[section]
    ]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
    lines = [f"{file}: no errors"]
    for role, name, kind, count, doc in rows:
        line = f"  {role:<{widths[0]}}  {name:<{widths[1]}}  {kind:<{widths[2]}}"
        lines.append(f"{line}  {count:>{widths[3]}}  {doc}".rstrip())
    totals = _counted(summary["nodes"], "node")
    if summary["parameters"]:
        parameters = _counted(len(summary["parameters"]), "parameter")
        totals = f"{parameters} of {_counted(summary['parameter_elements'], 'element')}, {totals}"
    return "\n".join([*lines, f"  {totals}"])


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + "s" * (count != 1)
