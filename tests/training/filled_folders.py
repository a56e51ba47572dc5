"""A folder that tests fill, with what stands in it then."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from graphdsl.training import leftovers, new_folder
from graphdsl.training.files import make_folder, write_text

NAMES = ["m.gdl", "parts/a.gdl", "parts/b.gdl", "maybe", "last.json"]
WRITTEN = {name: name * 999 for name in NAMES if name != "maybe"}
KILLED = 9


def fill(folder: Path) -> str:
    for name, text in WRITTEN.items():
        make_folder((folder / name).parent)
        write_text(folder / name, text)
    return "filled"


def files(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in found}


def make(place: Path) -> None:
    with new_folder.made(iter([place]), NAMES, fill) as found:
        assert found == (place, "filled")
        assert files(place) == WRITTEN


def find(place: Path) -> None:
    with new_folder.found_empty(iter([place]), NAMES, fill) as found:
        assert found == (place, "filled")
        assert files(place) == WRITTEN


def age(folders: Iterable[Path]) -> None:
    """Let them be so old that nobody is about to write their lists."""
    old = time.time() - leftovers.HOUR - 1
    for folder in folders:
        os.utime(folder, (old, old))
