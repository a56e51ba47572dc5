"""The measure of time and memory measures: what takes much is told to, what dies is replaced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import checker
from checker import Checker


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Checker]:
    """A checker whose process obeys a few texts in place of checking them."""
    obedient = "import time, checker\nspoilt = []\n" + (
        "def obey(text):\n"
        "    checker._forget_peak()\n"
        "    if text == 'die': import os; os._exit(7)\n"
        "    if text == 'sleep': time.sleep(60)\n"
        "    if text == 'raise': raise MemoryError('too much')\n"
        "    if text == 'hold': bytearray(b'x') * 300_000_000\n"
        "    return {'codes': [text], 'seconds': 0.0, 'peak': checker.peak()}\n"
        "checker.measure = obey\nchecker.serve()\n"
    )
    plain = checker.subprocess.Popen

    def start(command: list[str], **options: object) -> object:
        options["env"]["PYTHONPATH"] = str(checker.TREE / "tests")
        return plain([command[0], "-c", obedient], **options)

    monkeypatch.setattr(checker.subprocess, "Popen", start)
    monkeypatch.setattr(checker, "PATIENCE", 2)
    found = Checker()
    yield found
    found.close()


def test_a_peak_is_each_programs_own(made: Checker) -> None:
    small = made.check("small").peak
    assert made.check("hold").peak > small + 250_000_000
    assert made.check("small").peak < small + 100_000_000


@pytest.mark.parametrize(
    ("text", "said"),
    [("die", "ended with 7"), ("sleep", "no answer"), ("raise", "MemoryError: too much")],
)
def test_a_process_that_fails_is_replaced(made: Checker, text: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        made.check(text)
    assert made.check("again").codes == ("again",)


def test_programs_are_checked() -> None:
    made = Checker()
    found = made.check("input x\noutput y = z\n")
    made.close()
    assert found.codes == ("E0301", "W0101") or found.codes == ("E0301",)
    assert 0 < found.seconds < 5
    assert 2**24 < found.peak < 2**30
