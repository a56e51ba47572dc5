"""Settings from outside a file take the place of its own, as if they had been written there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphdsl.language import ast
from graphdsl.language.diagnostics import UsageError, to_json
from graphdsl.language.flat import flat
from graphdsl.language.overridden_text import overridden_settings, overridden_text
from graphdsl.language.overriding import GivenSettings, block_of, override
from graphdsl.language.parser import parse
from graphdsl.language.settings import BlockName
from graphdsl.language.source import Source

TEXT = """const k = 3
input x: [k]
input batch: [k]

data {
  source = "d.npz"  # beside this file
  x = a
  batch = b
  split = [0.8, 0.2]
}

train {
  optimizer = sgd(lr = (1 + 2) * 1e-3)  # slow
  epochs = 4
}
# the end"""


def overridden(settings: dict[str, object], text: str = TEXT) -> ast.Program:
    """The program of a text with settings given."""
    return override(parse(Source(text, "m.gdl")), GivenSettings(settings))


def setting(program: ast.Program, block: BlockName, key: str) -> str | None:
    """The text of a setting of the program; None if it has none such."""
    found = block_of(program, block)
    assert found is not None
    return next((flat(one.value) for one in found.settings if one.key.id == key), None)


@pytest.mark.parametrize(
    ("settings", "block", "key", "text"),
    [
        ({"epochs": "5"}, "train", "epochs", "5"),
        ({"epochs": 5}, "train", "epochs", "5"),
        ({"train.epochs": np.int64(5)}, "train", "epochs", "5"),
        ({"optimizer": "adam(lr=1e-2)"}, "train", "optimizer", "adam(lr = 1e-2)"),
        ({"optimizer": "adam(\n  lr = 1e-2\n)"}, "train", "optimizer", "adam(lr = 1e-2)"),
        ({"shuffle": False}, "train", "shuffle", "false"),
        ({"scale_lr": {"*.W": 1e-7}}, "train", "scale_lr", '{"*.W": 1e-07}'),
        ({"scale_lr": '{"*.W": 0.5}'}, "train", "scale_lr", '{"*.W": 0.5}'),
        ({"split": [0.5, np.float64(0.5)]}, "data", "split", "[0.5, 0.5]"),
        ({"split": np.array([0.5, 0.5])}, "data", "split", "[0.5, 0.5]"),
        ({"source": "e/f.npz"}, "data", "source", '"e/f.npz"'),
        ({"source": '"e.npz"'}, "data", "source", '"e.npz"'),
        ({"source": Path("e.npz")}, "data", "source", '"e.npz"'),
        ({"train": "t.csv"}, "data", "train", '"t.csv"'),
        ({"stratify": "mean radius"}, "data", "stratify", '"mean radius"'),
        ({"memory": "2.5 MB"}, "train", "memory", '"2.5 MB"'),
        ({"memory": "64MiB"}, "train", "memory", '"64MiB"'),
        ({"memory": '"2 MB"'}, "train", "memory", '"2 MB"'),
        ({"memory": "1_000_000"}, "train", "memory", "1_000_000"),
        ({"memory": 1_000_000}, "train", "memory", "1000000"),
        ({"x": "-a / 2"}, "data", "x", "-a / 2"),
        ({"data.batch": "b * 2"}, "data", "batch", "b * 2"),
        ({"train.batch": "all"}, "train", "batch", "all"),
        ({"split": None}, "data", "split", None),
        ({"split": ""}, "data", "split", None),
        ({"stop": None}, "train", "stop", None),
        ({"clip_norm": float("inf")}, "train", "clip_norm", "inf"),
    ],
)
def test_a_setting_takes_the_place_of_the_file_s(
    settings: dict[str, object], block: BlockName, key: str, text: str | None
) -> None:
    program = overridden(settings)
    assert setting(program, block, key) == text
    assert parse(Source(overridden_text(program))) == program
    assert override(parse(Source(TEXT)), GivenSettings(overridden_settings(program))) == program


def test_the_rest_of_the_file_stays_as_it_is_written() -> None:
    program = overridden({"optimizer": "adam()", "split": None, "train.batch": 2, "x": "a / 2"})
    wanted = TEXT.replace("x = a\n", "x = a / 2\n").replace("  split = [0.8, 0.2]\n", "")
    wanted = wanted.replace("sgd(lr = (1 + 2) * 1e-3)", "adam()")
    wanted = wanted.replace("epochs = 4\n", "epochs = 4\n  batch = 2\n")
    assert overridden_text(program) == wanted


@pytest.mark.parametrize("body", ["train { epochs = 1 }", "train {}", "train {\n}", "train { }\n"])
def test_bodies_of_any_layout_take_settings(body: str) -> None:
    program = overridden({"epochs": 2, "seed": 3}, f"input x\n{body}")
    assert setting(program, "train", "epochs") == "2"
    assert parse(Source(overridden_text(program))) == program


def test_blocks_that_are_missing_are_added() -> None:
    program = overridden({"epochs": 2, "x": "a", "source": "d.csv"}, "input x\noutput y = x  # y")
    text = overridden_text(program)
    assert text.endswith(
        '# y\ndata {\n  x = a\n  source = "d.csv"\n}\n\ntrain {\n  epochs = 2\n}\n'
    )
    assert parse(Source(text)) == program
    assert overridden({"stop": None}, "input x").statements == parse(Source("input x")).statements


def test_no_settings_change_nothing() -> None:
    program = parse(Source(TEXT))
    assert override(program, GivenSettings()) is program
    assert overridden_text(program) == TEXT
    assert overridden_settings(program) == {}


def test_what_is_as_the_file_has_it_is_no_change() -> None:
    program = overridden({"epochs": 4})
    assert overridden_text(program) == TEXT
    assert overridden_settings(program) == {}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"batch": 3}, "'batch' is a setting of 'train' and an input"),
        ({"k": 3}, "'k' is a constant"),
        ({"wat": None}, "there is no setting 'wat' to leave out"),
        ({"a.b": 3}, "'a.b' is no key"),
        ({"-epochs": 3}, "'-epochs' is no key"),
        ({"epochs": 3, "train.epochs": 4}, "'epochs' is given twice"),
        ({"epochs": object()}, "'epochs' cannot be of the type object"),
        ({"epochs": float("nan")}, "'epochs' cannot be nan"),
    ],
)
def test_what_says_too_little_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        overridden(settings)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "help"),
    [
        ({"epochs": object()}, "it is a whole number, 0 or more"),
        ({"split": [object()]}, "it is two or three positive fractions"),
        ({"stop": object()}, "settings={'stop': 'early(J)'}"),
        ({"optimizer": object()}, "settings={'optimizer': 'adam(lr = 1e-3)'}"),
        ({"x": object()}, "settings={'x': 'images / 16'}"),
    ],
)
def test_the_help_is_by_what_the_key_takes(settings: dict[str, object], help: str) -> None:
    with pytest.raises(UsageError) as caught:
        overridden(settings)
    assert help in caught.value.diagnostics[0].help[0]


def test_every_text_that_does_not_parse_is_told_where_it_stands() -> None:
    with pytest.raises(UsageError) as caught:
        overridden({"epochs": "4 5", "split": "[0.8, 0.2]", "optimizer": "adam(lr = (1)"})
    places = [str(one.primary.span) for one in caught.value.diagnostics if one.primary]
    assert places == ["settings:1:12", "settings:3:17"]


def test_an_unknown_key_is_left_to_the_table_of_its_likely_block() -> None:
    assert setting(overridden({"sourse": '"d.npz"'}), "data", "sourse") == '"d.npz"'
    assert setting(overridden({"optimiser": "adam()"}), "train", "optimiser") == "adam()"


GIVEN = GivenSettings(
    {"epochs": "4", "memory": '"5 XB', "stop": "early(J"},
    "--with",
    {"memory": "--max-memory", "stop": "--stop"},
)


def test_an_option_of_its_own_is_all_there_is_to_say_of_a_place() -> None:
    with pytest.raises(UsageError) as caught:
        override(parse(Source(TEXT)), GIVEN)
    told = to_json(caught.value.diagnostics)
    assert [one["file"] for one in told] == ["--max-memory", "--stop"]
    assert {one[end] for one in told for end in ("line", "column", "end_line")} == {None}
    assert " --> --stop\n" in str(caught.value)


def test_settings_keep_their_order_whichever_option_gives_them() -> None:
    values = {"memory": "64", "eval_batch": "8", "accumulate": "2", "shuffle": "false"}
    options = {"memory": "--max-memory", "accumulate": "--accumulate"}
    program = parse(Source(TEXT))
    plain = override(program, GivenSettings(values))
    assert overridden_text(override(program, GivenSettings(values, "--with", options))) == (
        overridden_text(plain)
    )


@pytest.mark.parametrize(
    ("apart", "stands_in"),
    [
        ("epochs", "epochs = 2"),
        ("memory", "epochs = 2\nbatch = 8"),
        ("batch", "epochs = 2\nmemory = 64"),
    ],
)
def test_a_block_of_options_alone_stands_in_one_of_their_texts(apart: str, stands_in: str) -> None:
    values = {"epochs": "2", "memory": "64", "batch": "8"}
    given = GivenSettings(values, "--with", {apart: f"--{apart}"})
    block = block_of(override(parse(Source("input x\noutput y = x\n")), given), "train")
    assert block is not None
    assert block.span.text == stands_in
