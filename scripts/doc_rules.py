"""The rules of rewriting, as the compiler declares them."""

from __future__ import annotations

import inspect

from doc_tables import table
from graphdsl import ops
from graphdsl.compiler.rewrite import algebra
from graphdsl.compiler.rewrite.stability import RULES
from graphdsl.driver import compile_source
from graphdsl.language.source import Source
from graphdsl.views.summary import stable_line, summarise

EXAMPLE = """\
dim N
input z: [N, 10]
input y: i64[N]
p = softmax(z)
loss J = -mean(ln(take_along(p, y)))
metric spread = mean(z^2) - mean(z)^2
"""

assert ops  # importing it declares the ops


def stability_rules() -> str:
    """Every stability rule: what it replaces, what by, and why."""
    rows = [[f"`{rule.formula}`", f"`{rule.computed}`", rule.reason] for rule in RULES]
    return table(("written", "computed", "because"), rows)


def algebra_rules() -> str:
    """Every algebraic rule, by the op at whose nodes it looks."""
    rows = [
        [f"`{op.name}`", " ".join((inspect.getdoc(rule) or "").split())]
        for op, rules in algebra.rules().items()
        for rule in rules
    ]
    return table(("op", "rewritten"), rows)


def stable_example() -> str:
    """A model, and what `check` tells of the rules that change it."""
    summary = summarise(compile_source(Source(EXAMPLE)))
    lines = "\n".join(map(stable_line, summary["stability"]))
    return f"```gdl\n{EXAMPLE}```\n\n```text\n{lines}\n```"
