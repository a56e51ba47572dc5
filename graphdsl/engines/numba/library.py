"""Compiled modules by their text: kept on disk, for this machine and these versions alone.

A text is written into a folder of the user's cache and imported from there, so that numba finds
what it has compiled before. Where nothing can be written, it is compiled for the process alone.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import stat
import sys
import tempfile
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import llvmlite.binding as llvm

from graphdsl.ops import scalars

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
    path = None if folder is None else _written(folder / f"graphdsl_{digest}.py", text)
    if path is None:
        made = ModuleType(f"graphdsl_{digest}")
        exec(compile(text, "<graphdsl kernels>", "exec"), vars(made))
        return made
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    sys.modules[path.stem] = made
    spec.loader.exec_module(made)
    return made


@cache
def _surroundings() -> hashlib.blake2b:
    """The digest of what machine code depends on besides its text: sources, versions, the
    processor."""
    versions = [importlib.metadata.version(name) for name in ("numba", "llvmlite", "numpy")]
    sources = [*sorted(_SOURCES.glob("*.py")), Path(scalars.__file__)]
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
    _clear(folder)
    return folder


def _written(path: Path, text: str) -> Path | None:
    """The file with the text, whole even where two processes write it at once."""
    try:
        if path.exists() and path.read_text(encoding="utf-8") == text:
            os.utime(path)
            return path
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
        os.replace(file.name, path)
    except OSError:
        return None
    return path


def _clear(folder: Path) -> None:
    """Remove the modules that were used least recently, and what was compiled of them."""
    files = sorted(folder.glob("graphdsl_*.py"), key=lambda path: path.stat().st_mtime)
    for path in files[: max(0, len(files) - KEPT)]:
        for found in [path, *folder.glob(f"__pycache__/{path.stem}*")]:
            found.unlink(missing_ok=True)
