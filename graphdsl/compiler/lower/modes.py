"""What both modes have to agree on: the file lowered for each comes in, diagnostics go out."""

from __future__ import annotations

from collections.abc import Iterator

from graphdsl.compiler.lower.program import Lowered
from graphdsl.graph.graph import Graph, Variable
from graphdsl.language.diagnostics import Diagnostic, Label, ModelError


def verify_modes(evaluation: Lowered, training: Lowered) -> None:
    """Raise `ModelError` unless both modes own the same parameters and states."""
    found = tuple(_disagreements(evaluation, training))
    if found:
        raise ModelError(found)


def _disagreements(evaluation: Lowered, training: Lowered) -> Iterator[Diagnostic]:
    first, second = _variables(evaluation.graph), _variables(training.graph)
    for name in [*first, *(name for name in second if name not in first)]:
        one, other = first.get(name), second.get(name)
        if one is None or other is None:
            mode = "evaluation" if other is None else "training"
            what = f"'{name}' exists in {mode} alone"
        elif one != other:
            what = f"'{name}' is {one} in evaluation and {other} in training"
        else:
            continue
        span = (evaluation if one is not None else training).declared[name]
        help = "choose between values, not between what is stored: y = a if training else b"
        yield Diagnostic("E0336", what, (Label(span),), (help,))


def _variables(graph: Graph) -> dict[str, str]:
    """What a mode stores, by name: role, type and settings in words."""
    words = {v.name: f"a parameter {_text(graph, v)}" for v in graph.params}
    return words | {v.name: f"a state {_text(graph, v)}" for v in graph.states}


def _text(graph: Graph, variable: Variable) -> str:
    settings = [f"{key} = {value}" for key, value in variable.settings]
    settings += ["frozen = true"] * variable.frozen
    clause = f" with {', '.join(settings)}" if settings else ""
    return f"{graph.nodes[variable.node].type}{clause}"
