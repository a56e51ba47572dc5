"""What lowering carries along: the graph under construction, the reports, the current frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphdsl.compiler.lower.scope import Binding, Scope
from graphdsl.compiler.lower.values import POISON, Poison, Value
from graphdsl.graph.build import Builder, Expr
from graphdsl.graph.graph import Origin, Result, Variable, Write
from graphdsl.graph.op import Fault, Op
from graphdsl.graph.types import DType
from graphdsl.language import ast
from graphdsl.language.diagnostics import Diagnostic, Label, Report, Trail
from graphdsl.language.source import Span


@dataclass(frozen=True, slots=True)
class L2Call:
    """A use of `l2(pattern)`, checked against parameters declared after it."""

    pattern: str
    span: Span


@dataclass(slots=True)
class Lowering:
    """Everything one file's lowering shares between its frames."""

    builder: Builder
    report: Report
    overrides: Mapping[str, Any]
    training: bool
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
    sizes_from: dict[int, Span] = field(default_factory=dict)

    @property
    def float(self) -> DType:
        """The model's float."""
        return self.builder.float


@dataclass(frozen=True, slots=True)
class Frame:
    """Where lowering stands: a scope, the prefix of qualified names, the calls that led here."""

    shared: Lowering
    scope: Scope
    prefix: str = ""
    trail: tuple[tuple[Span, str], ...] = ()
    active: tuple[ast.Block, ...] = ()
    call_names: Mapping[int, str] = field(default_factory=dict)
    """The names of the block calls in the current statement, by the id of the call's node."""
    step_names: bool = False
    """Whether `t`, `epoch` and `total_steps` exist here."""

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
    ) -> Poison:
        """Report an error at `span`; the value is `POISON`, to be returned in place of one."""
        labels = (Label(span, text), *more)
        trail = tuple(Trail(*step) for step in self.trail)
        self.shared.report.add(Diagnostic(code, message, labels, tuple(help), trail))
        return POISON

    def warn(self, code: str, message: str, span: Span, *, help: Sequence[str] = ()) -> None:
        """Report a warning at `span`."""
        trail = tuple(Trail(*step) for step in self.trail)
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
    ) -> Expr | Poison:
        """Apply `op`; what it has against its operands is reported where they stand."""
        builder = self.shared.builder
        builder.origin = Origin(span, self.trail)
        try:
            return builder.apply(op, [x for x, _ in operands], attributes)
        except Fault as fault:
            return self._fault(fault, operands, span)

    def _fault(self, fault: Fault, operands: Sequence[tuple[Expr, ast.Expr]], span: Span) -> Poison:
        more, said = [], []
        for value, expr in operands:
            declared = self._declaration(expr)
            what = f"{expr.span.text if len(expr.span.text) <= 24 else 'this'} is {value.type}"
            if declared is not None and declared.line != span.line:
                more.append(Label(declared, what, primary=False))
            else:
                said.append(what)
        help = (fault.help,) if fault.help else ()
        return self.error(fault.code, fault.message, span, " and ".join(said), more=more, help=help)

    def _declaration(self, expr: ast.Expr) -> Span | None:
        if isinstance(expr, ast.Name):
            binding = self.scope.find(expr.id)
            return binding.span if binding else None
        return None

    # --- names -------------------------------------------------------------------------------

    def bind(self, name: ast.Name, value: Value, kind: str, span: Span | None = None) -> None:
        """Bind a name in this frame's scope; a second binding is an error."""
        first = self.scope.own(name.id)
        if first is not None:
            self.error(
                "E0302",
                f"'{name.id}' is bound twice",
                name.span,
                "bound again here",
                more=[Label(first.span, "first bound here", primary=False)],
                help=["each name stands for one node: choose another name for this one"],
            )
            return
        table = self.scope.bindings if kind in _STATIC else self.scope.nodes
        table[name.id] = Binding(value, span or name.span, kind)

    def qualified(self, name: str) -> str:
        """The name as seen from the whole model."""
        return self.prefix + name

    def inside(self, **changes: Any) -> Frame:
        """The same frame with some of it changed."""
        return replace(self, **changes)


_STATIC = frozenset({"const", "dim", "block", "optimizer"})
