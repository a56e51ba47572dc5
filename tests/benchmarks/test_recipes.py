"""The examples reach what the README says of them, on rows that nobody trained on or chose by."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median

import numpy as np
import pytest

import recipes
from recipes import RECIPES, Recipe

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
QUICK = [
    recipe for recipe in RECIPES if recipe.file not in ("transformer.gdl", "digits_convnet.gdl")
]
SLACK = {"accuracy": 0.01, "error": 0.5}
"""By how much one seed may miss the median's bound."""


@pytest.mark.nightly
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.file)
def test_the_median_over_five_seeds_keeps_the_bound(recipe: Recipe) -> None:
    found = recipes.measure(recipe)
    assert recipe.keeps(median(found.figures)), found.figures
    assert found.seconds < (600 if recipe.file == "transformer.gdl" else 60)


@pytest.mark.nightly
def test_the_convnet_beats_the_dense_layers() -> None:
    dense, convnet = (median(recipes.measure(recipe).figures) for recipe in RECIPES[:2])
    assert convnet > dense


@pytest.mark.parametrize("recipe", QUICK, ids=lambda recipe: recipe.file)
def test_one_seed_comes_close(recipe: Recipe) -> None:
    (figure,) = recipes.measure(recipe, seeds=1).figures
    missing = recipe.bound - figure if recipe.high else figure - recipe.bound
    assert missing <= SLACK[recipe.metric]


def test_a_file_without_a_recipe_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        recipes.main(["wine.gdl", "digit.gdl"])
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert printed.out == ""
    assert "no recipe is measured of digit.gdl: choose of digits.gdl, " in printed.err


def test_no_seed_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        recipes.main(["--seeds", "0"])
    assert "--seeds 0" in capsys.readouterr().err


def test_bounds_are_kept_by_what_is_better() -> None:
    high = Recipe("m.gdl", "", "accuracy", 0.9)
    low = Recipe("m.gdl", "", "error", 3, False, "a peer", lambda: 2)
    assert [high.keeps(figure) for figure in (0.95, 0.9, 0.89)] == [True, True, False]
    assert [low.keeps(figure) for figure in (1.5, 2, 2.5, 4)] == [True, True, False, False]


def test_parts_share_no_letters() -> None:
    """What is told from others in a held-out sonnet stands in no window that is trained on."""
    with np.load(recipes.EXAMPLES / "sonnets.npz") as data:
        windows, part = data["windows"], data["part"]
    train = {tuple(window[:16]) for window in windows[part == "train"]}
    for name in ("valid", "test"):
        assert not train & {tuple(window[:16]) for window in windows[part == name]}


def test_bigrams_are_counted_on_the_training_text() -> None:
    text = (recipes.EXAMPLES / "sonnets.txt").read_text("utf-8").lower()
    alphabet, train = sorted(set(text)), "\n\n".join(text.split("\n\n")[:-5])
    with np.load(recipes.EXAMPLES / "sonnets.npz") as data:
        letters = recipes.training_letters(data["windows"][data["part"] == "train"])
    assert len(train) - len(letters) < 3
    assert "".join(alphabet[letter] for letter in letters) == train[: len(letters)]


def test_the_table_of_the_readme_names_every_recipe() -> None:
    row = r"^\| \[(\w+\.gdl)\]\(examples/\w+\.gdl\) \| .*? \| ([\d.]+)"
    figures = dict(re.findall(row, README, re.MULTILINE))
    assert list(figures) == [recipe.file for recipe in RECIPES]
    for recipe in RECIPES:
        percent = 100 if recipe.metric == "accuracy" else 1
        assert recipe.high == (float(figures[recipe.file]) / percent >= recipe.bound)
