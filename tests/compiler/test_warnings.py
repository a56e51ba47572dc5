"""Warnings: each likely mistake is told where it stands, and what is meant is left in peace."""

import pytest

from graphdsl.driver import check
from graphdsl.language.source import Source

HEAD = "dim N\ninput x: [N, 4]\ninput y: i64[N]\nparam W: [4, 3] ~ normal()\nz = x @ W\n"
LOSS = "loss J = mean(cross_entropy(z, y))\n"


def warned(text: str) -> list[tuple[str, int]]:
    """(code, line) of each warning."""
    found = check(Source(text))
    assert all(d.severity == "warning" for d in found), found
    return [(d.code, d.primary.span.line if d.primary else 0) for d in found]


def test_a_sound_model_has_none() -> None:
    assert warned(HEAD + LOSS) == []


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("input unread\n" + LOSS, "W0101"),
        ("param b: [3] = 0\n" + LOSS, "W0102"),
        ("param b: [3] = 0\noutput o = b\n" + LOSS, "W0103"),
        ("u = z * 2\n" + LOSS, "W0104"),
        ("const k = 3\n" + LOSS, "W0104"),
        ("loss J = mean(cross_entropy(softmax(z), y))\n", "W0105"),
        ("p = softmax(z)\nloss J = mean(cross_entropy(p, y))\n", "W0105"),
        ("Dense = z + 1\noutput o = Dense\n" + LOSS, "W0106"),
        ('loss J = mean(cross_entropy(z, y)) + l2("nobody")\n', "W0107"),
        ("metric m = mean(z == 0.5)\n" + LOSS, "W0109"),
        ("loss J = sum(cross_entropy(z, y))\n", "W0110"),
        ("loss J = 0.5 * sum(cross_entropy(z, y)) + mean(z)\n", "W0110"),
    ],
)
def test_each_mistake_is_told(lines: str, code: str) -> None:
    assert [found for found, _ in warned(HEAD + lines)] == [code]


@pytest.mark.parametrize(
    "lines",
    [
        "loss J = sum(cross_entropy(z, y)) / size(x, 0)\n",
        'loss J = mean(cross_entropy(z, y)) + 1e-3 * l2("*")\n',
        "metric m = mean(argmax(z) == y)\n" + LOSS,
        "param k: [3] = 0 with frozen = true\noutput o = k\n" + LOSS,
    ],
)
def test_what_is_meant_is_left_in_peace(lines: str) -> None:
    assert warned(HEAD + lines) == []


def test_the_place_is_that_of_the_mistake() -> None:
    assert warned(HEAD + LOSS + "metric m = mean(z == 0.5)\n") == [("W0109", 7)]


def test_what_one_mode_uses_is_not_unused() -> None:
    text = "dim N\ninput x: [N, 3]\nh = Dense(x, 3) if training else x\nloss J = mean(h^2)\n"
    assert warned(text) == []


def test_an_input_read_for_its_size_is_read() -> None:
    assert warned("dim N\ninput x: [N]\noutput y = size(x, 0)\n") == []
