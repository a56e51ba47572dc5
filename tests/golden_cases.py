"""Golden cases: files beside one another and commands, whose errors are the expectation.

A `.case` is a text of parts, each below a line `-- NAME --`. What is called `commands` is run last,
one `graphdsl …` a line; `session.py` is Python whose last error is the expectation; `prepare.py` is
Python that runs first and makes what is no text, with `np`, `Path` and `monkeypatch` at hand; every
other part is written as the file of its name, into a folder of the case's own.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.cli import main

PART = re.compile(r"^-- (\S+) --\n", re.MULTILINE)
PROGRAMS = ("commands", "session.py", "prepare.py")
MACHINE = re.compile(r"this machine has [\d,]*\d(, of which [\d,]*\d are free)?")


def parts(text: str) -> dict[str, str]:
    """The parts of a case by name."""
    pieces = PART.split(text)
    assert not pieces[0], "a case begins with a line '-- NAME --'"
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def play(
    case: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: Callable[[], str],
) -> str:
    """What the commands or the session of a case say on stderr, and how they end.

    `said` gives what was written to stderr since it was last asked.
    """
    given = parts(case.read_text(encoding="utf-8"))
    monkeypatch.chdir(folder)
    for name, text in given.items():
        if name not in PROGRAMS:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text, encoding="utf-8", newline="\n")
    names = {"np": np, "Path": Path, "monkeypatch": monkeypatch, "graphdsl": graphdsl}
    exec(compile(given.get("prepare.py", ""), "prepare.py", "exec"), names)
    if "session.py" in given:
        told = _play_session(given["session.py"], names)
    else:
        told = "\n".join(_call(line, said) for line in given["commands"].splitlines())
    return MACHINE.sub("this machine has …", told.replace(str(folder), "FOLDER"))


def _call(line: str, said: Callable[[], str]) -> str:
    """A command's stderr and exit status below the command."""
    words = shlex.split(line)
    assert words[0] == "graphdsl"
    said()
    code = main(words[1:])
    return f"$ {line}\n{said().rstrip()}\nexit status {code}\n"


def _play_session(text: str, names: dict[str, Any]) -> str:
    """The error that ends a session."""
    with pytest.raises(graphdsl.GraphdslError) as caught:
        exec(compile(text, "session.py", "exec"), names)
    return f"{type(caught.value).__name__}: {caught.value}\n"
