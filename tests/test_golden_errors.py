"""Every bad program under `golden/errors` is reported exactly as its `.expected` file says.

`pytest tests/test_golden_errors.py -k syntax/ --update-golden` rewrites the files of one folder.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from graphdsl.language.diagnostics import Diagnostic, GraphdslError, render
from graphdsl.language.parser import parse
from graphdsl.language.source import Source

FOLDER = Path(__file__).parent / "golden" / "errors"
PROGRAMS = sorted(FOLDER.rglob("*.gdl"))


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

    return tuple(driver.check(source))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_bad_program(path: Path, request: pytest.FixtureRequest) -> None:
    expected = path.with_suffix(".expected")
    found = diagnose(path)
    assert found, f"{path.name} is not bad"
    if request.config.getoption("--update-golden"):
        expected.write_text(found, encoding="utf-8", newline="\n")
    assert found == expected.read_text(encoding="utf-8")


def test_no_expected_text_is_left_over() -> None:
    programs = {path.with_suffix("") for path in PROGRAMS}
    assert {path.with_suffix("") for path in FOLDER.rglob("*.expected")} <= programs
