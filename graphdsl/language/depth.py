"""The limit on nesting: a node comes in, a diagnostic goes out if it is nested too deep.

What later walks over a tree may then recurse. This walk is iterative, and is spared where a
statement has too few tokens to be deep.
"""

from __future__ import annotations

from graphdsl.language import ast
from graphdsl.language.brackets import MAX_DEPTH
from graphdsl.language.diagnostics import Diagnostic, Label
from graphdsl.language.tokens import Token
from graphdsl.language.walk import children


def check_depth(node: ast.Node, tokens: list[Token]) -> Diagnostic | None:
    """The fault of an expression that is nested deeper than `MAX_DEPTH`, if there is one."""
    if len(tokens) <= MAX_DEPTH:
        return None
    level: list[ast.Node] = [node]
    for _ in range(MAX_DEPTH + 1):
        level = [child for one in level for child in children(one)]
        if not level:
            return None
    message = f"this expression is nested deeper than {MAX_DEPTH}"
    help = "split it into named parts"
    return Diagnostic("E0113", message, (Label(level[0].span),), (help,))
