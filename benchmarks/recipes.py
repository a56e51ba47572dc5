"""What the examples reach on held-out rows: a Markdown table goes out, the README's; on stderr,
seconds and the figures of each seed.

    python benchmarks/recipes.py [--seeds N] [FILE …]

Each figure is the median over training seeds 0, 1, …; the rows of every part are the same for all
seeds. Hyperparameters were chosen on the valid part, by seeds of their own.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import log2
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

import graphdsl
from graphdsl.training.data import load_dataset

EXAMPLES = Path(__file__).parents[1] / "examples"
SEEDS = 5


@dataclass(frozen=True, slots=True)
class Recipe:
    """An example, what is measured of it on the test part, and the bound its median has to keep:
    at least, for what is better high, and at most, for what is better low."""

    file: str
    about: str
    metric: str
    bound: float
    high: bool = True
    peer: str = ""
    beside: Callable[[], float] | None = None

    def keeps(self, figure: float) -> bool:
        """Whether a figure is as good as the bound, and as what it is put beside."""
        others = [self.bound] + ([self.beside()] if self.beside else [])
        return all(figure >= other if self.high else figure <= other for other in others)

    def text(self, figure: float) -> str:
        """A figure as the table shows it."""
        return f"{100 * figure:.1f} %" if self.metric == "accuracy" else f"{figure:.2f}"


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of a recipe by seed, and the median of the seconds of a training run."""

    figures: list[float]
    seconds: float


def measure(recipe: Recipe, seeds: int = SEEDS) -> Measured:
    """Train with each seed; the metric on the test part."""
    figures, seconds = [], []
    for seed in range(seeds):
        began = time.perf_counter()
        history = graphdsl.load(EXAMPLES / recipe.file, seed=seed).fit()
        seconds.append(time.perf_counter() - began)
        figures.append(history.final["test"][recipe.metric])
    return Measured(figures, median(seconds))


# --- what the figures stand beside ---------------------------------------------------------------


def ridge_error() -> float:
    """The mean absolute error of scikit-learn's ridge regression on the same rows."""
    from sklearn.linear_model import Ridge

    parts = load_dataset(graphdsl.load(EXAMPLES / "diabetes.gdl").session).parts
    (x, y), (new, answers) = (
        [np.asarray(parts[part].arrays[name], np.float64) for name in ("x", "y")]
        for part in ("train", "test")
    )
    return float(np.abs(Ridge().fit(x, y).predict(new) - answers).mean())


def bigram_bits() -> float:
    """Bits a letter of the next letter's frequency after the one before, counted in the training
    sonnets and smoothed by their letters' frequencies, by as much as is best on the valid ones."""
    with np.load(EXAMPLES / "sonnets.npz") as data:
        windows, part = data["windows"], data["part"]
    train = training_letters(windows[part == "train"])
    valid, test = (windows[part == name] for name in ("valid", "test"))
    weights = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1, 2)
    best = min(weights, key=lambda weight: _bits(train, valid, weight))
    return _bits(train, test, best)


def training_letters(windows: NDArray[Any]) -> list[int]:
    """The letters that overlapping windows stand for, each once: they begin in steps of 3."""
    return [*windows[0].tolist(), *windows[1:, -3:].ravel().tolist()]


def _bits(train: list[int], windows: NDArray[Any], weight: float) -> float:
    letters, pairs = Counter(train), Counter(pairwise(train))
    before, kinds = Counter(train[:-1]), len(letters)
    total = 0.0
    for window in windows:
        for a, b in pairwise(window):
            rare = weight * kinds * (letters[b] + 1) / (len(train) + kinds)
            total -= log2((pairs[a, b] + rare) / (before[a] + weight * kinds))
    return float(total / (windows.shape[0] * (windows.shape[1] - 1)))


def gradient_shares() -> dict[str, float]:
    """The size of the first layer's gradient beside the last's, in 50 sigmoid layers (l13) and in
    50 residual blocks (l14), before the first step."""
    x = np.random.default_rng(0).standard_normal((16, 8)).astype("f4")
    shares = {}
    for lecture in ("l13", "l14"):
        model = graphdsl.load(EXAMPLES / "lecture" / f"{lecture}.gdl", seed=0)
        _, found = model.value_and_grad(x=x, y=np.roll(x, 1, axis=1))
        first, last = (float(np.linalg.norm(found[f"o[{i}].W"])) for i in (1, 50))
        shares[lecture] = first / last
    return shares


RECIPES = (
    Recipe("digits.gdl", "digits, two dense layers", "accuracy", 0.98),
    Recipe("digits_convnet.gdl", "digits, a convnet", "accuracy", 0.985),
    Recipe("breast_cancer.gdl", "tumours, logistic regression", "accuracy", 0.96),
    Recipe("wine.gdl", "wines, softmax regression", "accuracy", 0.97),
    Recipe(
        "diabetes.gdl",
        "diabetes, ridge regression: mean absolute error",
        *("error", 39.0, False, "scikit-learn's ridge", ridge_error),
    ),
    Recipe(
        "transformer.gdl",
        "sonnets, a transformer: bits a letter",
        *("bits", 3.3, False, "bigrams", bigram_bits),
    ),
)


# --- the table -----------------------------------------------------------------------------------


def rows(recipes: list[Recipe], seeds: int) -> Iterator[str]:
    """The table, line by line, as its recipes are done."""
    yield f"| example | what, on held-out rows | median of {seeds} | beside |"
    yield "|---|---|---|---|"
    for recipe in recipes:
        found = measure(recipe, seeds)
        beside = f"{recipe.peer}: {recipe.text(recipe.beside())}" if recipe.beside else ""
        link = f"[{recipe.file}](examples/{recipe.file})"
        figure = recipe.text(median(found.figures))
        yield f"| {link} | {recipe.about} | {figure} | {beside} |"
        print(f"{recipe.file}: {found.seconds:.1f} s a run, {found.figures}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("files", metavar="FILE", nargs="*", help="examples (default: all)")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    args = parser.parse_args(arguments)
    known = [recipe.file for recipe in RECIPES]
    if unknown := [file for file in args.files if file not in known]:
        parser.error(f"no recipe is measured of {', '.join(unknown)}: choose of {', '.join(known)}")
    if args.seeds < 1:
        parser.error(f"--seeds {args.seeds}: a median needs one seed or more")
    chosen = [recipe for recipe in RECIPES if not args.files or recipe.file in args.files]
    for line in rows(chosen, args.seeds):
        print(line, flush=True)
    if not args.files:
        plain, residual = gradient_shares().values()
        print(f"\nfirst layer's gradient / last's: l13 {plain:.2g}, l14 {residual:.2g}")


if __name__ == "__main__":
    main()
