"""Build the examples' data: from the sets that scikit-learn carries, from a text, by formulas.
In, a folder; out, its files.

    python scripts/make_data.py [FOLDER]        # default: examples/

Run again, it writes the same bytes. Only this script and its test need scikit-learn.
"""

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

EXAMPLES = Path(__file__).parents[1] / "examples"


def write_digits(folder: Path) -> None:
    """1797 images of 8×8 pixels from 0 to 16, one flat row each, and the digit each one shows."""
    bunch = load_digits()
    np.savez_compressed(
        folder / "digits.npz",
        images=bunch.data.astype(np.uint8),
        labels=bunch.target.astype(np.uint8),
    )


def write_breast_cancer(folder: Path) -> None:
    """569 tumours: 30 measurements of cell nuclei, and whether the tumour is malignant."""
    bunch = load_breast_cancer()
    # scikit-learn counts `malignant` as class 0; a column of that name must hold 1 for it.
    malignant = (bunch.target == list(bunch.target_names).index("malignant")).astype(int)
    write_csv(
        folder / "breast_cancer.csv",
        [*bunch.feature_names, "malignant"],
        ([*row, label] for row, label in zip(bunch.data, malignant, strict=True)),
    )


def write_diabetes(folder: Path) -> None:
    """442 patients: ten measurements in their own units, and the disease a year later."""
    bunch = load_diabetes(scaled=False)
    write_csv(
        folder / "diabetes.csv",
        [*bunch.feature_names, "progression"],
        ([*row, target] for row, target in zip(bunch.data, bunch.target, strict=True)),
    )


def write_wine(folder: Path) -> None:
    """178 wines of one region: 13 measurements, and which of three grapes each was made from."""
    bunch = load_wine()
    write_csv(
        folder / "wine.csv",
        [*bunch.feature_names, "cultivar"],
        ([*row, target] for row, target in zip(bunch.data, bunch.target, strict=True)),
    )


SONNETS = {"train": slice(None, -5), "valid": slice(-5, -3), "test": slice(-3, None)}


def write_sonnets(folder: Path) -> None:
    """Windows of 33 letters of the text, each letter's number in the alphabet, and whether their
    sonnet is trained on: windows overlap there, elsewhere each letter is told from others once."""
    text = (EXAMPLES / "sonnets.txt").read_text("utf-8").lower()
    alphabet, sonnets = sorted(set(text)), text.split("\n\n")
    windows, parts = [], []
    for part, chosen in SONNETS.items():
        numbers = [alphabet.index(letter) for letter in "\n\n".join(sonnets[chosen])]
        step = 3 if part == "train" else 32
        found = np.lib.stride_tricks.sliding_window_view(np.array(numbers, np.uint8), 33)[::step]
        windows.append(found)
        parts += [part] * len(found)
    np.savez_compressed(folder / "sonnets.npz", windows=np.concatenate(windows), part=parts)


def write_adding(folder: Path) -> None:
    """The adding problem: 1000 times 32 numbers from 0 to 255, and two places, one a half each."""
    rng = np.random.Generator(np.random.Philox(0))
    np.savez_compressed(
        folder / "adding.npz",
        numbers=rng.integers(0, 256, (1000, 32)).astype(np.uint8),
        first=rng.integers(0, 16, 1000).astype(np.uint8),
        second=rng.integers(16, 32, 1000).astype(np.uint8),
    )


def write_spirals(folder: Path) -> None:
    """100 points of the plane, and where do/dt = A o, A = [[-0.3, -2], [2, -0.3]], moves them in 20
    steps of 0.1: round the origin by two radians in a unit of time, and inwards."""
    rng = np.random.Generator(np.random.Philox(0))
    start = rng.uniform(-1, 1, (100, 1, 2))
    time = 0.1 * np.arange(21)[:, None]
    x, y, sine, cosine = start[..., :1], start[..., 1:], np.sin(2 * time), np.cos(2 * time)
    turned = np.concatenate([x * cosine - y * sine, x * sine + y * cosine], -1)
    path = np.round(np.exp(-0.3 * time) * turned, 4).astype(np.float32)
    np.savez_compressed(folder / "spirals.npz", start=path[:, 0], seen=path[:, 1:])


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[float]]) -> None:
    """Write numbers so that they read back to the same bits, whole ones without a point."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([format_number(float(value)) for value in row] for row in rows)


def format_number(value: float) -> str:
    """The shortest text that reads back to `value`."""
    return str(int(value)) if value.is_integer() else repr(value)


def main(folder: Path = EXAMPLES) -> None:
    """Write every file into `folder`."""
    write_digits(folder)
    write_breast_cancer(folder)
    write_diabetes(folder)
    write_wine(folder)
    write_sonnets(folder)
    write_adding(folder)
    write_spirals(folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
