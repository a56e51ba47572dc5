"""One variable from near, as text for a terminal and as data for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphdsl.views.trace.data import forward_data, reverse_data, tensor_data, term_data
from graphdsl.views.trace.local import Local, Operand
from graphdsl.views.trace.record import Term
from graphdsl.views.trace.table import WIDTH, Cells, forward_cells, layout, visible


def local_text(local: Local, names: Mapping[int, str], width: int = WIDTH) -> str:
    """What the variable is, what it gets from those that read it, what it hands to its operands,
    and the local Jacobians; `names` are those of the trace's variables."""
    row, reverse = local.forward, local.reverse
    name = visible(row.variable)
    parts = [layout([("variable", ["expression"], "value"), forward_cells(row)], width)]
    if reverse is None:
        parts.append(["", f"no cotangent: the result does not depend on {name}"])
    else:
        parts.append(["", f"{visible(reverse.cotangent)} gets"])
        gets = [_cells(names[term.through], term) for term in reverse.terms]
        whole: Cells = ("in all", [visible(reverse.formula.text)], reverse.value)
        lines = gets if len(gets) == 1 else [*gets, whole]
        parts.append(layout([("through", ["term"], "value"), *lines], width))
    if local.operands:
        parts.append(["", f"{name} hands to"])
        hands = [_cells(one.variable, term) for one in local.operands for term in one.terms]
        parts.append(layout([("variable", ["term"], "value"), *hands], width))
        parts.append(["", f"local Jacobians: the operand's elements down, those of {name} across"])
        jacobians = [_jacobian(row.variable, one) for one in local.operands]
        parts.append(layout([("Jacobian", ["sizes"], "value"), *jacobians], width))
    return "\n".join(line for lines in parts for line in lines)


def _cells(variable: str, term: Term) -> Cells:
    return variable, list(_formulas(term)), term.value


def _formulas(term: Term) -> Iterator[str]:
    yield visible(term.formula.text)
    if term.telling is not None:
        yield f"= {visible(term.telling.text)}"


def _jacobian(variable: str, operand: Operand) -> Cells:
    name = f"∂{variable}/∂{operand.variable}"
    if operand.matrix is None:
        return name, ["too large to be computed"], ""
    return name, [sizes_text(operand)], operand.matrix


def sizes_text(operand: Operand) -> str:
    """The sizes of a Jacobian: the operand's, then the variable's; nothing for a number."""
    shape = () if operand.jacobian is None else operand.jacobian.shape
    return f"[{', '.join(map(str, shape))}]" if shape else ""


def local_data(local: Local, names: Mapping[int, str]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "forward": forward_data(local.forward),
        "reverse": None if local.reverse is None else reverse_data(local.reverse, names),
        "operands": [
            {
                "variable": one.variable,
                "node": one.node,
                "jacobian": None if one.jacobian is None else tensor_data(one.jacobian),
                "terms": [term_data(term, names) for term in one.terms],
            }
            for one in local.operands
        ],
    }
