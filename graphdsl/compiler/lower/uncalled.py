"""Blocks and optimizers that nobody calls: what is wrong with them whatever they are called with.

Their bodies are lowered aside, with arguments of which nothing is known. Whatever depends on one
stays silent; a name that nothing binds, a call that fits no declaration, a loop whose bounds are
no constants are told all the same.
"""

from __future__ import annotations

from graphdsl.compiler.lower import expressions, statements
from graphdsl.compiler.lower.context import Frame, Lowering
from graphdsl.compiler.lower.optimizers import check_rule
from graphdsl.compiler.lower.scope import Binding, Scope
from graphdsl.compiler.lower.values import POISON, BlockFunction, OptimizerFunction
from graphdsl.graph.build import Builder
from graphdsl.language import ast
from graphdsl.language.diagnostics import Report

_OF_SIZE = frozenset(("E0410",))
"""What is counted over all bodies together, and says nothing of one of them."""


def check_uncalled(frame: Frame, program: ast.Program) -> None:
    """Report the faults of the blocks and optimizers of a file that nothing has asked for."""
    shared = frame.shared
    declared = [s for s in program.statements if isinstance(s, ast.Block | ast.Optimizer)]
    found = [frame.scope.bindings.get(statement.name.id) for statement in declared]
    unused = [binding for binding in found if binding is not None and not binding.used]
    aside = Lowering(Builder(shared.float), Report(), {}, shared.training)
    aside.broken, aside.later = shared.broken, shared.later
    for binding in unused:
        match binding.value:
            case BlockFunction() as function:
                inner = _open(aside, function.home, function.block)
                statements.lower_body(inner, function.block)
            case OptimizerFunction() as function:
                inner = _open(aside, function.home, function.optimizer)
                check_rule(inner, function.optimizer)
    for diagnostic in aside.report.errors:
        if diagnostic.code not in _OF_SIZE:
            shared.report.add(diagnostic)


def _open(aside: Lowering, home: Scope, owner: ast.Block | ast.Optimizer) -> Frame:
    """The frame of a body, its arguments unknown; their defaults are checked."""
    arguments: dict[str, Binding] = {}
    inner = Frame(
        aside,
        Scope(home, nodes=arguments),
        prefix=f"{owner.name.id}.",
        active=(owner,) if isinstance(owner, ast.Block) else (),
        step_names=True,
    )
    for formal in owner.formals:
        if formal.default is not None:
            expressions.evaluate(inner, formal.default)
        arguments[formal.name.id] = Binding(POISON, formal.name.span, "argument", used=True)
    if isinstance(owner, ast.Optimizer):
        for name, kind in (("p", "state"), ("g", "op")):
            arguments[name] = Binding(POISON, owner.name.span, kind, used=True)
    return inner
