"""`from "file" import names`: whole declarations from files beside the model, never text.

An imported file gives its blocks, optimizers and constants. Paths stay in the model's folder, or
in a folder that `--include` names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from graphdsl.compiler.lower.context import Frame
from graphdsl.compiler.lower.scope import Scope
from graphdsl.compiler.lower.values import POISON
from graphdsl.graph.graph import Level
from graphdsl.language import ast
from graphdsl.language.diagnostics import ModelError, did_you_mean
from graphdsl.language.parser import parse
from graphdsl.language.source import Source, read_source
from graphdsl.language.walk import bound_names

MAX_DEPTH = 50
"""Files that import one another in a chain; a longer one has no reader."""

BindStatic = Callable[[Frame, ast.Program], None]


@dataclass(slots=True)
class Importer:
    """Finds, reads and remembers the files that a model imports from."""

    model: ast.Program
    include: Sequence[Path]
    bind_static: BindStatic
    fallback: Callable[[], Scope]
    scopes: dict[Path, Scope | None] = field(default_factory=dict)
    """What each file declares; None for one whose text has faults."""
    programs: dict[Path, ast.Program] = field(default_factory=dict)
    """The files read, as they are written."""
    named: dict[str, Path] = field(default_factory=dict)
    """The files by the paths that imports name them by."""
    active: list[tuple[Path, ast.Program]] = field(default_factory=list)
    """The files that are being read, each imported by the one before it."""

    def __post_init__(self) -> None:
        """The model's own file is being read all along."""
        if self.model.source.path is not None:
            self.active.append((self.model.source.path.resolve(), self.model))

    @property
    def folder(self) -> Path | None:
        """The folder of the model's file."""
        path = self.model.source.path
        return path.resolve().parent if path is not None else None

    def bring(self, frame: Frame, statement: ast.Import) -> None:
        """Bind the names that one import brings."""
        scope = self._scope(frame, statement)
        for name in statement.names:
            found = scope.bindings.get(name.id) if scope is not None else None
            if scope is not None and found is None:
                self._not_there(frame, statement, name, scope)
            if found is None and frame.scope.own(name.id) is None and not self._declares(name):
                frame.bind(name, POISON, "block")  # its fault has been told
            if found is not None and name.id not in frame.scope.bindings:
                frame.scope.bindings[name.id] = found
            elif found is not None:
                frame.bind(name, found.value, found.kind)

    def _declares(self, name: ast.Name) -> bool:
        """Whether the file that is being read binds a name as well: then it imports itself."""
        program = self.active[-1][1] if self.active else self.model
        return any(
            name.id == own.id
            for statement in program.statements
            if not isinstance(statement, ast.Import)
            for own in bound_names(statement)
        )

    def _not_there(self, frame: Frame, statement: ast.Import, name: ast.Name, scope: Scope) -> None:
        known = ", ".join(scope.bindings) or "nothing that can be imported"
        frame.error(
            "E0331",
            f"'{statement.path.value}' declares no '{name.id}'",
            name.span,
            help=did_you_mean(name.id, scope.bindings) or [f"it declares {known}"],
        )

    @property
    def imported(self) -> dict[str, ast.Program]:
        """Every file imported, however far down, by the path that names it."""
        return {n: self.programs[path] for n, path in sorted(self.named.items())}

    def _scope(self, frame: Frame, statement: ast.Import) -> Scope | None:
        path = self._path(frame, statement)
        if path is None:
            return None
        if path in [active for active, _ in self.active]:
            self._report_circle(frame, statement, path)
            return None
        if path not in self.scopes and len(self.active) >= MAX_DEPTH:
            message = f"imports are nested more than {MAX_DEPTH} deep"
            help = ["import from the file that declares the names"]
            frame.inside(trail=()).error("E0337", message, statement.span, help=help)
            return None
        if path not in self.scopes:
            self.scopes[path] = self._read(frame, statement, path)
        return self.scopes[path]

    def _report_circle(self, frame: Frame, statement: ast.Import, path: Path) -> None:
        active = [active for active, _ in self.active]
        chain = [*active[active.index(path) :], path]
        message = f"imports go round in a circle: {' imports '.join(p.name for p in chain)}"
        help = ["move what they need of each other into a file that imports none of them"]
        if len(chain) == 2:
            message, help = f"'{path.name}' imports itself", ["leave the import out"]
        frame.error("E0332", message, statement.span, help=help)

    def _read(self, frame: Frame, statement: ast.Import, path: Path) -> Scope | None:
        scope = Scope(fallback=self.fallback)
        try:
            program = self.programs[path] = parse(self._called(read_source(path)))
        except ModelError as error:
            for diagnostic in error.diagnostics:
                frame.shared.report.add(diagnostic)
            return None
        self.active.append((path, program))
        trail = (*frame.trail, Level(statement.span, f"imported from '{statement.path.value}'"))
        self.bind_static(frame.inside(scope=scope, prefix="", trail=trail), program)
        self.active.pop()
        return scope

    def _called(self, source: Source) -> Source:
        """The source under a name like the model's: from where the reader stands, if it can be."""
        shown = {folder.resolve(): folder for folder in self.include}
        if self.folder is not None:
            shown[self.folder] = Path(self.model.source.name).parent
        for folder, name in shown.items():
            if source.path is not None and source.path.is_relative_to(folder):
                return replace(source, name=str(name / source.path.relative_to(folder)))
        return source

    def _path(self, frame: Frame, statement: ast.Import) -> Path | None:
        """The file that an import names, inside a folder it may come from."""
        written, span = statement.path.value, statement.path.span
        if self.folder is None and not self.include:
            help = ["load the model from a file, or name a folder to import from"]
            frame.error("E0333", "a text that is no file imports nothing", span, help=help)
            return None
        pure = PurePosixPath(written.replace("\\", "/"))
        if pure.is_absolute() or ".." in pure.parts or ":" in written or "\0" in written:
            help = ["imports come from the model's folder or from --include DIR"]
            frame.error("E0334", f"'{written}' leaves the model's folder", span, help=help)
            return None
        for folder in ([self.folder] if self.folder else []) + list(self.include):
            found = (folder / pure).resolve()
            if not found.exists():
                continue
            if not found.is_relative_to(folder.resolve()):
                frame.error(
                    "E0334",
                    f"'{written}' is a link that leaves the model's folder",
                    span,
                    help=["copy the file, or allow its folder with --include DIR"],
                )
                return None
            self.named[str(pure)] = found
            return found
        self._report_missing(frame, statement)
        return None

    def _report_missing(self, frame: Frame, statement: ast.Import) -> None:
        beside = sorted(p.name for p in self.folder.glob("*.gdl")) if self.folder else []
        written = statement.path.value
        unended = written and not PurePosixPath(written).suffix
        example = f"its ending belongs to it: '{written}.gdl'; " if unended else ""
        frame.error(
            "E0335",
            f"there is no file '{written}'",
            statement.path.span,
            help=did_you_mean(written, beside)
            or [f"{example}imports come from beside the model's file"],
        )
