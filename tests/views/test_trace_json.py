"""The schema of `trace --json` in the documentation is that of what is printed."""

from __future__ import annotations

import re
from pathlib import Path

import graphdsl
from graphdsl.views.observed import observe
from graphdsl.views.trace.local import find_row, look_at
from graphdsl.views.trace.near import local_data
from graphdsl.views.trace.recorder import record

ROOT = Path(__file__).parents[2]


def documented(chapter: str) -> list[set[str]]:
    """The keys of each table of a text: what stands in its first column between backticks."""
    tables = re.findall(r"(?:^\|.*\n)+", chapter, re.MULTILINE)
    firsts = ([row.split("|")[1] for row in table.splitlines()] for table in tables)
    return [{key for cell in cells for key in re.findall(r"`(\w+)`", cell)} for cells in firsts]


def test_every_key_is_documented() -> None:
    chapter = (ROOT / "docs" / "trace.md").read_text("utf-8").partition("\n## JSON\n")[2]
    whole, forward, reverse, term, near, operand = documented(chapter)
    model = graphdsl.load(ROOT / "examples" / "lecture" / "l1.gdl", dtype="f64")
    observed = observe(model.session, feeds := {"x": 2, "z": 3}, of="y")
    trace = record(observed, model.compilation)
    told = trace.data()
    assert told.keys() == whole
    assert all(row.keys() == forward for row in told["forward"])
    assert all(row.keys() == reverse for row in told["reverse"])
    assert all(one.keys() == term for row in told["reverse"] for one in row["terms"])
    row = find_row(trace, observed.graph.names, "e")
    names = {row.node: row.variable for row in trace.forward}
    local = local_data(look_at(model.session, feeds, observed, trace, row), names)
    assert local.keys() == near
    assert [one.keys() for one in local["operands"]] == [operand, operand]
    assert local["operands"][0]["jacobian"].keys() == {"shape", "value"}
