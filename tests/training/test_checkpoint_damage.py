"""What is no checkpoint of a run, or no longer, is refused: damaged, forged or foreign."""

from __future__ import annotations

import errno
import json
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError
from graphdsl.training import checkpoint, tensor_file, weights
from graphdsl.training.keeper import Every, find_checkpoints
from graphdsl.training.position import Position
from graphdsl.training.snapshot import Snapshot
from training.saved_runs import MODEL, train


@pytest.fixture
def saved(tmp_path: Path) -> tuple[graphdsl.Model, Path]:
    """A model in training and a checkpoint of it."""
    model, _ = train(MODEL.replace("ACCUMULATE", ""), tmp_path, Every())
    return model, find_checkpoints(tmp_path)[-1]


def refusal(model: graphdsl.Model, path: Path, run: str = "run") -> str:
    before = {name: array.tobytes() for name, array in model.session.memory.arrays.items()}
    with pytest.raises(DataError) as caught:
        checkpoint.read(path, model.session, run)
    assert before == {n: array.tobytes() for n, array in model.session.memory.arrays.items()}
    assert str(path) in str(caught.value)
    assert "E0626" in str(caught.value)
    assert "help: remove it" in str(caught.value)
    return str(caught.value)


def test_every_flipped_bit_is_found(saved: tuple[graphdsl.Model, Path]) -> None:
    model, path = saved
    whole = path.read_bytes()
    rng = random.Random(0)
    header = 8 + struct.unpack("<Q", whole[:8])[0]
    places = [
        *range(9),
        *rng.sample(range(8, header), 80),
        *rng.sample(range(header, len(whole)), 80),
    ]
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        if not _padding(whole, header, place):
            refusal(model, path)


def test_a_checkpoint_that_may_not_be_read_is_not_to_be_removed(
    saved: tuple[graphdsl.Model, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, path = saved

    def refuse(*_: object) -> object:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(tensor_file, "read", refuse)
    with pytest.raises(DataError, match="E0626") as caught:
        checkpoint.read(path, model.session, "run")
    assert "chmod" in str(caught.value)
    assert "remove" not in str(caught.value)


def _padding(data: bytes, header: int, place: int) -> bool:
    """Whether a byte is one of the spaces that end the header."""
    return place < header and not data[place:header].strip()


def test_every_length_that_is_too_short_is_found(saved: tuple[graphdsl.Model, Path]) -> None:
    model, path = saved
    whole = path.read_bytes()
    for length in (0, 1, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        refusal(model, path)


def test_a_missing_file_and_a_folder(saved: tuple[graphdsl.Model, Path]) -> None:
    model, path = saved
    path.unlink()
    assert "No such file" in refusal(model, path)
    path.mkdir()
    assert "it is a folder" in refusal(model, path)


def rewritten(path: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Change a checkpoint's header, as someone with bad intentions would, lengths in order."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


def metadata(**texts: str) -> Callable[[dict], None]:
    return lambda header: header["__metadata__"].update(texts)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (metadata(format="other"), "it is no checkpoint"),
        (metadata(model="0" * 32), "another model"),
        (metadata(run="other"), "another run"),
        (metadata(layout="other"), "its bytes are not those that were written"),
        (metadata(digest="0"), "its bytes are not those that were written"),
        (metadata(progress="{}"), "its bytes are not those that were written"),
        (lambda header: header.pop("__metadata__"), "it is no checkpoint"),
        (lambda header: header.pop("z.W"), "'z.W' is missing"),
        (lambda header: header.update({"more": header["z.W"]}), "'more' is nothing that"),
        (lambda header: header["z.W"].update(shape=[3, 12]), "'z.W' is f32[3, 12]"),
        (lambda header: header["z.W"].update(dtype="I32"), "'z.W' is i32[12, 3]"),
        (lambda header: header["z.W"].update(data_offsets=[0, 4]), "'z.W' is f32[12, 3]"),
    ],
)
def test_headers_that_lie(saved, change: Callable[[dict], None], said: str) -> None:
    model, path = saved
    rewritten(path, change)
    assert said in refusal(model, path)


PLAIN = {
    "t": 3,
    "first_step": 0,
    "position": {"epoch": 1, "steps": 0, "rows": 0, "total": 0.0},
    "seconds": 1.0,
    "best": 1,
    "stopping": None,
    "columns": {"epoch": True, "step": True},
}


@pytest.mark.parametrize(
    "progress",
    [
        [],
        {},
        {**PLAIN, "t": -1},
        {**PLAIN, "t": True},
        {**PLAIN, "t": 2**70},
        {**PLAIN, "position": None},
        {**PLAIN, "position": {**PLAIN["position"], "steps": 1.5}},
        {**PLAIN, "position": {**PLAIN["position"], "total": "x"}},
        {**PLAIN, "seconds": "long"},
        {**PLAIN, "best": 2},
        {**PLAIN, "stopping": {"best": []}},
        {**PLAIN, "columns": {}},
        {**PLAIN, "columns": [True, True]},
        {**PLAIN, "columns": {"epoch": True, "step": 1}},
        {**PLAIN, "columns": {"epoch": True, "step": True, "more": False}},
    ],
    ids=repr,
)
def test_progress_that_makes_no_sense(saved, progress: object) -> None:
    """A digest that fits says that nothing was damaged; what stands there is checked even so."""
    model, path = saved
    forged(path, json.dumps(PLAIN))
    checkpoint.read(path, model.session, "run")
    forged(path, json.dumps(progress))
    refusal(model, path)


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "", "nan"], ids=len)
def test_progress_that_is_no_json(saved, text: str) -> None:
    model, path = saved
    forged(path, text)
    refusal(model, path)


ROWS = np.array([[1.0, 3.0]])


@pytest.mark.parametrize(
    "rows",
    [
        np.array([[1.0, np.nan]]),
        np.array([[1.0, np.inf]]),
        np.array([1.0, 3.0]),
        np.array([[1, 3]]),
        np.array(1.0),
        np.zeros((0, 2)),
    ],
    ids=str,
)
def test_rows_that_make_no_sense(saved, rows: np.ndarray) -> None:
    model, path = saved
    forged(path, json.dumps(PLAIN), rows)
    refusal(model, path)


def test_a_long_history_is_no_long_header(saved) -> None:
    model, path = saved
    row = {"epoch": 1, "step": 2, "seconds": 0.1, "train.J": 1 / 3, "valid.J": float("nan")}
    plain = {k: v for k, v in PLAIN.items() if k not in ("position", "columns")}
    epochs = (row,) * 200_000
    progress = checkpoint.Progress(**plain, position=Position(), epochs=epochs)
    checkpoint.write(path, model.session, Snapshot(model.session), progress, "run")
    assert struct.unpack("<Q", path.read_bytes()[:8])[0] < 10_000
    found = checkpoint.read(path, model.session, "run").progress.epochs
    assert len(found) == len(epochs)
    assert repr(found[-1]) == repr(row)


def forged(path: Path, progress: str, rows: np.ndarray = ROWS) -> None:
    """Another progress in a checkpoint, with a digest that fits."""
    file = tensor_file.read(path)
    tensors = file.tensors()
    said = {key: text for key, text in file.metadata.items() if key != "digest"}
    said["progress"] = progress
    tensors[checkpoint.HISTORY] = rows
    tensor_file.write(path, tensors, {**said, "digest": weights.seal(tensors, said)})


def test_a_checkpoint_of_another_run(saved) -> None:
    model, path = saved
    assert "another run of this model" in refusal(model, path, "else")
    other = graphdsl.loads(MODEL.replace("ACCUMULATE", "").replace("12", "13"))
    assert "another model" in refusal(other, path)
