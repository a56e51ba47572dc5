"""`graphdsl render --view network`: units and layers, and whose numbers stand at the edges."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphdsl

SMALL = """dim N
input x: [N, 2]
input t: [N, 1]
param W: [2, 1] ~ normal(0, 1)
param b: [1] = 0
output y = tanh(x @ W + b)
loss J = mean((y - t)^2)
"""


def text(call, model, source: str, *words: object) -> str:
    """The DOT text that a command writes."""
    done = call("render", model(source), "-o", "n.dot", "--view", "network", *words)
    assert done.code == 0, done.err
    assert done.err.endswith("wrote n.dot\n")
    return Path("n.dot").read_text("utf-8")


def test_weights_are_symbols_until_it_is_said_which(call, model) -> None:
    found = text(call, model, SMALL)
    assert ">W<SUB>" in found
    assert "b = 0" not in found


def test_weights_of_a_file_are_shown(call, model) -> None:
    trained = graphdsl.loads(SMALL)
    trained.params["W"][:] = [[0.125], [-4]]
    trained.save("w.safetensors")
    found = text(call, model, SMALL, "--weights", "w.safetensors")
    assert ">0.125<" in found
    assert ">−4<" in found
    assert "b = 0" in found


def test_those_drawn_from_a_seed_are_shown(call, model) -> None:
    number = graphdsl.loads(SMALL, seed=7).params["W"][1, 0]
    assert f">{number:.3g}<".replace("-", "−") in text(call, model, SMALL, "--seed", 7)


def test_direction_and_normalisation(call, model) -> None:
    source = "dim N\ninput x: [N, 20]\noutput y = Dense(LayerNorm(x), 3)\n"
    assert "rankdir=LR" in text(call, model, source)
    assert "rankdir=TB" in text(call, model, source, "--direction", "TB")
    assert ">LayerNorm<" in text(call, model, source)
    assert "LayerNorm" not in text(call, model, source, "--no-normalisation").replace("y.Layer", "")


def test_the_graph_goes_from_top_to_bottom(call, model) -> None:
    assert call("render", model(SMALL), "-o", "g.dot").code == 0
    assert "rankdir=TB" in Path("g.dot").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--view", "network", "--grad"], "--grad is for --view graph"),
        (["--view", "network", "--values"], "--values is for --view graph"),
        (["--view", "network", "--depth", "0"], "--depth is for --view graph"),
        (["--view", "network", "--collapse", "h"], "--collapse is for --view graph"),
        (["--no-normalisation"], "--no-normalisation is for --view network"),
    ],
)
def test_options_of_the_other_view_are_refused(call, model, words: list[str], said: str) -> None:
    done = call("render", model(SMALL), "-o", "n.dot", *words)
    assert done.code == 2
    assert said in done.err
    assert not Path("n.dot").exists()


@pytest.mark.parametrize("source", [SMALL, "dim N\ninput x: [N, 9]\noutput y = Dense(x, 3)\n"])
def test_a_picture_is_written(call, model, source: str) -> None:
    done = call("render", model(source), "-o", "n.svg", "--view", "network")
    assert done.code == 0, done.err
    assert "<svg" in Path("n.svg").read_text("utf-8")
