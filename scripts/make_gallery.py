"""Run the commands of `docs/gallery.md`: renew what they print, and the pictures in `docs/gallery`.

The page says everything: what stands below a command is what it printed (`...` below a new one asks
for it), and the picture that a command writes is shown from the folder. `--check` changes nothing
and fails if something is stale.

A drawing has its DOT text beside it, which says all of it but the layout; the layouts of two
versions of Graphviz differ, and so what is stale is said by the text, and by the parts, words and
colours of the picture. A plot is compared by its words, ticks and curves.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from compare_svg import same_drawing, same_plot
from graphdsl.cli import main as graphdsl

TREE = Path(__file__).parents[1]
PAGE = TREE / "docs" / "gallery.md"
PICTURES = TREE / "docs" / "gallery"

BLOCK = re.compile(r"(?<=^```console\n)\$ (graphdsl .*)\n((?:(?!```).*\n)*)(?=```$)", re.MULTILINE)
SHOWN = re.compile(r"!\[[^\]]+\]\(gallery/([^)]+)\)")


@dataclass(frozen=True, slots=True)
class Gallery:
    """The page's text and the pictures, each file by its name."""

    page: str
    pictures: dict[str, str]


def read(page: Path = PAGE, pictures: Path = PICTURES) -> Gallery:
    """The gallery as it is."""
    files = pictures.iterdir() if pictures.is_dir() else ()
    return Gallery(page.read_text("utf-8"), {file.name: file.read_text("utf-8") for file in files})


def commands(page: str) -> list[str]:
    """The commands of a page, each of a block of its own."""
    return [match[1] for match in BLOCK.finditer(page)]


def shown(page: str) -> list[str]:
    """The names of the pictures that a page shows."""
    return SHOWN.findall(page)


def make(page: str) -> Gallery:
    """What the commands of a page print and draw now; raises `RuntimeError` where one fails."""
    with _workplace() as folder:

        def rerun(match: re.Match[str]) -> str:
            printed = _run(match[1])
            if drawing := _drawing(match[1]):
                _run(match[1].replace(drawing, f"{Path(drawing).stem}.dot"))
            return f"$ {match[1]}\n{printed if match[2] else ''}"

        page = BLOCK.sub(rerun, page)
        files = (file for file in folder.iterdir() if file.is_file())
        return Gallery(page, {file.name: file.read_text("utf-8") for file in files})


def stale(now: Gallery, fresh: Gallery) -> Iterator[str]:
    """What of a gallery is not as its commands make it: the page, or names of pictures."""
    if now.page != fresh.page:
        yield PAGE.name
    names = sorted(now.pictures.keys() | fresh.pictures.keys())
    yield from (name for name in names if not _is_same(name, now.pictures, fresh.pictures))


def write(now: Gallery, fresh: Gallery) -> list[str]:
    """Renew what is stale, remove what no command writes, and say what."""
    PICTURES.mkdir(exist_ok=True)
    found = list(stale(now, fresh))
    for name in found:
        if name == PAGE.name:
            PAGE.write_text(fresh.page, encoding="utf-8", newline="\n")
        elif name in fresh.pictures:
            (PICTURES / name).write_text(fresh.pictures[name], encoding="utf-8", newline="\n")
        else:
            (PICTURES / name).unlink()
    return found


def _is_same(name: str, now: Mapping[str, str], fresh: Mapping[str, str]) -> bool:
    if name not in now or name not in fresh:
        return False
    text = f"{Path(name).stem}.dot"
    if text not in fresh:
        return same_plot(now[name], fresh[name])
    same_text = now.get(text) == fresh[text]
    return same_text and (name == text or same_drawing(now[name], fresh[name]))


def _drawing(command: str) -> str | None:
    """The file that a command has Graphviz write, if it does."""
    words = shlex.split(command)
    return words[words.index("-o") + 1] if words[1] == "render" else None


def _run(command: str) -> str:
    """What a command prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()) as said:
        status = graphdsl(shlex.split(command)[1:])
    if status:
        raise RuntimeError(f"{command}\n{said.getvalue()}")
    return printed.getvalue()


@contextlib.contextmanager
def _workplace() -> Iterator[Path]:
    """An empty folder to be in, with the examples."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(TREE / "examples" / "lecture", Path(name, "examples", "lecture"))
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


def main() -> int:
    """Renew what is stale, or with `--check` only say it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if stale")
    check = parser.parse_args().check
    now = read()
    fresh = make(now.page)
    found = list(stale(now, fresh)) if check else write(now, fresh)
    for name in found:
        print(f"{'stale' if check else 'written'}: {name}")
    return int(bool(found) and check)


if __name__ == "__main__":
    sys.exit(main())
