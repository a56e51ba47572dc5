"""Derivatives of named nodes: names and feeds come in, values and arrays of the caller's own go
out, or `UsageError` for what has no derivative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphdsl.driver import Purpose
from graphdsl.engines.memory import LARGE
from graphdsl.graph.graph import Graph
from graphdsl.graph.kernel import Array
from graphdsl.graph.op import Fault
from graphdsl.language.diagnostics import Diagnostic, UsageError
from graphdsl.session import Session


def value_and_grad(
    session: Session,
    fed: Mapping[str, Any],
    of: str | None = None,
    wrt: Sequence[str] | None = None,
    training: bool = False,
) -> tuple[float, dict[str, Array]]:
    """A scalar, the loss unless named, and its gradients with respect to `wrt`, every trained
    parameter unless named; each of the shape of what it is taken for."""
    target = find_target(session, of, training)
    graph = session.compilation.graph(training)
    names = trained(graph) if wrt is None else list(wrt)
    verify_sources(session, names, training)
    purpose = Purpose((target,), tuple(names), training)
    with session.lock:
        values = session.results(purpose, fed)
        stored = session.memory.gradients() if set(names) & set(session.memory.params) else {}
        nbytes = sum(stored[name].nbytes for name in names if name in stored)
        if nbytes > LARGE:
            session.memory.check_room("the gradients that are handed out take", nbytes)
        grads = {n: stored[n].copy() if n in stored else values[f"∂{n}"] for n in names}
    return float(values[target]), grads


def derive(session: Session, kind: str, of: str, wrt: str, fed: Mapping[str, Any]) -> Array:
    """A derivative by the name of its op: "jacobian", "hessian", "hvp" or "jvp"."""
    for name in (of, wrt):
        session.verify_node(name)
    try:
        return session.results(Purpose((of,), (wrt,), derivative=kind), fed)[kind]
    except Fault as fault:
        raise _no_gradient(fault.message, *filter(None, [fault.help])) from None


def find_target(session: Session, of: str | None, training: bool) -> str:
    """The name of what is differentiated, the loss unless named: a float scalar."""
    graph = session.compilation.graph(training)
    if of is None:
        if graph.loss is None:
            raise _no_gradient("the model has no loss", "name what to differentiate: of='y'")
        return graph.loss.name
    session.verify_node(of, training)
    if graph.nodes[graph.names[of]].type.shape:
        raise _no_gradient(f"'{of}' is no scalar: only a scalar has a gradient")
    _verify_float(graph, of)
    return of


def verify_sources(session: Session, names: Sequence[str], training: bool) -> None:
    """Raise `UsageError` unless every name is a node of floats."""
    for name in names:
        session.verify_node(name, training)
        _verify_float(session.compilation.graph(training), name)


def trained(graph: Graph) -> list[str]:
    """The names of the trained parameters."""
    return [variable.name for variable in graph.params if not variable.frozen]


def _verify_float(graph: Graph, name: str) -> None:
    type = graph.nodes[graph.names[name]].type
    if not type.dtype.is_float:
        raise _no_gradient(f"'{name}' is {type}: only floats have gradients")


def _no_gradient(message: str, *help: str) -> UsageError:
    return UsageError(Diagnostic("E0807", message, (), help))
