"""What a model declares: as plain data for programs, as a table for people."""

from __future__ import annotations

from collections import Counter
from typing import Any

from graphdsl.compiler.rewrite import Fired
from graphdsl.driver import Compilation
from graphdsl.graph.graph import Variable
from graphdsl.graph.sizes import symbols
from graphdsl.language.clipping import clip
from graphdsl.language.excerpt import visible
from graphdsl.views.aligned import aligned
from graphdsl.views.labels import docs_by_name

LONGEST = 60
"""Characters of a formula that the table shows."""


def summarise(compilation: Compilation) -> dict[str, Any]:
    """What a model declares, as plain data."""
    graph = compilation.graph()
    docs = docs_by_name(compilation.program.statements)

    def facts(role: str, name: str, id: int) -> dict[str, Any]:
        return {
            "role": role,
            "name": name,
            "type": str(graph.nodes[id].type),
            "dtype": str(graph.nodes[id].type.dtype),
            "shape": [s if isinstance(s, int) else str(s) for s in graph.nodes[id].type.shape],
            "doc": docs.get(name),
        }

    def stored(role: str, variable: Variable) -> dict[str, Any]:
        size = graph.nodes[variable.node].type.size
        found = facts(role, variable.name, variable.node) | {"elements": size}
        return found | ({"frozen": True} if variable.frozen else {})

    params = [stored("param", variable) for variable in graph.params]
    operations = Counter(node.op.name for node in graph.nodes if not node.op.leaf)
    return {
        "doc": compilation.program.doc,
        "float": str(graph.float),
        "constants": dict(compilation.lowered().constants),
        "sizes": sorted(
            {s for id in graph.inputs for d in graph.nodes[id].type.shape for s in symbols(d)}
        ),
        "inputs": [facts("input", graph.nodes[id].name or "", id) for id in graph.inputs],
        "parameters": params,
        "states": [stored("state", variable) for variable in graph.states],
        "results": [facts(r.role, r.name, r.node) for r in graph.results],
        "parameter_elements": sum(one["elements"] for one in params),
        "trained_elements": sum(p["elements"] for p in params if not p.get("frozen")),
        "operations": sum(operations.values()),
        "operations_by_name": dict(sorted(operations.items())),
        "nodes": len(graph.nodes),
        "trains": compilation.lowered(training=True).train is not None,
        "stability": stable_forms(compilation),
    }


def stable_forms(compilation: Compilation) -> list[dict[str, Any]]:
    """The formulas that are computed in another, stable form, in either mode: one entry for each
    place in the text, however many turns or calls expand it."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    modes = [compilation.fired(training) for training in (False, True)]
    for fired in modes[0]:
        entry = found.setdefault(_place(fired), _told(fired, compilation))
        entry["times"] += 1
    for fired in modes[1]:
        if _place(fired) not in found:
            found[_place(fired)] = _told(fired, compilation) | {"times": 1}
    return list(found.values())


def _place(fired: Fired) -> tuple[str, str]:
    return fired.rule, str(fired.origin.span) if fired.origin else ""


def _told(fired: Fired, compilation: Compilation) -> dict[str, Any]:
    told: dict[str, Any] = {"rule": fired.rule, "computed_as": fired.became, "times": 0}
    if fired.origin is None:
        return told
    span, trail = fired.origin.span, fired.origin.trail
    own = compilation.program.source
    called = next((level.span for level in trail if level.span.source is own), None)
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "called_from": called.line if called and span.source is not own else None,
        "expression": " ".join(span.text.split()),
        **told,
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
    lines = [f"{file}: no errors", *(f"  {line}" for line in (summary["doc"] or "").splitlines())]
    lines += [f"  {line}" for line in aligned(rows, right=(3,))]
    totals = _counted(summary["operations"], "operation")
    if summary["parameters"]:
        parameters = _counted(len(summary["parameters"]), "parameter")
        totals = f"{parameters} of {_counted(summary['parameter_elements'], 'element')}, {totals}"
    lines += [f"  {totals}", *map(stable_line, summary["stability"])]
    return visible("\n".join(lines))


def stable_line(form: dict[str, Any]) -> str:
    """`line 9: ln(softmax(z)) is computed as log_softmax(z)`."""
    if "line" not in form:
        return f"  {form['rule']}"
    place = f"line {form['line']}"
    if form["called_from"] is not None:
        place = f"line {form['called_from']}, in {form['file']}:{form['line']}"
    times = f", {form['times']:,} times" if form["times"] > 1 else ""
    before, after = (clip(form[key], LONGEST) for key in ("expression", "computed_as"))
    return f"  {place}: {before} is computed as {after}{times}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + "s" * (count != 1)
