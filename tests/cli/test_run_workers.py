"""Runs whose steps are shared among workers: they go on, and are replayed, with as many."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import graphdsl
from graphdsl.cli import main
from graphdsl.engines import divided
from graphdsl.graph.kernel import Array
from graphdsl.training import tensor_file
from graphdsl.training.keeper import find_checkpoints
from graphdsl.training.weights import DIGEST, seal

MODEL = Path(__file__).parents[2] / "examples" / "breast_cancer.gdl"
RUN = ["run", str(MODEL), "--epochs", "6", "--engine", "numpy", "-q"]


@pytest.fixture(autouse=True)
def _shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step that can be shared is, however small."""
    monkeypatch.setattr(divided, "_count_workers", lambda graph, sizes, cores: cores)


def have_cores(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphdsl.session.count_cores", lambda: count)


def weights(run: Path) -> bytes:
    return (run / "weights.safetensors").read_bytes()


def workers(run: Path) -> object:
    return json.loads((run / "settings.json").read_text("utf-8"))["workers"]


def test_a_run_is_replayed_with_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [tmp_path / "two", tmp_path / "one"]
    for cores, run in zip((2, 1), runs, strict=True):
        have_cores(cores, monkeypatch)
        assert main([*RUN, "--out", str(run)]) == 0
        assert workers(run) == cores
    assert weights(runs[0]) != weights(runs[1]), "sums in parts have other last digits"
    for cores in (1, 2):
        have_cores(cores, monkeypatch)
        assert [main(["verify", str(run)]) for run in runs] == [0, 0]


def test_a_run_goes_on_with_its_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    have_cores(2, monkeypatch)
    assert main([*RUN, "--out", str(whole)]) == 0
    assert main([*RUN, "--epochs", "3", "--out", str(parts)]) == 0
    have_cores(1, monkeypatch)
    assert main(["run", str(MODEL), "--resume", str(parts), "--epochs", "6", "-q"]) == 0
    assert weights(parts) == weights(whole)


def test_what_is_looked_into_is_not_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    have_cores(2, monkeypatch)
    assert main([*RUN, "--debug-nan", "--out", str(run)]) == 0
    assert workers(run) == 1
    assert main(["verify", str(run)]) == 0


@pytest.mark.parametrize("look", ["--debug-nan", "--profile"])
def test_what_looks_into_a_shared_run_says_that_its_bits_may_differ(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    look: str,
) -> None:
    shared, alone = tmp_path / "shared", tmp_path / "alone"
    have_cores(2, monkeypatch)
    assert main([*RUN, "--epochs", "2", "--out", str(shared)]) == 0
    assert main([*RUN, "--epochs", "2", look, "--out", str(alone)]) == 0
    said = []
    for run in (shared, alone):
        for more in ([], [look]):
            capsys.readouterr()
            epochs = str(3 + len(said))
            words = ["run", str(MODEL), "--resume", str(run), "--epochs", epochs, *more]
            assert main(words) == 0
            said.append("the bits may differ" in capsys.readouterr().err)
    assert said == [False, True, False, False]


def test_a_program_goes_on_with_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer cores, or more, are no other run; afterwards the model has as many as before."""

    def train(cores: int, epochs: int, folder: Path | None, look: bool = False) -> bytes:
        have_cores(cores, monkeypatch)
        model = graphdsl.load(MODEL, engine="numpy", seed=0)
        model.fit(epochs=epochs, checkpoints=folder, debug_nan=look)
        assert model.session.workers == cores
        return b"".join(array.tobytes() for array in model.params.values())

    one, two = train(1, 6, None), train(2, 6, None)
    assert one != two, "sums in parts have other last digits"
    for number, (cores, look, expected) in enumerate(
        [(2, False, two), (1, False, one), (2, True, one)]
    ):
        folder = tmp_path / str(number)
        train(cores, 3, folder, look)
        assert train(3 - cores, 6, folder) == expected


def test_a_checkpoint_that_says_no_workers_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier versions wrote none."""

    def forget(path: Path, tensors: dict[str, Array], said: dict[str, str]) -> None:
        kept = {key: text for key, text in said.items() if key not in ("workers", DIGEST)}
        write(path, tensors, {**kept, DIGEST: seal(tensors, kept)})

    write = tensor_file.write
    with monkeypatch.context() as patch:
        patch.setattr(tensor_file, "write", forget)
        graphdsl.load(MODEL, seed=0).fit(epochs=1, checkpoints=tmp_path)
    model = graphdsl.load(MODEL, seed=0)
    model.fit(epochs=2, checkpoints=tmp_path)
    assert len(find_checkpoints(tmp_path)) == 2
