"""All the phases, in order: a model's text comes in, schedules and programs for it go out.

No other file lists the phases. A `Compilation` keeps what it has compiled: a forward graph for
each mode, and a rewritten graph for each purpose; `session` binds sizes and runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from graphdsl import ops
from graphdsl.compiler.conditioning import gather
from graphdsl.compiler.differentiate import Mark, differentiate, expand_gradients
from graphdsl.compiler.direction import derive
from graphdsl.compiler.lower import Lowered, lower, read_overrides, verify_modes
from graphdsl.compiler.purpose import Purpose as Purpose
from graphdsl.compiler.recipe import PLAIN, Recipe, recipe_of, scaled_settings
from graphdsl.compiler.results import restricted
from graphdsl.compiler.rewrite import Fired, rewrite, stabilise
from graphdsl.compiler.slots import Slot, measured
from graphdsl.compiler.update import apply_updates
from graphdsl.engines.planning import Compiled as Compiled
from graphdsl.graph.graph import Graph, Result
from graphdsl.graph.layout import Layout, lay_out, regroup
from graphdsl.graph.sizes import symbol
from graphdsl.graph.types import DType, leading_symbol
from graphdsl.language import ast
from graphdsl.language.collector import paused_collector
from graphdsl.language.diagnostics import Diagnostic, GraphdslError, ModelError, UsageError, merge
from graphdsl.language.overriding import GivenSettings, override
from graphdsl.language.parser import parse_leniently
from graphdsl.language.source import Source

assert ops  # importing it declares the ops


@dataclass(slots=True)
class Compilation:
    """One model file with its overrides, compiled as far as has been asked for."""

    program: ast.Program
    constants: Mapping[str, Any] = field(default_factory=dict)
    float: DType = DType.f32
    include: Sequence[Path] = ()
    _lowered: dict[bool, Lowered] = field(default_factory=dict)
    _expanded: dict[bool, Graph] = field(default_factory=dict)
    _stable: dict[bool, Graph] = field(default_factory=dict)
    _stabilised: dict[bool, tuple[Graph, tuple[Fired, ...]]] = field(default_factory=dict)
    _compiled: dict[Purpose, Compiled] = field(default_factory=dict)
    _layout: Layout | None = None

    def lowered(self, training: bool = False) -> Lowered:
        """The file as lowered for one mode."""
        if training not in self._lowered:
            other = self._lowered.get(not training)
            if other is not None and not other.reads_training:
                graph = replace(other.graph, training=training)
                self._lowered[training] = replace(other, graph=graph)
            else:
                self._lowered[training] = self._lower(training)
        return self._lowered[training]

    def _lower(self, training: bool) -> Lowered:
        return lower(
            self.program, self.constants, float=self.float, training=training, include=self.include
        )

    def graph(self, training: bool = False) -> Graph:
        """The forward graph for one mode, every `grad` expanded; nothing rewritten yet."""
        if training not in self._expanded:
            self._expanded[training] = expand_gradients(self.lowered(training).graph)
        return self._expanded[training]

    def stable(self, training: bool = False) -> Graph:
        """The same, unstable formulas replaced before anything is differentiated: what runs."""
        if training not in self._stable:
            self._stable[training] = expand_gradients(self._stabilise(training)[0])
        return self._stable[training]

    def fired(self, training: bool = False) -> tuple[Fired, ...]:
        """The stability rules that have changed the model, where, and what they made."""
        return self._stabilise(training)[1]

    def _stabilise(self, training: bool) -> tuple[Graph, tuple[Fired, ...]]:
        if training not in self._stabilised:
            self._stabilised[training] = stabilise(self.lowered(training).graph)
        return self._stabilised[training]

    @property
    def layout(self) -> Layout:
        """Where parameters and states are stored: the same for both modes."""
        if self._layout is None:
            graph = self.lowered().graph
            self._layout = lay_out(graph, scaled_settings(graph.params, self.recipe))
        return self._layout

    @property
    def recipe(self) -> Recipe:
        """What the file's `train` block makes of the step."""
        train = self.lowered().train
        return recipe_of(train.values, train.scales) if train else PLAIN

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What there is to warn of: nothing is unused that one of the two modes uses."""
        both = [self.lowered(training).warnings for training in (False, True)]
        unused = {"W0101", "W0102", "W0103", "W0104"}
        seen = [d for d in both[0] if d.code not in unused or d in both[1]]
        return (*seen, *(d for d in both[1] if d.code not in unused and d not in seen))

    def swept(self, purpose: Purpose, mark: Mark | None = None) -> tuple[Graph, tuple[Slot, ...]]:
        """The graph with the sweeps a purpose asks for, before it is rewritten; `mark` sees the
        cotangents of a purpose that is gradients."""
        whole = self.stable(purpose.training)
        graph = restricted(whole, purpose.results, purpose.step)
        if purpose.step:
            return self._step(graph, purpose)
        if purpose.derivative:
            (name,) = purpose.wrt
            return derive(graph, purpose.derivative, whole.names[name]), ()
        if purpose.wrt:
            (result,) = graph.results
            wrt = [whole.names[name] for name in purpose.wrt]
            graph = differentiate(graph, result.node, wrt, mark)
            extra = [
                Result("output", f"∂{name}", gradient)
                for name, (_, gradient) in zip(purpose.wrt, graph.gradients, strict=True)
                if name not in self.layout.params
            ]
            graph = replace(graph, results=(*graph.results, *extra))
        return graph, ()

    def stepped(self) -> Graph:
        """The file's training step, forward, reverse and update, as it says it: nothing is
        rewritten, and the nodes of the forward graph keep their ids. Raises `UsageError` where
        there is none."""
        graph, purpose = self.graph(training=True), self.step_purpose()
        losses = tuple(r for r in graph.results if r.name in purpose.results)
        step, _ = self._step(replace(graph, results=losses), purpose)
        return replace(step, results=graph.results)

    def _step(self, graph: Graph, purpose: Purpose) -> tuple[Graph, tuple[Slot, ...]]:
        train = self.lowered(training=True).train
        rule = train.rule if train else None
        if rule is None:
            return graph, ()
        layout = regroup(self.layout, scaled_settings(graph.params, purpose.recipe))
        if purpose.stage == "apply":
            bare = replace(graph, results=(), writes=())
            return apply_updates(bare, rule, layout, purpose.recipe)
        (loss,) = graph.results
        trained = [v.node for v in graph.params if not v.frozen]
        swept = differentiate(graph, loss.node, trained)
        if purpose.stage == "whole":
            return apply_updates(swept, rule, layout, purpose.recipe)
        rows = leading_symbol([graph.nodes[id].type for id in self.graph().inputs])
        return gather(swept, self.layout, 1 if rows is None else symbol(rows))

    def compiled(self, purpose: Purpose) -> Compiled:
        """The rewritten graph for a purpose."""
        if purpose not in self._compiled:
            with paused_collector():
                graph, slots = self.swept(purpose)
                handed = [graph]
                del graph  # let go once the first pass has read it, like what one hands to another
                graph = rewrite(handed.pop())
                stored = measured(slots, graph)
                self._compiled[purpose] = Compiled(graph, self.layout, stored, purpose.recipe)
        return self._compiled[purpose]

    def step_purpose(self, recipe: Recipe | None = None) -> Purpose:
        """The purpose of a training step, by default as the file has it; raises `UsageError`
        where there is none."""
        lowered = self.lowered(training=True)
        loss, rule = lowered.graph.loss, lowered.train and lowered.train.rule
        if rule is not None and loss is not None:
            return Purpose((loss.name,), training=True, step=True, recipe=recipe or self.recipe)
        if rule is None and lowered.graph.writes:
            return Purpose((loss.name,) if loss else (), training=True, step=True)
        help = (
            "add a loss: loss J = mean(…)"
            if loss is None
            else "name an optimizer: train { optimizer = adam(lr = 1e-3) }"
        )
        raise UsageError(Diagnostic("E0801", "this model says no way to train it", (), (help,)))


def compile_source(
    source: Source,
    constants: Mapping[str, Any] | None = None,
    float: DType = DType.f32,
    include: Sequence[Path] = (),
    settings: GivenSettings | None = None,
) -> Compilation:
    """Parse and lower a file, both modes; raises `ModelError` with every fault, and `UsageError`
    for overrides that are no constants or no settings."""
    with paused_collector():
        program, faults = parse_leniently(source)
        program = override(program, settings or GivenSettings())
        compilation = Compilation(program, read_overrides(constants or {}), float, include)
        if faults:
            raise ModelError(merge(faults, _faults_beside(compilation, len(faults))))
        verify_modes(compilation.lowered(), compilation.lowered(training=True))
    return compilation


def _faults_beside(compilation: Compilation, syntax_errors: int) -> tuple[Diagnostic, ...]:
    """What else is wrong with the statements that did parse; nothing of a file that is hardly
    a program."""
    if syntax_errors > MAX_SYNTAX_ERRORS:
        return ()
    try:
        compilation.lowered()
    except ModelError as error:
        return error.diagnostics
    return ()


MAX_SYNTAX_ERRORS = 20
"""Syntax errors beyond which the rest of a file is not looked at."""


def check(
    source: Source,
    constants: Mapping[str, Any] | None = None,
    float: DType = DType.f32,
    include: Sequence[Path] = (),
) -> tuple[Diagnostic, ...]:
    """Every diagnostic of a file, errors or else warnings, down to its training step."""
    return compile_checked(source, constants, float, include)[1]


def compile_checked(
    source: Source,
    constants: Mapping[str, Any] | None = None,
    float: DType = DType.f32,
    include: Sequence[Path] = (),
    settings: GivenSettings | None = None,
) -> tuple[Compilation | None, tuple[Diagnostic, ...]]:
    """The file, None if it has errors, and every diagnostic that `check` gives."""
    try:
        compilation = compile_source(source, constants, float, include, settings)
        train = compilation.lowered(training=True).train
        if train is not None:
            compilation.compiled(compilation.step_purpose())
    except GraphdslError as error:
        return None, error.diagnostics
    return compilation, compilation.warnings


def initial_values(compilation: Compilation) -> tuple[Compiled, Sequence[str]] | None:
    """The program that computes initial values given as expressions, and whose they are."""
    graph = compilation.graph()
    filled = [v for v in (*graph.params, *graph.states) if v.init.fill is not None]
    if not filled:
        return None
    results = tuple(Result("output", v.name, v.init.fill or 0) for v in filled)
    bare = replace(restricted(graph, (), False), results=results)
    return Compiled(rewrite(bare), compilation.layout), [v.name for v in filled]
