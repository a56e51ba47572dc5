"""Nodes that no gradient needs are never built, neither by the reverse sweep nor in the program."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from graphdsl.compiler.differentiate import differentiate
from graphdsl.driver import Compilation, Purpose, compile_source
from graphdsl.graph.graph import Graph
from graphdsl.language.source import Source


def layers(count: int, frozen: int = 0) -> Compilation:
    """A network of equal layers, h1 = tanh(h0 @ W1 + b1), …; the first `frozen` are not trained."""
    lines = ["dim N", "input h0: [N, 4]", "input y: [N, 4]"]
    for i in range(1, count + 1):
        end = " with frozen = true" if i <= frozen else ""
        lines += [f"param W{i}: [4, 4] ~ normal(){end}", f"param b{i}: [4] = 0{end}"]
        lines.append(f"h{i} = tanh(h{i - 1} @ W{i} + b{i})")
    lines.append(f"loss J = mean((h{count} - y)^2)\ntrain {{\n  optimizer = sgd(lr = 0.1)\n}}")
    return compile_source(Source("\n".join(lines)))


def built(count: int, *wrt: str) -> Counter[str]:
    """The ops that the sweep appends, counted."""
    graph = layers(count).graph()
    assert graph.loss is not None
    swept = differentiate(graph, graph.loss.node, [graph.names[name] for name in wrt])
    return Counter(node.op.name for node in swept.nodes[len(graph.nodes) :])


def reverse_lines(graph: Graph) -> set[int]:
    """The lines of the text that nodes of the reverse sweep come from."""
    return {n.origin.span.line for n in graph.nodes if n.sweep == "reverse" and n.origin}


def test_the_last_layer_costs_the_same_in_a_deep_network() -> None:
    assert built(3, "W3") == built(50, "W50")


def test_a_parameter_costs_the_sweep_down_to_it_and_no_further() -> None:
    sizes = [built(10, f"W{i}").total() for i in range(10, 0, -1)]
    steps = {b - a for a, b in pairwise(sizes)}
    assert len(steps) == 1
    assert steps.pop() > 0


@pytest.mark.parametrize(
    ("wrt", "products"),
    [
        (("b3",), 0),  # the cotangent itself, summed
        (("W3",), 1),
        (("W3", "b3"), 1),
        (("h2",), 1),
        (("b1",), 2),  # through W3 and W2, and no gradient of either
        (("W1",), 3),
        (("W1", "W2", "W3"), 5),
        (("h0",), 3),
        (("W1", "W2", "W3", "h0"), 6),
    ],
)
def test_matrix_products_are_counted(wrt: tuple[str, ...], products: int) -> None:
    assert built(3, *wrt)["matmul"] == products


def test_nothing_is_built_for_what_the_loss_does_not_reach() -> None:
    compilation = compile_source(
        Source("input x: [3]\nparam a: [3] = 1\nparam b: [3] = 1\nc = exp(b)\nloss J = sum(a * x)")
    )
    graph = compilation.graph()
    assert graph.loss is not None
    swept = differentiate(graph, graph.loss.node, [graph.names["b"]])
    ops = Counter(node.op.name for node in swept.nodes[len(graph.nodes) :])
    assert set(ops) <= {"number", "full", "copy"}


def test_a_training_step_sweeps_no_frozen_layer() -> None:
    compilation = layers(6, frozen=4)
    swept, _ = compilation.swept(compilation.step_purpose())
    texts = [compilation.program.source.line(line) for line in reverse_lines(swept)]
    named = {text.partition(" =")[0] for text in texts if not text.startswith("param")}
    assert named == {"h5", "h6", "loss J"}
    assert len(swept.gradients) == 4


@pytest.mark.parametrize(("frozen", "products"), [(0, 3 + 5), (1, 3 + 3), (2, 3 + 1)])
def test_the_program_multiplies_no_matrix_in_vain(frozen: int, products: int) -> None:
    """Forward one for each layer; back two for each trained layer but the first of them."""
    compilation = layers(3, frozen)
    graph = compilation.compiled(compilation.step_purpose()).graph
    assert Counter(node.op.name for node in graph.nodes)["matmul"] == products


def test_a_program_of_few_gradients_is_shorter() -> None:
    compilation = layers(10)
    sizes = [
        len(compilation.compiled(Purpose(("J",), wrt)).graph.nodes)
        for wrt in [("b10",), ("W10", "b10"), ("W1", "b1"), tuple(compilation.layout.params)]
    ]
    assert sizes == sorted(set(sizes))
