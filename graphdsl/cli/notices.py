"""What a command says on stderr: lines for people, or, with `--json`, an event a line for programs.

An event is a JSON object with its kind under `event`: `note`, `warning` and `error` come from here,
those of a run under way from its listener.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from graphdsl.language.diagnostics import Diagnostic, render, to_json


def as_events(args: argparse.Namespace) -> bool:
    """Whether programs are listening."""
    return bool(getattr(args, "json", False))


def say(args: argparse.Namespace, text: str) -> None:
    """Something worth knowing."""
    if as_events(args):
        _write("note", message=text)
    else:
        print(text, file=sys.stderr)


def complain(args: argparse.Namespace, text: str) -> None:
    """What went wrong, where that is no diagnostic."""
    if as_events(args):
        _write("error", code=None, severity="error", message=text)
    else:
        print(text, file=sys.stderr)


def tell(args: argparse.Namespace, diagnostics: Sequence[Diagnostic]) -> None:
    """Diagnostics, in the form that is wanted."""
    if not as_events(args):
        report(diagnostics)
        return
    for plain in to_json(diagnostics):
        _write(plain["severity"], **plain)


def report(diagnostics: Sequence[Diagnostic]) -> None:
    """Diagnostics as text, in colour on a terminal."""
    color = use_color(sys.stderr)
    for diagnostic in diagnostics:
        print(render(diagnostic, color), end="\n\n", file=sys.stderr)
    errors = sum(one.severity == "error" for one in diagnostics)
    if errors > 1:
        print(f"{errors} errors", file=sys.stderr)


def use_color(stream: object) -> bool:
    """Whether colours are welcome: a terminal that knows them, and no NO_COLOR."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty())


def _write(event: str, **values: object) -> None:
    print(json.dumps({"event": event, **values}, ensure_ascii=False), file=sys.stderr, flush=True)
