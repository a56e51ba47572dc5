"""The catalogue of codes has an entry for each code that is used, and each is tested."""

from __future__ import annotations

import re
from pathlib import Path

from graphdsl.language.codes import CODES, SYNTAX, lookup

ROOT = Path(__file__).parents[2]


def test_entries_are_whole() -> None:
    for code, entry in CODES.items():
        assert re.fullmatch(r"[EW]\d{4}", code)
        assert entry.title[0].islower()
        assert entry.why.endswith(".")
        assert entry.mend.endswith(".")
    assert lookup("e0101") is CODES["E0101"]
    assert lookup("E9999") is None


def test_every_syntax_code_is_used_and_tested() -> None:
    package = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "graphdsl" / "language").glob("*.py")
        if path.name != "codes.py"
    )
    used = set(re.findall(r'"(E01\d\d)"', package))
    assert used == set(SYNTAX)
    golden = ROOT / "tests" / "golden" / "errors" / "syntax"
    tests = "".join(path.read_text(encoding="utf-8") for path in golden.glob("*.expected"))
    reading = {"E0101", "E0102", "E0103"}  # they concern files: see test_source.py
    many = {"E0125"}  # see test_parser.py
    assert set(re.findall(r"\[(E01\d\d)\]", tests)) == set(SYNTAX) - reading - many
