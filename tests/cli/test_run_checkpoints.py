"""How often a run is saved, and how many checkpoints are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphdsl.training.keeper import find_checkpoints


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        ((), [28]),
        (("--checkpoint-every", "10"), [20, 28]),
        (("--checkpoint-every", "10steps", "--keep", "9"), [10, 20, 28]),
        (("--checkpoint-every", "2epochs"), [14, 28]),
        (("--checkpoint-every", "1 epoch", "--keep", "3"), [14, 21, 28]),
        (("--checkpoint-every", "5min"), [28]),
    ],
)
def test_how_often_and_how_many(call, path: Path, words: tuple[str, ...], steps: list[int]) -> None:
    assert call("run", path, "-q", "--out", "o", *words).code == 0
    found = [int(one.stem.removeprefix("step-")) for one in find_checkpoints(Path("o"))]
    assert found == steps
    assert (Path("o") / "checkpoints" / "best.safetensors").exists()
