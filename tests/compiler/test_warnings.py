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


TRAIN = "train {\n  optimizer = "


@pytest.mark.parametrize(
    ("lines", "messages"),
    [
        (f"{LOSS}{TRAIN}adam(lr = -1e-3)\n}}\n", ["'lr' of 'adam' is -0.001: every step climbs"]),
        (f"const r = 0.1\n{LOSS}{TRAIN}sgd(-r)\n}}\n", ["'lr' of 'sgd' is -0.1"]),
        (f"{LOSS}{TRAIN}adamw(decay = -1)\n}}\n", ["'decay' of 'adamw' is -1: every step makes"]),
        (
            f'{LOSS}{TRAIN}sgd()\n  scale_lr = {{"W": -2, "*": 3}}\n}}\n',
            ["a factor of -2 turns 'lr' round"],
        ),
        (
            "param b: [3] = 0 with lr = -1, decay = -0.5\n"
            f"loss J = mean(cross_entropy(z + b, y))\n{TRAIN}sgd()\n}}\n",
            ["a factor of -1 turns 'lr' round", "a factor of -0.5 turns 'decay' round"],
        ),
        (f"{LOSS}{TRAIN}sgd(lr = cosine(0.1), momentum = -0.5)\n}}\n", []),
        (f'{LOSS}{TRAIN}sgd(lr = 0, decay = 0)\n  scale_lr = {{"*": 0}}\n}}\n', []),
    ],
)
def test_rates_below_0(lines: str, messages: list[str]) -> None:
    found = check(Source(HEAD + lines))
    assert [d.code for d in found] == ["W0112"] * len(messages)
    for diagnostic, message in zip(found, messages, strict=True):
        assert diagnostic.message.startswith(message)


def test_the_place_is_that_of_the_mistake() -> None:
    assert warned(HEAD + LOSS + "metric m = mean(z == 0.5)\n") == [("W0109", 7)]


def test_what_one_mode_uses_is_not_unused() -> None:
    text = "dim N\ninput x: [N, 3]\nh = Dense(x, 3) if training else x\nloss J = mean(h^2)\n"
    assert warned(text) == []


def test_an_input_read_for_its_size_is_read() -> None:
    assert warned("dim N\ninput x: [N]\noutput y = size(x, 0)\n") == []


def test_a_rate_that_is_a_text_where_nothing_is_left_to_train() -> None:
    text = "dim N\ninput x: [N, 3]\ndim w: [3] = 0\nloss J = mean((x @ w)^2)\n"
    text += 'train {\n  optimizer = sgd(lr = "fast")\n}\n'
    assert "E0114" in [d.code for d in check(Source(text))]
