"""Compiled modules by their text: kept on disk, for this machine and these versions alone.

A text is written into a folder of the user's cache and runs as if it came from there, so that numba
finds what it has compiled before. Where nothing can be written, it is compiled for the process
alone.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import stat
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType

import llvmlite.binding as llvm

from graphdsl.ops import scalars, unit_arrays

KEPT = 200
"""Modules that are kept on disk; the least recently used go."""

_SOURCES = Path(__file__).parent


def load(text: str) -> ModuleType:
    """The module of a text; the same text gives the same one."""
    digest = _surroundings().copy()
    digest.update(text.encode())
    return _load(digest.hexdigest(), text)


@cache
def load_file(name: str) -> ModuleType:
    """The module of a file of this folder."""
    return load(read(name))


@cache
def read(name: str) -> str:
    """The text of a file of this folder."""
    return (_SOURCES / name).read_text(encoding="utf-8")


@cache
def _load(digest: str, text: str) -> ModuleType:
    folder = _folder()
    made = ModuleType(f"graphdsl_{digest}")
    path = None if folder is None else _written(folder / f"{made.__name__}.py", text)
    if path is not None:
        made.__file__ = str(path)
        sys.modules[made.__name__] = made
    # not imported: byte code that lies beside the file may be damaged
    exec(compile(text, str(path or "<graphdsl kernels>"), "exec"), vars(made))
    return made


@cache
def _surroundings() -> hashlib.blake2b:
    """The digest of what machine code depends on besides its text: sources, versions, the
    processor."""
    versions = [importlib.metadata.version(name) for name in ("numba", "llvmlite", "numpy")]
    borrowed = [Path(module.__file__ or "") for module in (scalars, unit_arrays)]
    sources = [*sorted(_SOURCES.glob("*.py")), *borrowed]
    texts = [path.read_text(encoding="utf-8") for path in sources]
    features = llvm.get_host_cpu_features().flatten()
    parts = [*versions, platform.python_version(), llvm.get_host_cpu_name(), features, *texts]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16)


@cache
def _folder() -> Path | None:
    """The folder of kept modules, this user's alone; None where there can be none."""
    given = os.environ.get("GRAPHDSL_CACHE")
    root = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(given) if given else Path(root) / "graphdsl"
    try:
        folder = folder / "numba"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        if hasattr(os, "getuid") and found.st_uid != os.getuid():
            return None
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):  # others could put code there
            return None
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        return None
    with suppress(OSError):  # another process clears at the same time
        _clear(folder)
    return folder


def _written(path: Path, text: str) -> Path | None:
    """The file with the text, whole even where two processes write it at once."""
    try:
        if path.exists() and path.read_bytes() == text.encode():
            # that it was used is noted where numba does not look for a change of the text
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
            return path
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            made = Path(file.name)
            try:
                file.write(text.encode())
                file.flush()
                os.replace(made, path)
            finally:  # of what was broken off nothing stays
                made.unlink(missing_ok=True)
    except OSError:
        return None
    return path


def _clear(folder: Path) -> None:
    """Remove the modules that were used least recently, and what was compiled of them."""
    files = sorted(folder.glob("graphdsl_*.py"), key=lambda path: path.stat().st_atime_ns)
    for path in files[: max(0, len(files) - KEPT)]:
        for found in [path, *folder.glob(f"__pycache__/{path.stem}*")]:
            found.unlink(missing_ok=True)
