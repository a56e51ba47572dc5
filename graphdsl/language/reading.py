"""A path comes in, the `Source` of its text goes out, or a `ModelError` that names the file."""

from __future__ import annotations

from pathlib import Path

from graphdsl.language.diagnostics import Diagnostic, ModelError, did_you_mean
from graphdsl.language.source import MAX_SOURCE_BYTES, Source
from graphdsl.language.system_faults import reading_help


def read(path: Path) -> Source:
    """The text of the file at `path`, which must be UTF-8."""
    data = _bytes(path)
    if len(data) > MAX_SOURCE_BYTES:
        limit = f"{MAX_SOURCE_BYTES // 2**20} MiB"
        raise _fault("E0103", f"'{path}' is too large for a model file: more than {limit}")
    return Source(_text(path, data).removeprefix("\ufeff"), str(path), path)


def _fault(code: str, message: str, *help: str) -> ModelError:
    return ModelError(Diagnostic(code, message, help=help))


def _bytes(path: Path) -> bytes:
    """The file's bytes, one more than allowed at most."""
    try:
        if path.is_dir():
            raise _fault("E0101", f"'{path}' is a folder", *_models_in(path))
        if path.exists() and not path.is_file():
            raise _fault("E0101", f"'{path}' is not a file")
        with path.open("rb") as file:
            return file.read(MAX_SOURCE_BYTES + 1)
    except FileNotFoundError:
        raise _fault("E0101", f"there is no file '{path}'", *_near(path)) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        message = f"'{path}' cannot be read: {reason}"
        raise _fault("E0101", message, *reading_help(problem)) from None


def _models_in(folder: Path) -> tuple[str, ...]:
    names = sorted(one.name for one in folder.glob("*.gdl"))[:5]
    return (f"its model files: {', '.join(names)}",) if names else ()


def _near(path: Path) -> tuple[str, ...]:
    """The file beside it whose name is nearest."""
    try:
        names = [one.name for one in path.parent.glob("*.gdl")][:1000]
    except OSError:
        return ()
    return did_you_mean(path.name, names)


def _text(path: Path, data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _fault("E0102", f"'{path}' is UTF-16 text", "save it as UTF-8")
    if b"\0" in data[:8192]:
        place = _place(data, data.index(b"\0"))
        message = f"'{path}' is not text: it holds NUL bytes, the first at {place}"
        raise _fault("E0102", message, *_what_is_wanted(path))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        byte, place = data[problem.start], _place(data, problem.start)
        message = f"'{path}' is not UTF-8 text: it holds the byte 0x{byte:02x} at {place}"
        raise _fault("E0102", message, "save it as UTF-8") from None


def _place(data: bytes, offset: int) -> str:
    """A byte's line and column, both from 1; a column counts characters."""
    before = data[:offset]
    start = before.rfind(b"\n") + 1
    column = len(before[start:].decode("utf-8", errors="replace")) + 1
    return f"line {before.count(10) + 1}, column {column}"


def _what_is_wanted(path: Path) -> tuple[str, ...]:
    return () if path.suffix == ".gdl" else ("a model file is text and ends in .gdl",)
