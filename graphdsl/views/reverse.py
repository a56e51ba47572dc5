"""The reverse sweep as a `.gdl` file: a compiled file and what is to be differentiated come in,
text goes out that computes the same gradients.

Everything that is stored or drawn becomes an input, so that the text stands for one step's
gradient given its values. What gets no line is written where it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

from graphdsl.driver import Compilation, Purpose
from graphdsl.graph.graph import Graph, Node
from graphdsl.language import ast
from graphdsl.language.flat import flat
from graphdsl.language.layout import WIDTH
from graphdsl.language.parser import parse
from graphdsl.language.printer import format_program
from graphdsl.language.source import Source
from graphdsl.views.reverse_notes import Notes, heading
from graphdsl.views.reverse_plan import Plan, Sweep
from graphdsl.views.written import HERE, Writer, name, number

LONGEST = 72
"""Characters of an expression that are written where it is used; a longer one gets a line."""


@dataclass(frozen=True, slots=True)
class Reverse:
    """A printed sweep: its text, the node that each of its inputs stands for, and its gradients."""

    text: str
    graph: Graph
    inputs: dict[str, int]
    gradients: dict[str, str]
    """The output that holds each gradient, by what it is taken with respect to."""


def print_reverse(compilation: Compilation, purpose: Purpose) -> Reverse:
    """The graph of a purpose, a training step's without its update, as the text of a file."""
    sweep = Sweep()
    graph, _ = compilation.swept(purpose, sweep.mark)
    return _Printer(compilation, purpose, graph, sweep).print()


class _Printer:
    """Writes one sweep."""

    def __init__(
        self, compilation: Compilation, purpose: Purpose, graph: Graph, sweep: Sweep
    ) -> None:
        self.compilation, self.purpose = compilation, purpose
        self.graph, self.writer = graph, Writer(graph.float)
        wanted = [r.node for r in graph.results if r.name in purpose.results]
        self.plan = Plan(graph, sweep, wanted)
        self.notes = Notes(graph, sweep.cotangents, sweep.owners, compilation.program)
        self.inputs = self._fed()

    def print(self) -> Reverse:
        """The whole file."""
        lines = [*self._doc(), "", *self._declarations(), "", *self._body()]
        text = format_program(parse(Source("\n".join(lines) + "\n")))
        inputs = {self.plan.name(id): id for id in self.inputs}
        gradients = {
            wrt: self.plan.name(self.plan.same[g])
            for wrt, (_, g) in zip(self.purpose.wrt, self.graph.gradients, strict=True)
        }
        return Reverse(text, self.graph, inputs, gradients)

    def _doc(self) -> Iterator[str]:
        file = self.compilation.program.source.name.rpartition("/")[2]
        of = " and ".join(self.purpose.results) or "nothing"
        mode = "training" if self.purpose.training else "evaluation"
        if self.purpose.wrt:
            said = (
                f"The reverse sweep of {file}: the gradients of {of} in {mode}, given what is fed, "
                "stored and drawn.\n"
                f"d_h is the cotangent of h, ∂{of}/∂h. A rule says what an op's result y hands to "
                "its operands, x, or a and b, when its own cotangent is g."
            )
        else:
            said = f"The forward sweep of {file} in {mode}: there is no gradient to take."
        for paragraph in said.split("\n"):
            yield from (f"## {line}" for line in wrap(paragraph, WIDTH - 3))

    def _fed(self) -> list[int]:
        """What is fed: inputs, parameters and states as the file declares them, then draws."""
        graph, shown = self.graph, self.plan.readers
        stored = [v.node for v in (*graph.params, *graph.states)]
        draws = [id for id in shown if graph.nodes[id].op.random]
        fed = [id for id in (*graph.inputs, *stored, *draws) if id in shown]
        return [*self._binding(fed), *fed]

    def _binding(self, fed: list[int]) -> list[int]:
        """Inputs that no line reads, and whose sizes are all that says what a dim is."""
        nodes = self.graph.nodes
        bound = {str(size) for id in fed for size in nodes[id].type.shape}
        missing, found = [dim for dim in self.plan.dims if dim not in bound], []
        for id in self.graph.inputs:
            here = {str(size) for size in nodes[id].type.shape}
            if not here.isdisjoint(missing):
                found.append(id)
                missing = [dim for dim in missing if dim not in here]
        return found

    def _declarations(self) -> Iterator[str]:
        graph = self.graph
        if self.plan.dims:
            yield f"dim {', '.join(self.plan.dims)}"
        kinds = {v.node: "a parameter" for v in graph.params}
        kinds |= {v.node: "a state, before the step" for v in graph.states}
        for id in self.inputs:
            yield self._declaration(id, kinds.get(id, ""))

    def _declaration(self, id: int, kind: str) -> str:
        node = self.graph.nodes[id]
        note = f"drawn anew at every step: {self._draw(node)}" if node.op.random else kind
        declared = ast.Input(name(self.plan.name(id)), self.writer.type(node.type), span=HERE)
        return _text(declared) + (f"  # {note}" if note else "")

    def _draw(self, node: Node) -> str:
        """The distribution of a random node, as its op is called."""
        return flat(self.writer.expression(node, [name("x") for _ in node.operands]))

    def _body(self) -> Iterator[str]:
        """The lines of both sweeps, in order."""
        exprs: dict[int, ast.Expr] = {id: name(self.plan.name(id)) for id in self.inputs}
        head = ""
        for id in self.plan.readers:
            node = self.graph.nodes[id]
            expr = exprs.get(id) or self._expression(id, exprs)
            # what is fed has its name: no line of its own makes a long one shorter
            if id not in exprs and (id in self.plan.bound or len(flat(expr)) > LONGEST):
                place = heading(self.notes.place(id)) if id >= self.plan.behind else ""
                if place and place != head:
                    yield from ("", place)
                    head = place
                yield from self._line(id, expr, id in self.plan.gradients)
                expr = name(self.plan.name(id))
            exprs[id] = expr
            self.writer.observe(node.type, expr)

    def _expression(self, id: int, exprs: dict[int, ast.Expr]) -> ast.Expr:
        node = self.graph.nodes[id]
        if id in self.plan.numbers:
            return number(self.plan.numbers[id])
        return self.writer.expression(node, [exprs[o] for o in self.plan.operands(id)])

    def _line(self, id: int, expr: ast.Expr, is_gradient: bool) -> Iterator[str]:
        """A statement with the rules that it applies."""
        target = name(self.plan.name(id))
        result = next((r for r in self.graph.results if self.plan.same[r.node] == id), None)
        statement: ast.AnyStatement = ast.Assign((target,), expr, span=HERE)
        if is_gradient or (result is not None and result.role != "loss"):
            statement = ast.Output(target, expr, span=HERE)
        elif result is not None:
            statement = ast.Loss(target, expr, span=HERE)
        yield from self.notes.annotated(id, _text(statement))


def _text(statement: ast.AnyStatement) -> str:
    """One statement as the formatter writes it."""
    return format_program(ast.Program((statement,), source=Source(""))).rstrip("\n")
