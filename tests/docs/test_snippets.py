"""Every model and every piece of Python in `docs/` is checked; every link leads somewhere.

A fenced `gdl` block is a whole program without errors and warnings, unless a comment stands above
it: `<!-- error: E0204 -->` or `<!-- warning: W0106 -->`, all codes in order; `<!-- file: NAME -->`
names what other blocks import; `<!-- given … -->` holds lines above that are not shown.
"""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from graphdsl.cli import main
from graphdsl.driver import check
from graphdsl.language.source import Source

TREE = Path(__file__).parents[2]
README = TREE / "README.md"
PAGES = sorted((TREE / "docs").rglob("*.md"))
# test_gallery.py runs the gallery's commands, and compares what they make.
FOLLOWED = [page for page in PAGES if page.stem != "gallery"]
FENCED = re.compile(
    r"((?:<!--(?:(?!-->).)*-->\s*\n)*)^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
NOTE = re.compile(r"<!--\s*(error|warning|file|given)\b:?\s*(.*?)\s*-->", re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    """A fenced block: where it stands, its language, its text, the notes above it."""

    page: Path
    line: int
    kind: str
    text: str
    notes: dict[str, str]

    def __str__(self) -> str:
        return f"{self.page.stem}:{self.line}"


def snippets(page: Path) -> Iterator[Snippet]:
    """The fenced blocks of a page."""
    text = page.read_text("utf-8")
    for match in FENCED.finditer(text):
        line = text.count("\n", 0, match.start(3))
        yield Snippet(page, line, match[2], match[3], dict(NOTE.findall(match[1])))


ALL = [snippet for page in PAGES for snippet in snippets(page)]
MODELS = [s for s in ALL if s.kind == "gdl"]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the models import."""
    folder = tmp_path_factory.mktemp("files")
    for snippet in MODELS:
        if name := snippet.notes.get("file"):
            (folder / name).write_text(snippet.text, "utf-8")
    return folder


@pytest.mark.parametrize("snippet", MODELS, ids=str)
def test_models_are_as_the_page_says(snippet: Snippet, files: Path) -> None:
    given = snippet.notes.get("given", "")
    text = f"{given}\n{snippet.text}" if given else snippet.text
    wanted = [*snippet.notes.get("error", "").split(), *snippet.notes.get("warning", "").split()]
    found = check(Source(text, str(snippet), files / "model.gdl"))
    assert [d.code for d in found] == wanted, "\n\n".join(map(str, found))


def test_kinds_of_blocks_are_known() -> None:
    assert {s.kind for s in ALL} <= {"gdl", "python", "console", "text"}


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the examples in it, where pages are followed."""
    (tmp_path / "examples").symlink_to(TREE / "examples")
    (tmp_path / "docs").symlink_to(TREE / "docs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.stem)
@pytest.mark.usefixtures("workplace")
def test_pages_can_be_followed(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The Python of a page and its commands, in order; what is printed is as the page says."""
    names: dict[str, object] = {}
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for snippet in snippets(page):
        if snippet.kind == "python":
            test = doctest.DocTestParser().get_doctest(
                snippet.text, names, str(snippet), str(page), snippet.line
            )
            assert test.examples, f"{snippet}: Python is shown as a session, with >>>"
            report: list[str] = []
            doctest.DocTestRunner(optionflags=flags).run(test, out=report.append, clear_globs=False)
            assert not report, "".join(report)
            names = test.globs
        elif snippet.kind == "console":
            for command, output in commands(snippet.text):
                capsys.readouterr()
                assert main(shlex.split(command, comments=True)[1:]) == 0, command
                said = capsys.readouterr().out
                assert not output or doctest.OutputChecker().check_output(output, said, flags), said


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.stem)
def test_commands_hold_no_pattern_of_a_shell(page: Path) -> None:
    """zsh refuses a word such as x=[1,2] where no file is called so."""
    for snippet in snippets(page):
        for command, _ in commands(snippet.text if snippet.kind == "console" else ""):
            bare = re.sub(r"\"[^\"]*\"|'[^']*'", "", command)
            assert not set("[]*?") & set(bare), f"{snippet}: {command}"


def commands(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block and what stands below each."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        if command.startswith("graphdsl "):
            yield command, output


def links() -> Iterator[tuple[Path, str]]:
    for page in [README, *PAGES]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            if "://" not in target:
                yield page, target


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for one, target in links():
        if one == page:
            file, _, anchor = target.partition("#")
            aim = (page.parent / file).resolve() if file else page
            assert aim.exists(), target
            assert not anchor or anchor in anchors(aim), target


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
