"""Words of the command line: what they mean, and the words in which they are refused."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable

import pytest

from graphdsl.cli import words


def refusal(read: Callable[[str], object], text: str) -> str:
    """What is said of a word that is refused."""
    with pytest.raises(ArgumentTypeError) as caught:
        read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (words.natural, "0", 0),
        (words.natural, "0" * 19, 0),
        (words.natural, str(2**63 - 1), 2**63 - 1),
        (words.positive, "1", 1),
        (words.batch, "64", 64),
        (words.batch, "all", "all"),
        (words.size, "N=0", ("N", 0)),
        (words.constant, "k=[1, nan]", ("k", pytest.approx([1, float("nan")], nan_ok=True))),
        (words.pair, " x = 2", ("x", "2")),
        (words.setting, "stop=", words.Setting("stop", "")),
    ],
)
def test_what_a_word_means(read: Callable[[str], object], text: str, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "wanted", "texts"),
    [
        (words.natural, "no whole number, 0 or more", ("x", "-1", "1.5", "")),
        (words.positive, "no whole number, 1 or more", ("x", "-1", "1.5", "", "0")),
        (words.batch, "no whole number, 1 or more, or all", ("x", "-1", "1.5", "", "0")),
    ],
)
def test_whatever_is_wrong_with_a_number_is_said_in_the_same_words(
    read: Callable[[str], object], wanted: str, texts: tuple[str, ...]
) -> None:
    for text in texts:
        said = refusal(read, text)
        assert said == f"'{text}' is {wanted}"


@pytest.mark.parametrize("read", [words.natural, words.positive, words.batch])
@pytest.mark.parametrize("text", [str(2**63), "1" * 5000])
def test_a_number_beyond_64_bits_is_said_to_be_one(
    read: Callable[[str], object], text: str
) -> None:
    assert refusal(read, text) == f"'{text[:40]}' does not fit 64 bits: 2^63 - 1 at most"


@pytest.mark.parametrize("read", [words.pair, words.setting, words.size, words.constant])
@pytest.mark.parametrize("text", ["x", "=1"])
def test_a_word_without_two_sides_is_refused(read: Callable[[str], object], text: str) -> None:
    form = "KEY=VALUE" if read is words.setting else "NAME=VALUE"
    assert refusal(read, text) == f"'{text}' is not of the form {form}"


@pytest.mark.parametrize("text", ["--5", "+-5", "_5", "5_", "5__0"])
def test_what_is_almost_a_whole_number_is_no_value(text: str) -> None:
    with pytest.raises(ValueError, match="no number, list or truth value"):
        words.value(text)
