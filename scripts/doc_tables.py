"""The smaller references: settings, initial values, commands, the prelude and the codes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from importlib import import_module, resources
from textwrap import fill

from doc_ops import escaped
from graphdsl.cli import COMMANDS
from graphdsl.driver import check
from graphdsl.language import ast
from graphdsl.language.codes import CHAPTERS, Code
from graphdsl.language.parser import parse
from graphdsl.language.printer import format_expr
from graphdsl.language.settings import DATA, KINDS, TRAIN, Setting
from graphdsl.language.source import Source
from graphdsl.language.tokens import KEYWORDS
from graphdsl.ops.initial import INITIALIZERS

PRELUDE = "graphdsl/prelude"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *escaped))


def keywords() -> str:
    """The words that are no names."""
    return (
        fill(" ".join(f"`{word}`" for word in sorted(KEYWORDS)), 96, break_on_hyphens=False) + "."
    )


def settings_table(block: Sequence[Setting]) -> str:
    """The settings of one block."""
    rows = [[f"`{s.key}`", KINDS[s.kind], _default(s.default), s.doc] for s in block]
    return table(("key", "value", "if left out", "meaning"), rows)


def _default(value: object) -> str:
    if value is None:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def initializers() -> str:
    """What may follow `~`."""
    rows = [
        [f"`{one.name}({', '.join(f'{k} = {v:g}' for k, v in one.arguments.items())})`", one.doc]
        for one in INITIALIZERS.values()
    ]
    return table(("written", "draws"), rows)


def commands() -> str:
    """Every command with its arguments and options."""
    parts = []
    for name, does in COMMANDS.items():
        parser = argparse.ArgumentParser(prog=f"graphdsl {name}", add_help=False)
        import_module(f"graphdsl.cli.{name}").configure(parser)
        rows = [[f"`{_written(action)}`", action.help or ""] for action in parser._actions]
        parts.append(f"### graphdsl {name}\n\n{does[0].upper()}{does[1:]}.")
        parts.append(table(("argument", "meaning"), rows))
    return "\n\n".join(parts)


def _written(action: argparse.Action) -> str:
    """An argument as it is written: `-o PICTURE`, `--quiet`, `FILE …`."""
    values = "|".join(map(str, action.choices)) if action.choices else ""
    value = action.metavar if isinstance(action.metavar, str) else values or action.dest.upper()
    if not action.option_strings:
        return f"{value} …" if action.nargs in ("*", "+") else value
    names = ", ".join(action.option_strings)
    return names if action.nargs == 0 else f"{names} {value}"


def data_settings() -> str:
    """The settings of `data`."""
    return settings_table(DATA)


def train_settings() -> str:
    """The settings of `train`."""
    return settings_table(TRAIN)


def prelude_page() -> str:
    """Every declaration of the prelude, with its text."""
    parts = [
        "# The prelude\n\nGenerated from the prelude's files by `scripts/make_docs.py`.\n\n"
        "These declarations are known in every model. They are written in the language itself: "
        "copy one\ninto your own file, under another name, and change it."
    ]
    folder = resources.files("graphdsl") / "prelude"
    for path in sorted(folder.iterdir(), key=lambda one: one.name):
        if path.name.endswith(".gdl"):
            parts += _prelude_file(path.name, path.read_text("utf-8"))
    return "\n\n".join(parts) + "\n"


def _prelude_file(name: str, text: str) -> Iterator[str]:
    program = parse(Source(text, name))
    title = name.removesuffix(".gdl").capitalize()
    doc = " ".join((program.doc or "").split()).removeprefix(f"{title}: ")
    yield f"## {title}\n\n{fill(doc[:1].upper() + doc[1:], 100)}"
    for statement in program.statements:
        if isinstance(statement, ast.Block | ast.Optimizer | ast.Const):
            title = statement.name.id
            if not isinstance(statement, ast.Const):
                title = f"{title}({', '.join(map(_formal, statement.formals))})"
            source = text[statement.span.start : statement.span.end]
            code = sorted({d.code for d in check(Source(f"{source}\n"))})
            note = f"<!-- warning: {' '.join(code)} -->\n" if code else ""
            yield f"### {statement.name.id}\n\n`{title}`\n\n{escaped(statement.doc or '')}".rstrip()
            yield f"{note}```gdl\n{source}\n```"


def _formal(formal: ast.Formal) -> str:
    default = f" = {format_expr(formal.default)}" if formal.default is not None else ""
    return f"{formal.name.id}{default}"


def errors_page() -> str:
    """The catalogue of codes."""
    parts = [
        "# Errors and warnings\n\nGenerated from the catalogue in `graphdsl/language/codes` by "
        "`scripts/make_docs.py`.\n\nA message begins with its code, which is stable: `E` stops a "
        "model, `W` warns. All errors of a file\nare reported at once, in the order of the text. "
        "Where a program shows the fault, the one below it\nshows the remedy."
    ]
    parts += [
        "\n".join(f"- [{name}](#{name.lower().replace(' ', '-')})" for name in CHAPTERS),
    ]
    for name, chapter in CHAPTERS.items():
        parts.append(f"## {name}")
        parts += [_code(code, entry) for code, entry in chapter.items()]
    return "\n\n".join(parts) + "\n"


def _code(code: str, entry: Code) -> str:
    parts = [
        f"### {code}: {entry.title}",
        fill(f"{entry.why} {entry.mend}", 100, break_on_hyphens=False),
    ]
    if entry.bad:
        kind = "error" if code.startswith("E") else "warning"
        parts.append(f"<!-- {kind}: {code} -->\n```gdl\n{entry.bad}\n```")
    if entry.good:
        parts.append(f"```gdl\n{entry.good}\n```")
    return "\n\n".join(parts)
