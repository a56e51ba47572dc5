"""What is said of a system's refusal goes by its reason."""

from __future__ import annotations

import errno
import os

import pytest

from graphdsl.language.system_faults import reading_help, writing_help


def fault(number: int) -> OSError:
    """The fault with this reason."""
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.ENOTDIR, "is a file"),
        (errno.EACCES, "may write"),
        (errno.EISDIR, "is a folder"),
        (errno.EEXIST, "is a file"),
        (errno.ENAMETOOLONG, "shorten"),
        (errno.EROFS, "another"),
        (errno.ELOOP, "circle"),
    ],
)
def test_what_cannot_be_written(number: int, word: str) -> None:
    (help,) = writing_help(fault(number))
    assert word in help
    assert ("space" in help) is (number == errno.ENOSPC)


def test_what_cannot_be_read() -> None:
    assert "chmod" in reading_help(fault(errno.EACCES))[0]
    assert "shorten" in reading_help(fault(errno.ENAMETOOLONG))[0]
    assert reading_help(fault(errno.ENOSPC)) == ()
    assert reading_help(ValueError("no file")) == ()


def test_a_reason_that_is_not_known_still_has_advice() -> None:
    assert writing_help(OSError("odd")) == ("name a folder somewhere else",)
