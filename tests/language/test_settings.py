"""The schema of `data` and `train`."""

from __future__ import annotations

import pytest

from graphdsl.language.settings import DATA, KINDS, TRAIN, check_setting, keys, lookup


def test_tables_are_whole() -> None:
    for table in (DATA, TRAIN):
        names = [setting.key for setting in table]
        assert len(set(names)) == len(names)
        for setting in table:
            assert setting.kind in KINDS
            assert setting.doc.endswith(".")
            assert setting.default is None or check_setting(setting, setting.default) is None
    assert keys("data")[0] == "source"
    assert lookup("train", "batch") in TRAIN
    assert lookup("train", "source") is None


@pytest.mark.parametrize(
    ("block", "key", "good", "bad"),
    [
        ("train", "batch", [1, 64, "all"], [0, -1, 1.5, True, "some", None]),
        ("train", "epochs", [0, 10], [-1, 2.0, False, "all"]),
        ("train", "shuffle", [True, False], [1, "true"]),
        ("train", "seed", [0, 2**63], [-1, 0.5]),
        ("train", "accumulate", [1, 4], [0, -1, 1.5, True, "all", None]),
        ("train", "clip_norm", [1, 0.5], [0, -1, float("inf"), float("nan"), True, "1", None]),
        ("train", "clip_value", [1, 0.5], [0, -0.1, float("nan"), [1]]),
        ("train", "average", [0, 0.0, 0.999], [1, -0.1, 1.5, float("nan"), False, "0.9"]),
        (
            "train",
            "scale_lr",
            [{}, {"*.W": 0.1, "b": 0}, {"h.W": -1}],
            [0.1, {"w": "a"}, {"w": True}, {1: 2}, {"w": float("inf")}, ["w", 1], None],
        ),
        ("data", "source", ["a.npz"], ["", 3, None]),
        ("data", "stratify", ["labels"], [3]),
        (
            "data",
            "split",
            [[0.8, 0.2], [0.6, 0.2, 0.2], (0.5, 0.5)],
            [
                [0.8],
                [0.5, 0.6],
                [1.0, 0.0],
                [2, -1],
                "ab",
                0.5,
                [True, 0.5],
                [0.25] * 4,
                [float("nan"), 1],
            ],
        ),
    ],
)
def test_values(block: str, key: str, good: list[object], bad: list[object]) -> None:
    setting = lookup(block, key)  # type: ignore[arg-type]
    assert setting is not None
    for value in good:
        assert check_setting(setting, value) is None
    for value in bad:
        assert check_setting(setting, value) == KINDS[setting.kind]
