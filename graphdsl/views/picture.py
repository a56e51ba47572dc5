"""From DOT to a picture: a drawing's text comes in, a file goes out, written whole or not at all.

The work is Graphviz's, in a process of its own with a limit on its time: the program `dot` where
there is one, else the one inside pygraphviz's wheels (extra `render`). Both are shown the system's
fonts and one of ours, since a bare machine has none and would write boxes for letters.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import escape

from graphdsl.language.diagnostics import DataError, Diagnostic, UsageError, did_you_mean
from graphdsl.training.files import verify_folder, write_bytes, write_text

FORMATS = ("svg", "png", "pdf", "dot")
LIMIT_S = 60
"""Seconds a layout may take."""
DPI = 160
"""Of PNG files: text stays sharp on a projector."""

NO_GRAPHVIZ = "this machine has no Graphviz"

FONT_FOLDERS = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts"),
    *("/System/Library/Fonts", "/Library/Fonts", "WINDOWSFONTDIR"),
)

_WORKER = """
import sys, pygraphviz
drawing = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
drawing.graph_attr["dpi"] = sys.argv[2]
sys.stdout.buffer.write(drawing.draw(format=sys.argv[1], prog="dot"))
"""


class NotDrawn(Exception):
    """Why there is no picture, where no file was to hold it."""


def draw_svg(text: str) -> bytes:
    """The drawing `text` as SVG; raises `NotDrawn` where this machine cannot lay it out."""
    command = _command("svg")
    if command is None:
        raise NotDrawn(NO_GRAPHVIZ)
    return _lay_out(command, text)


def check_path(path: Path) -> str:
    """The format of a picture by its name; raises `UsageError` for an unknown one, `DataError`
    where there is no such folder."""
    format = path.suffix.lower().removeprefix(".")
    if format not in FORMATS:
        hint = did_you_mean(format, FORMATS) if format else ()
        help = (*hint, f"name a file that ends in {', '.join('.' + f for f in FORMATS)}")
        said = f"there is no picture format '{format}'" if format else "a picture needs a format"
        raise UsageError(Diagnostic("E0822", f"'{path}': {said}", (), help))
    verify_folder(path)
    return format


def write_picture(path: Path, text: str) -> None:
    """Write the drawing `text` as the format that `path` names.

    Raises `UsageError` for an unknown format and `DataError` where it cannot be drawn or written.
    """
    format = check_path(path)
    if format == "dot":
        write_text(path, text)
        return
    command = _command(format)
    if command is None:
        raise _no_tool(path, text)
    write_bytes(path, _drawn(command, path, text))


def _command(format: str) -> list[str] | None:
    """The command that reads DOT and writes a picture, if this machine has one."""
    if dot := shutil.which("dot"):
        return [dot, f"-T{format}", f"-Gdpi={_dpi(format)}"]
    if sys.executable and find_spec("pygraphviz"):
        # -P: nothing in the folder we are in is imported in pygraphviz's place
        return [sys.executable, "-P", "-c", _WORKER, format, str(_dpi(format))]
    return None


def _dpi(format: str) -> int:
    return DPI if format == "png" else 72


def _drawn(command: list[str], path: Path, text: str) -> bytes:
    """The picture; raises `DataError`, with the drawing's text beside it, if there is none."""
    try:
        return _lay_out(command, text)
    except NotDrawn as why:
        dot = _beside(path, text)
        help = (f"the drawing's text is in {dot}, for another tool or a smaller picture",)
        message = f"'{path}' could not be drawn: {why}"
        raise DataError(Diagnostic("E0825", message, (), help)) from None


def _lay_out(command: list[str], text: str) -> bytes:
    """What the command makes of a drawing's text; raises `NotDrawn`."""
    with _fonts() as environment:
        try:
            done = subprocess.run(
                command,
                input=text.encode(),
                capture_output=True,
                timeout=LIMIT_S,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotDrawn(f"the layout took more than {LIMIT_S} s") from None
        except OSError as problem:
            raise NotDrawn(problem.strerror or str(problem)) from None
    if done.returncode == 0 and done.stdout:
        return done.stdout
    said = done.stderr.decode(errors="replace").strip().splitlines()
    raise NotDrawn(said[-1] if said else f"Graphviz ended with {done.returncode}")


def _no_tool(path: Path, text: str) -> DataError:
    dot = _beside(path, text)
    message = f"'{path}' was not drawn: {NO_GRAPHVIZ}"
    help = (
        "install it: pip install 'graphdsl-lang[render]', or the system's package graphviz",
        f"the drawing's text is in {dot}; any Graphviz viewer shows it",
    )
    return DataError(Diagnostic("E0824", message, (), help))


def _beside(path: Path, text: str) -> Path:
    dot = path.with_suffix(".dot")
    write_text(dot, text)
    return dot


@contextlib.contextmanager
def _fonts() -> Iterator[Mapping[str, str]]:
    """An environment in which Graphviz finds the system's fonts and ours.

    Old fontconfigs write into the folders they read fonts from, and so are shown a copy; what they
    remember of it is forgotten with it, and what is remembered of the system's fonts is read.
    """
    if os.environ.get("FONTCONFIG_FILE"):
        yield os.environ
        return
    with (
        as_file(files("graphdsl") / "views" / "fonts") as ours,
        tempfile.TemporaryDirectory(prefix="graphdsl-") as folder,
    ):
        copied, config = Path(folder) / "fonts", Path(folder) / "fonts.conf"
        shutil.copytree(ours, copied)
        listed = "".join(f"<dir>{escape(str(each))}</dir>" for each in (*FONT_FOLDERS, copied))
        listed += f"<cachedir>{escape(folder)}/cache</cachedir>"
        config.write_text(
            f'<?xml version="1.0"?><fontconfig>{listed}'
            "<cachedir>/var/cache/fontconfig</cachedir>"
            '<cachedir prefix="xdg">fontconfig</cachedir></fontconfig>',
            encoding="utf-8",
        )
        yield {**os.environ, "FONTCONFIG_FILE": str(config)}
