"""Checkpoints: a run from any of them ends as if it had never stopped; none is lost."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError, DivergedError
from graphdsl.compiler.rewrite import PASSES, passes
from graphdsl.compiler.rewrite.units import choose_units
from graphdsl.training import checkpoint, loop
from graphdsl.training.data import load_dataset
from graphdsl.training.keeper import CHECKPOINTS, Every, Keeper, find_checkpoints, newest
from graphdsl.training.options import fit_settings
from training.saved_runs import MODEL, OPTIONS, said, train


@pytest.mark.parametrize("option", OPTIONS, ids=["plain", "accumulated", "averaged"])
@pytest.mark.parametrize("valid", [True, False])
def test_a_run_from_any_checkpoint_ends_alike(tmp_path: Path, option: str, valid: bool) -> None:
    text = MODEL.replace("ACCUMULATE", option)
    expected = said(*train(text, None, Every(), valid=valid))
    (tmp_path / "a").mkdir()
    kept = said(*train(text, tmp_path / "a", Every(steps=1), valid=valid))
    assert kept == expected
    paths = find_checkpoints(tmp_path / "a")
    assert len(paths) >= 8
    for number, path in enumerate(random.Random(1).sample(paths, 6)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert said(*train(text, folder, Every(), valid=valid, start=path)) == expected, path.name


def test_what_a_diverging_epoch_goes_back_to_is_kept(tmp_path: Path) -> None:
    text = """param w = 1
loss J = w
optimizer blow() {
  update p = p + 1 + 1e40 * maximum(t - 7, 0)
}
train {
  optimizer = blow()
  epochs = 3
}
"""

    def run(folder: Path, start: Path | None) -> float:
        model = graphdsl.loads(text)
        batches = [{} for _ in range(5)]
        dataset = load_dataset(model.session, {}, batches)
        settings = fit_settings(model.compilation, {})
        begin = checkpoint.read(start, model.session, "r") if start else None
        keeper = Keeper(folder, "r", Every(steps=1), 1000, begin)
        with pytest.raises(DivergedError):
            loop.fit(model.trainer(), dataset, settings, None, None, keeper)
        return float(model.params["w"])

    (tmp_path / "a").mkdir()
    assert run(tmp_path / "a", None) == 6
    paths = find_checkpoints(tmp_path / "a")
    # the parameter is infinite after the eighth step, which nobody goes on from
    assert [path.stem for path in paths[-3:]] == ["step-000005", "step-000006", "step-000007"]
    for path in paths[-3:]:
        assert run(tmp_path / "a", path) == 6


def test_a_checkpoint_serves_as_weights(tmp_path: Path) -> None:
    text = MODEL.replace("ACCUMULATE", "")
    model, _ = train(text, tmp_path, Every(), valid=False)
    other = graphdsl.loads(text, seed=9)
    other.restore(find_checkpoints(tmp_path)[-1])
    for name, array in {**model.params, **model.states}.items():
        assert array.tobytes() == {**other.params, **other.states}[name].tobytes()


def test_the_best_weights_stand_beside(tmp_path: Path) -> None:
    text = MODEL.replace("ACCUMULATE", "")
    model, history = train(text, tmp_path, Every(steps=4))
    assert history.best is not None
    other = graphdsl.loads(text, seed=9)
    other.restore(tmp_path / CHECKPOINTS / "best.safetensors")
    assert all(a.tobytes() == other.params[n].tobytes() for n, a in model.params.items())


@pytest.mark.parametrize("call", ["fsync", "replace", "fchmod"])
@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_a_write_that_fails_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, fault: int
) -> None:
    text = MODEL.replace("ACCUMULATE", "")
    expected = said(*train(text, None, Every()))
    calls, real = [], getattr(os, call)

    def fail(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) > 9:
            raise OSError(fault, os.strerror(fault))
        return real(*arguments)

    (tmp_path / "a").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(DataError, match="E0812") as caught:
            train(text, tmp_path / "a", Every(steps=1))
    assert os.strerror(fault) in str(caught.value)
    assert not list(tmp_path.glob("a/**/.*"))
    model = graphdsl.loads(text)
    model.trainer()
    found = newest(tmp_path / "a", model.session, "run")
    assert found is not None
    assert 0 < found.progress.t < 28
    assert said(*train(text, tmp_path / "a", Every(), start=found.path)) == expected


@pytest.mark.parametrize(("optimizer", "fits"), [("adam()", False), ("sgd(momentum = 0.9)", True)])
def test_states_in_other_units_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: str, fits: bool
) -> None:
    """A compiler that leaves Adam's moments their factors stores other numbers under their names;
    what it has no unit for, both store alike."""
    text = MODEL.replace("ACCUMULATE", "").replace("adam(lr = cosine(1e-2, warmup = 5))", optimizer)
    with monkeypatch.context() as patch:
        plain = tuple(step for step in PASSES if step is not choose_units)
        patch.setattr(passes, "PASSES", plain)
        train(text, tmp_path, Every())
    path = find_checkpoints(tmp_path)[-1]
    model = graphdsl.loads(text, seed=3)
    model.trainer()
    if fits:
        assert checkpoint.read(path, model.session, "run").progress.t > 0
        return
    with pytest.raises(
        DataError, match=r"an earlier version of graphdsl .* in other units"
    ) as caught:
        checkpoint.read(path, model.session, "run")
    (found,) = caught.value.diagnostics
    assert found.help == (f"begin a new run with the weights that it holds: --warm-start {path}",)


def test_tensors_that_lie_elsewhere_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version that wrote them is named where it is another one."""
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "_hash_places", lambda *_: "elsewhere")
        patch.setattr(checkpoint, "versions", lambda: {"graphdsl": "0.0.1"})
        model, _ = train(MODEL.replace("ACCUMULATE", ""), tmp_path, Every())
    path = find_checkpoints(tmp_path)[-1]
    with pytest.raises(DataError, match=r"E0626.*stores tensors otherwise") as caught:
        checkpoint.read(path, model.session, "run")
    (found,) = caught.value.diagnostics
    assert found.help[1:] == ("or go on with the version that wrote it, graphdsl 0.0.1",)


@pytest.mark.parametrize("at", [0, 3, 4, 9])
def test_bits_are_compared_to_the_last_piece(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "PIECE", 4)
    one = np.zeros(10, bool)
    other = one.copy()
    assert checkpoint._same_bits(one, other)
    other[at] = True
    assert not checkpoint._same_bits(one, other)
