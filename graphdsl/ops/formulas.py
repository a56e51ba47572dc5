"""The ops' scalar formulas, evaluated on Python numbers as IEEE 754 has it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from graphdsl.graph.op import Op
from graphdsl.ops import scalars


def evaluate(op: Op, *args: Any) -> Any:
    """An elementwise op on numbers; `op.scalar` has to be there."""
    return _compiled(op)(*args)


@cache
def _compiled(op: Op) -> Callable[..., Any]:
    """The formula as a function. It stands in the op's declaration, never in a model's text."""
    assert op.scalar is not None
    body = op.scalar.format(**{name: name for name in op.operands})
    namespace = {k: v for k, v in vars(scalars).items() if not k.startswith("__")}
    made: Callable[..., Any] = eval(f"lambda {', '.join(op.operands)}: {body}", namespace)
    return made
