"""A whole file: its declarations in two passes, its settings, its warnings.

The first pass binds what blocks may see (sizes, constants, blocks, optimizers), the second adds
the nodes in the order of the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from graphdsl.compiler.lower import statements
from graphdsl.compiler.lower.context import Frame, Inside, Lowering
from graphdsl.compiler.lower.imports import Importer
from graphdsl.compiler.lower.patterns import matches
from graphdsl.compiler.lower.scope import Scope
from graphdsl.compiler.lower.settings import DataSettings, TrainSettings, read_data, read_train
from graphdsl.compiler.lower.uncalled import check_uncalled
from graphdsl.compiler.lower.values import BlockFunction, OptimizerFunction
from graphdsl.compiler.lower.warnings import warn_of_graph
from graphdsl.graph.build import Builder
from graphdsl.graph.graph import Graph
from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.language.diagnostics import Diagnostic, Label, Report, did_you_mean
from graphdsl.language.parser import parse
from graphdsl.language.source import Source, Span
from graphdsl.language.walk import bound_names

PRELUDE = ("layers.gdl", "losses.gdl", "optimizers.gdl", "schedules.gdl")


@dataclass(frozen=True, slots=True)
class Lowered:
    """A file's forward graph, its settings and what there is to warn of."""

    graph: Graph
    data: DataSettings | None
    train: TrainSettings | None
    constants: Mapping[str, Any]
    declared: Mapping[str, Span]
    warnings: tuple[Diagnostic, ...]
    reads_training: bool = False
    """Whether the file is another in training than in evaluation."""
    imported: Mapping[str, ast.Program] = field(default_factory=dict)
    """The files it imports from, by the paths that name them."""


def lower(
    program: ast.Program,
    constants: Mapping[str, Any] | None = None,
    *,
    float: DType = DType.f32,
    training: bool = False,
    include: Sequence[Path] = (),
) -> Lowered:
    """The typed graph of a program, sizes symbolic.

    `constants` override those of the file by name; `training` is what the file reads under that
    name; imports may also come from the folders `include`. Raises `ModelError` with every fault
    of the file.
    """
    report = Report()
    shared = Lowering(Builder(float), report, constants or {}, training)
    shared.broken = program.broken
    frame = _frame(shared, program, include)
    _bind_static(frame, program)
    if not program.broken:
        _check_overrides(frame, program)
    for statement in program.statements:
        if not isinstance(statement, _STATIC | ast.Data | ast.Train):
            statements.lower_statement(frame, statement)
    _check_l2(frame)
    data, train = _settings(frame, program)
    check_uncalled(frame, program)
    if not program.broken:
        _check_whole(frame, program, train)
    report.raise_errors()
    graph = _graph(shared)
    warn_of_graph(frame, graph)
    shared.written.clear()  # its frames refer to what is shared, all nodes among it
    return Lowered(
        graph,
        data,
        train,
        shared.constants,
        shared.declared,
        tuple(report.warnings),
        shared.mode_reads > 0,
        shared.importer.imported if shared.importer else {},
    )


def _frame(shared: Lowering, program: ast.Program, include: Sequence[Path]) -> Frame:
    """The frame of the file itself: what it may import, what it binds further down."""
    shared.main = Scope(fallback=prelude)
    shared.importer = Importer(program, include, _bind_static, prelude)
    for statement in program.statements:
        for name in bound_names(statement):
            shared.later.setdefault(name.id, name.span)
        _note_inside(shared, statement)
    return Frame(shared, shared.main)


def _note_inside(shared: Lowering, statement: ast.AnyStatement) -> None:
    """Note the names that the body of a loop or a block binds."""
    if isinstance(statement, ast.Repeat | ast.Block):
        owner = "block" if isinstance(statement, ast.Block) else "loop"
        for name in (name for inner in statement.body for name in bound_names(inner)):
            shared.inside.setdefault(name.id, Inside(name.span, owner))


def _settings(
    frame: Frame, program: ast.Program
) -> tuple[DataSettings | None, TrainSettings | None]:
    trained = [v for v in frame.shared.params.values() if not v.frozen]
    data = train = None
    for statement in _single(frame, program):
        if isinstance(statement, ast.Data):
            data = read_data(frame, statement)
        else:
            train = read_train(frame, statement, trained)
    return data, train


_STATIC = ast.Const | ast.Dim | ast.Block | ast.Optimizer | ast.Import


def _bind_static(frame: Frame, program: ast.Program) -> None:
    for statement in program.statements:
        match statement:
            case ast.Import() if frame.shared.importer is not None:
                frame.shared.importer.bring(frame, statement)
            case ast.Dim():
                statements.declare_dims(frame, statement)
            case ast.Const():
                statements.lower_statement(frame, statement)
            case ast.Block():
                statements.warn_of_shadowing(frame, statement.name)
                _check_formals(frame, statement.formals)
                function = BlockFunction(statement, frame.scope)
                frame.bind(statement.name, function, "block")
            case ast.Optimizer():
                statements.warn_of_shadowing(frame, statement.name)
                _check_formals(frame, statement.formals)
                rule = OptimizerFunction(statement, frame.scope)
                frame.bind(statement.name, rule, "optimizer")


def _check_formals(frame: Frame, formals: tuple[ast.Formal, ...]) -> None:
    seen: dict[str, ast.Name] = {}
    for formal in formals:
        first = seen.setdefault(formal.name.id, formal.name)
        if first is not formal.name:
            more = [Label(first.span, "the first one", primary=False)]
            message = f"two arguments are called '{first.id}'"
            frame.error("E0339", message, formal.name.span, more=more)


@lru_cache(maxsize=1)
def prelude() -> Scope:
    """The scope of the prelude's files, read once a process."""
    scope = Scope()
    folder = files("graphdsl") / "prelude"
    for name in PRELUDE:
        path = folder / name
        text = path.read_text("utf-8")
        frame = Frame(Lowering(Builder(), Report(), {}, training=False), scope)
        _bind_static(frame, parse(Source(text, f"prelude/{name}")))
        assert not frame.shared.report.errors, frame.shared.report.errors
    return scope


def _check_overrides(frame: Frame, program: ast.Program) -> None:
    shared = frame.shared
    known = [s.name.id for s in program.statements if isinstance(s, ast.Const)]
    for name in shared.overrides:
        if name not in known:
            help = did_you_mean(name, known) or (
                [f"the constants here: {', '.join(known)}"] if known else []
            )
            message = f"the model has no constant '{name}'"
            shared.report.add(Diagnostic("E0305", message, (), tuple(help)))


def _check_l2(frame: Frame) -> None:
    shared = frame.shared
    for call in shared.l2_calls:
        for variable in shared.params.values():
            span = shared.declared[variable.name]
            node = shared.builder.nodes[variable.node]
            late = span.source is call.span.source and span.start > call.span.start
            counts = node.type.rank >= 2 and matches(variable.name, call.pattern)
            if late and counts and not variable.frozen:
                frame.error(
                    "E0303",
                    f"'{variable.name}' is declared after the l2 that it matches",
                    call.span,
                    more=[Label(span, "declared here", primary=False)],
                    help=["move the term below the parameters it sums over"],
                )


def _single(frame: Frame, program: ast.Program) -> list[ast.Data | ast.Train]:
    found: dict[type, ast.Data | ast.Train] = {}
    for statement in program.statements:
        if not isinstance(statement, ast.Data | ast.Train):
            continue
        first = found.setdefault(type(statement), statement)
        if first is not statement:
            word = "data" if isinstance(statement, ast.Data) else "train"
            more = [Label(first.span, "the first one", primary=False)]
            frame.error("E0338", f"a file has one '{word}' block", statement.span, more=more)
    return list(found.values())


def _check_whole(frame: Frame, program: ast.Program, train: TrainSettings | None) -> None:
    shared = frame.shared
    if not shared.names and not shared.report.errors and not program.statements:
        source = program.source
        message = f"{source.name} declares nothing"
        help = ("a model has inputs and something computed from them", "input x", "output y = x^2")
        shared.report.add(Diagnostic("E0315", message, (), help))
    if train is not None and not shared.report.errors:
        has_loss = any(r.role == "loss" for r in shared.results)
        span = next(s.span for s in program.statements if isinstance(s, ast.Train))
        trained = any(not v.frozen for v in shared.params.values())
        if not has_loss and (train.rule or not shared.writes):
            message, advice = "the model has no loss", "loss J = mean(…)"
        elif train.rule and not trained:
            message = "the model has no parameter that is not frozen"
            advice = "param W: [64, 10] ~ he_normal()"
        elif not train.rule and not shared.writes:
            message, advice = "'train' names no optimizer", "optimizer = adam(lr = 1e-3)"
        else:
            return
        frame.error("E0326", f"there is nothing to train: {message}", span, help=[advice])


def _graph(shared: Lowering) -> Graph:
    return Graph(
        nodes=tuple(shared.builder.nodes),
        names=dict(shared.names),
        inputs=tuple(x.id for x in shared.inputs.values()),
        params=tuple(shared.params.values()),
        states=tuple(shared.states.values()),
        results=tuple(shared.results),
        writes=tuple(shared.writes.values()),
        float=shared.builder.float,
        training=shared.training,
    )
