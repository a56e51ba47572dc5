"""How far loops expand: their turns are counted before any is written out."""

from __future__ import annotations

from collections.abc import Sequence

from graphdsl.compiler.lower.context import MAX_EXPANSION, MAX_NODES, Frame
from graphdsl.language import ast


def can_expand(frame: Frame, statement: ast.Repeat, turns: range) -> bool:
    """Whether what the loop expands to is small enough to be built."""
    shared, own = frame.shared, max(0, turns.stop - turns.start)
    count = own * (1 + _inner_turns(statement.body))
    if shared.may_expand(count):
        shared.expanded += own  # the loops inside count theirs when they are met
        return True
    if not shared.exhausted:
        shared.exhausted = True
        frame.error(
            "E0410",
            f"this 'repeat' expands to {_said(count)} turns",
            statement.span,
            help=[f"a model may expand to {MAX_EXPANSION:,} calls and turns"],
        )
    return False


def may_turn(frame: Frame, statement: ast.Repeat) -> bool:
    """Whether the graph is small enough for another turn; that it is not is told once."""
    shared = frame.shared
    if len(shared.builder.nodes) > MAX_NODES and not shared.exhausted:
        shared.exhausted = True
        frame.error("E0410", f"the model expands to over {MAX_NODES:,} nodes", statement.span)
    return not shared.exhausted


def _said(count: int) -> str:
    """A count for a message; the digits of one that nobody counts to are left out."""
    return f"{count:,}" if count < 10**20 else "over 10^20"


def _inner_turns(body: Sequence[ast.AnyStatement]) -> int:
    """The turns of the loops in a body, as far as their bounds are plain numbers."""
    total = 0
    for statement in body:
        if isinstance(statement, ast.Repeat):
            first, last = statement.first, statement.last
            turns = 1
            if isinstance(first, ast.Number) and isinstance(last, ast.Number):
                turns = max(0, int(last.value) - int(first.value) + 1)
            total += turns * (1 + _inner_turns(statement.body))
    return total
