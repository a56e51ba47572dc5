"""Every bad program and case under `golden/errors` is told exactly as its `.expected` file says.

A program is a `.gdl` file; a `.case` is files and commands (see `golden_cases`).
`pytest tests/test_golden_errors.py -k syntax/ --update-golden` rewrites the files of one folder.
A first line `# set: hidden = 256` overrides a constant as `--set hidden=256` does.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from golden_cases import play
from graphdsl.language.codes import CODES
from graphdsl.language.diagnostics import Diagnostic, GraphdslError, render
from graphdsl.language.parser import parse
from graphdsl.language.source import Source

FOLDER = Path(__file__).parent / "golden" / "errors"
PROGRAMS = sorted(FOLDER.rglob("*.gdl"))
CASES = sorted(FOLDER.rglob("*.case"))


def name_of(path: Path) -> str:
    """`folder/name`, by which tests are chosen."""
    return f"{path.parent.name}/{path.stem}"


def diagnose(path: Path) -> str:
    """All diagnostics of the file, rendered, with a blank line between them."""
    source = Source(path.read_bytes().decode(), path.name, path)
    try:
        parse(source)
        found = _check(source)
    except GraphdslError as error:
        found = error.diagnostics
    return "".join(render(one) + "\n\n" for one in found).removesuffix("\n")


def _check(source: Source) -> tuple[Diagnostic, ...]:
    if importlib.util.find_spec("graphdsl.driver") is None:
        return ()
    from graphdsl import driver

    return tuple(driver.check(source, _overrides(source)))


def _overrides(source: Source) -> dict[str, int]:
    """The constants that the first line of a program overrides."""
    given = re.match(r"# set: (\w+) = (\d+)\n", source.text)
    return {given[1]: int(given[2])} if given else {}


def compare(path: Path, found: str, request: pytest.FixtureRequest) -> None:
    """Compare with the golden text, or write it where that is asked for."""
    expected = path.with_suffix(".expected")
    if request.config.getoption("--update-golden"):
        expected.write_text(found, encoding="utf-8", newline="\n")
    assert found == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PROGRAMS, ids=name_of)
def test_bad_program(path: Path, request: pytest.FixtureRequest) -> None:
    found = diagnose(path)
    assert found, f"{path.name} is not bad"
    compare(path, found, request)


@pytest.mark.parametrize("path", CASES, ids=name_of)
def test_case(
    path: Path,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = play(path, tmp_path, monkeypatch, lambda: capsys.readouterr().err)
    assert "Traceback" not in found
    assert "fault of its own" not in found
    compare(path, found, request)


def test_expected_texts_and_programs_are_pairs() -> None:
    programs = [path.with_suffix("") for path in (*PROGRAMS, *CASES)]
    assert len(programs) == len(set(programs))
    assert {path.with_suffix("") for path in FOLDER.rglob("*.expected")} == set(programs)


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_golden_text(code: str) -> None:
    texts = (path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.expected"))
    assert any(re.search(rf"^(?:\w+: )?(?:error|warning)\[{code}\]", t, re.M) for t in texts)
