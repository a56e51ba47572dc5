"""What lowering carries along: the graph under construction, the reports, the current frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from graphdsl.compiler.lower.faults import check_constants, report_fault
from graphdsl.compiler.lower.scope import Binding, Scope
from graphdsl.compiler.lower.values import POISON, Poison, Value
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Level, Origin, Result, Variable, Write, tell_trail
from graphdsl.graph.op import Fault, Op
from graphdsl.graph.provenance import Entry
from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.language.diagnostics import Diagnostic, Label, Report
from graphdsl.language.source import Span

if TYPE_CHECKING:
    from graphdsl.compiler.lower.imports import Importer


MAX_EXPANSION = 20_000
"""Block calls and turns that a file may expand to; more is refused before it takes long."""

MAX_NODES = 150_000
"""Nodes after which no call is opened and no turn is written out."""


@dataclass(frozen=True, slots=True)
class L2Call:
    """A use of `l2(pattern)`, checked against parameters declared after it."""

    pattern: str
    span: Span


@dataclass(frozen=True, slots=True)
class Inside:
    """Where a name is bound in the body of a `repeat` or a `block`."""

    span: Span
    owner: str


@dataclass(slots=True)
class Lowering:
    """Everything one file's lowering shares between its frames."""

    builder: Builder
    report: Report
    overrides: Mapping[str, Any]
    training: bool
    mode_reads: int = 0
    """How often the mode, or what was decided by it, has been asked for."""
    broken: frozenset[str] = frozenset()
    """Words of statements that did not parse: what they would have bound is not known."""
    params: dict[str, Variable] = field(default_factory=dict)
    states: dict[str, Variable] = field(default_factory=dict)
    declared: dict[str, Span] = field(default_factory=dict)
    """Where each qualified parameter and state was declared."""
    names: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, Expr] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    writes: dict[str, Write] = field(default_factory=dict)
    l2_calls: list[L2Call] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    streams: dict[str, int] = field(default_factory=dict)
    """How often each name of a random stream has been given."""
    loops: dict[str, Span] = field(default_factory=dict)
    """The loops by the name that what they declare is named after."""
    expanded: int = 0
    """Calls and turns written out so far."""
    exhausted: bool = False
    """Whether that they are too many is reported: what is left is skipped in silence."""
    importer: Importer | None = None
    main: Scope | None = None
    """The scope of the model's own file."""
    settings: dict[tuple[str, str], Span] = field(default_factory=dict)
    """Where each `with` setting of a parameter was written."""
    later: dict[str, Span] = field(default_factory=dict)
    """The names of the file and where each is bound first, for uses that come too early."""
    inside: dict[str, Inside] = field(default_factory=dict)
    """The names that bodies of the file bind, and where first, for uses outside them."""
    written: dict[int, tuple[ast.Type, Frame]] = field(default_factory=dict)
    """The types of leaves as they are written, and where, for faults to tell of their sizes."""
    entries: dict[tuple[int, int], Entry] = field(default_factory=dict)
    """The axes that faults have followed back, and where each one's size entered the graph."""

    @property
    def float(self) -> DType:
        """The model's float."""
        return self.builder.float

    def may_expand(self, count: int) -> bool:
        """Whether that many more calls and turns may be written out."""
        small = self.expanded + count <= MAX_EXPANSION and len(self.builder.nodes) <= MAX_NODES
        return small and not self.exhausted


@dataclass(frozen=True, slots=True)
class Frame:
    """Where lowering stands: a scope, the prefix of qualified names, the calls that led here."""

    shared: Lowering
    scope: Scope
    prefix: str = ""
    trail: tuple[Level, ...] = ()
    active: tuple[ast.Block, ...] = ()
    call_names: Mapping[int, str] = field(default_factory=dict)
    """The names of the block calls in the current statement, by the id of the call's node."""
    statement: str = ""
    """The name that the current statement binds."""
    step_names: bool = False
    """Whether `t`, `epoch` and `total_steps` exist here."""
    turn: tuple[Frame, int] | None = None
    """Inside `repeat`: the frame outside it and the number of the turn."""
    collected: dict[str, list[Expr]] | None = None
    """Inside `repeat`: what its turns have collected."""
    cell: bool = False
    """Inside a call of a shared block: its parameters may be there already."""

    # --- reporting ---------------------------------------------------------------------------

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        text: str = "",
        *,
        more: Sequence[Label] = (),
        help: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> Poison:
        """Report an error at `span`; the value is `POISON`, to be returned in place of one."""
        labels = (Label(span, text), *more)
        trail = tell_trail(self.trail)
        found = Diagnostic(code, message, labels, tuple(help), trail, notes=tuple(notes))
        self.shared.report.add(found)
        return POISON

    def warn(self, code: str, message: str, span: Span, *, help: Sequence[str] = ()) -> None:
        """Report a warning at `span`."""
        trail = tell_trail(self.trail)
        self.shared.report.add(
            Diagnostic(code, message, (Label(span),), tuple(help), trail, "warning")
        )

    # --- building ----------------------------------------------------------------------------

    def apply(
        self,
        op: Op,
        operands: Sequence[tuple[Expr, ast.Expr]],
        attributes: Mapping[str, Any],
        span: Span,
        given: Mapping[str, Span] | None = None,
    ) -> Expr | Poison:
        """Apply `op`; what it has against its operands is reported where they stand, and against
        an attribute where it is `given`."""
        builder = self.shared.builder
        builder.origin = Origin(span, self.trail)
        try:
            made = builder.apply(op, [x for x, _ in operands], attributes)
            if op.check is not None:
                check_constants(op, [x for x, _ in operands], made)
            return made
        except Fault as fault:
            at = (given or {}).get(fault.attribute or "", span)
            return report_fault(self, fault, op, operands, attributes, at)

    # --- names -------------------------------------------------------------------------------

    def bind(
        self,
        name: ast.Name,
        value: Value,
        kind: str,
        span: Span | None = None,
        typed: ast.Type | None = None,
        by_mode: bool = False,
    ) -> None:
        """Bind a name in this frame's scope; a second binding is an error."""
        first = self.scope.own(name.id)
        if first is not None and first.kind == "carried" and kind == "op":
            first.value, first.span, first.kind = value, span or name.span, kind
            first.by_mode = by_mode
            return
        if first is not None:
            argument = first.kind == "argument"
            help = "each name stands for one node: choose another name for this one"
            if first.kind == "state":
                help = f"what goes from step to step is changed by 'update {name.id} = …'"
            place = "the argument of that name" if argument else "first bound here"
            self.error(
                "E0302",
                f"'{name.id}' is bound twice",
                name.span,
                "bound again here",
                more=[Label(first.span, place, primary=False)],
                help=[help],
            )
            return
        table = self.scope.bindings if kind in _STATIC else self.scope.nodes
        where = typed.span if typed else None
        table[name.id] = Binding(value, span or name.span, kind, typed=where, by_mode=by_mode)

    def qualified(self, name: str) -> str:
        """The name as seen from the whole model; a carried one is that of its turn, `o[3]`."""
        own = self.scope.own(name) if self.turn else None
        if self.turn is not None and own is not None and own.kind == "carried":
            outside, turn = self.turn
            return f"{outside.qualified(name)}[{turn}]"
        return self.prefix + name

    def stream_name(self, op: str) -> str:
        """The qualified name of a random node: that of the statement, the op, a number."""
        name = self.qualified(f"{self.statement}.{op}" if self.statement else op)
        taken = self.shared.streams
        taken[name] = taken.get(name, 0) + 1
        return name if taken[name] == 1 else f"{name}_{taken[name]}"

    def inside(self, **changes: Any) -> Frame:
        """The same frame with some of it changed."""
        return replace(self, **changes)


_STATIC = frozenset({"const", "dim", "block", "optimizer"})
