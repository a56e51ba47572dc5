"""Weights: a round trip, and every way a file can fail to fit."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import graphdsl
from graphdsl import DataError
from graphdsl.training import tensor_file
from graphdsl.training.identity import model_hash
from graphdsl.training.weights import restore, save, take_fitting
from small_machine import have_memory

MODEL = """input x: [3]
const k = 2
param W: [3, k] ~ normal(0, 1)
param b = 0.5
state m: [3] = 1
update m = x
output y = x @ W + b * sum(m)
"""


@pytest.fixture
def model() -> graphdsl.Model:
    return graphdsl.loads(MODEL, seed=1)


@pytest.fixture
def saved(model: graphdsl.Model, tmp_path: Path) -> Path:
    model.save(tmp_path / "w.safetensors")
    return tmp_path / "w.safetensors"


def test_round_trip(model: graphdsl.Model, saved: Path) -> None:
    other = graphdsl.loads(MODEL, seed=2)
    other.states["m"][...] = 7
    other.restore(saved)
    for name, array in {**model.params, **model.states}.items():
        np.testing.assert_array_equal(array, {**other.params, **other.states}[name])
    read = load_file(saved)
    assert read["b"].shape == ()
    np.testing.assert_array_equal(read["W"], model.params["W"])
    assert (saved.stat().st_mode & 0o777) == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_views_that_are_not_contiguous_are_saved_right(tmp_path: Path, model) -> None:
    turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    memory = SimpleNamespace(params={"W": turned}, states={})
    session = model.session
    session = SimpleNamespace(memory=memory, compilation=model.compilation, lock=session.lock)
    save(tmp_path / "w", session)
    np.testing.assert_array_equal(load_file(tmp_path / "w")["W"], turned)


def test_metadata(saved: Path) -> None:
    said = tensor_file.read(saved).metadata
    assert said["graphdsl"] == graphdsl.__version__
    assert said["dtype"] == "f32"
    assert len(said["model"]) == 32


def refusal(model: graphdsl.Model, path: Path) -> str:
    before = {name: array.copy() for name, array in model.params.items()}
    with pytest.raises(DataError) as caught:
        model.restore(path)
    for name, array in model.params.items():
        np.testing.assert_array_equal(array, before[name])
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_what_does_not_fit_is_named(model: graphdsl.Model, tmp_path: Path) -> None:
    path = tmp_path / "w"
    W, b, m = np.ones((3, 4), np.float32), np.ones((), np.float64), np.ones(3, np.float32)
    save_file({"W": W, "b": b, "M": m, "extra": m}, path)
    text = refusal(model, path)
    assert "'W' is f32[3, 4] in the file and f32[3, 2] in the model" in text
    assert "'b' is f64 in the file and f32 in the model" in text
    assert "'m' is missing; is it 'M' in the file?" in text
    assert "'extra' is no parameter or state of the model" in text


def test_the_layout_of_a_file_is_no_other_model() -> None:
    hashes = {
        model_hash(graphdsl.loads(text).compilation)
        for text in (
            "param w = 1\nloss J = w^2\ntrain { optimizer = adam }\n",
            "param w=1 # why\n\nloss J = w^2\ntrain {\n  optimizer = adam\n}\n",
        )
    }
    assert len(hashes) == 1


def test_weights_of_another_model_are_told_so(model: graphdsl.Model, saved: Path) -> None:
    other = graphdsl.loads(MODEL, k=3)
    assert "E0621" in refusal(other, saved)
    assert "saved by another model" in refusal(other, saved)


def entry(**changes: object) -> dict[str, object]:
    return {"dtype": "F32", "shape": [], "data_offsets": [0, 4], **changes}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"short",
        os.urandom(200),
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 5) + b"{not}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 26) + b'{"a": {"dtype": "F32"}   }',
        b"PK\x03\x04" + bytes(100),
        struct.pack("<Q", 40_000) + b"[" * 40_000,
    ],
    ids=["empty", "short", "random", "huge", "json", "list", "entry", "zip", "deep"],
)
def test_files_that_are_no_weights(model: graphdsl.Model, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "w").write_bytes(data)
    assert "E0620" in refusal(model, tmp_path / "w")


def raw(header: str, body: bytes = b"\0\0\0\0") -> bytes:
    return struct.pack("<Q", len(header)) + header.encode() + body


@pytest.mark.parametrize(
    "data",
    [
        raw(f'{{"b": {json.dumps(entry())}, "b": {json.dumps(entry())}}}'),
        raw(json.dumps({"b": entry(data_offsets=[0, 8])})),
        raw(json.dumps({"b": entry(shape=[-1])})),
        raw(json.dumps({"b": entry(), "__metadata__": {"x": 1}})),
    ],
    ids=["twice", "beyond", "negative", "metadata"],
)
def test_headers_that_lie(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "w").write_bytes(data)
    assert "E0620" in refusal(graphdsl.loads("param b = 0\noutput y = b"), tmp_path / "w")


def test_offsets_and_shapes_must_agree(tmp_path: Path) -> None:
    model = graphdsl.loads("param b: [2] = 0\noutput y = b")
    (tmp_path / "w").write_bytes(raw(json.dumps({"b": entry(shape=[2])})))
    assert "another number of bytes" in refusal(model, tmp_path / "w")


@pytest.mark.parametrize("cut", [1, 4, 30, 100])
def test_truncated_files(model: graphdsl.Model, saved: Path, cut: int) -> None:
    saved.write_bytes(saved.read_bytes()[:-cut])
    assert "E062" in refusal(model, saved)


def test_missing_file_and_folder(model: graphdsl.Model, tmp_path: Path) -> None:
    assert "there is no weights file" in refusal(model, tmp_path / "none")
    assert "name a .safetensors file, or the folder of a run" in refusal(model, tmp_path / "none")
    assert "holds no weights.safetensors" in refusal(model, tmp_path)
    model.save(tmp_path / "digits.safetensors")
    assert "did you mean 'digits.safetensors'" in refusal(model, tmp_path / "digit.safetensors")


def test_a_run_that_has_not_ended_has_checkpoints(model: graphdsl.Model, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    for name in ("best", "step-000009", "step-000010"):
        model.save(tmp_path / "checkpoints" / f"{name}.safetensors")
    assert "checkpoints/step-000010.safetensors" in refusal(model, tmp_path)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"PK\x03\x04", "a zip archive"),
        (b"\x93NUMPY\x01\x00", "an array"),
        (b"PAR1", "a parquet file"),
        (b"\x80\x04\x95\x00\x01\x00\x00\x00", "a pickle"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "a gzip file"),
    ],
)
def test_files_of_other_kinds_are_known(
    model: graphdsl.Model, tmp_path: Path, start: bytes, kind: str
) -> None:
    (tmp_path / "w").write_bytes(start + bytes(range(100)))
    assert f"is no weights file: it is {kind}" in refusal(model, tmp_path / "w")


def test_a_header_may_be_as_long_as_a_pickle_begins(tmp_path: Path) -> None:
    header = json.dumps({"b": entry()})
    (tmp_path / "w").write_bytes(raw(header + " " * (0x0280 - len(header))))
    model = graphdsl.loads("param b = 7\noutput y = b")
    model.restore(tmp_path / "w")
    assert model.params["b"] == 0


def test_every_changed_bit_is_found(model: graphdsl.Model, saved: Path) -> None:
    whole = saved.read_bytes()
    for place in range(len(whole)):
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << place % 8
        saved.write_bytes(bytes(spoilt))
        # without these names it is a file that says nothing of itself, all else being as it was
        if b'"digest"' in spoilt and b'"graphdsl"' in spoilt:
            assert "E062" in refusal(model, saved)
    saved.write_bytes(whole[:-1] + bytes([whole[-1] ^ 64]))
    assert "their digest is another" in refusal(model, saved)
    with pytest.raises(DataError, match="their digest is another"):
        take_fitting(saved, model.session)


@pytest.mark.parametrize("metadata", [None, {"digest": "of something else"}, {"graphdsl": "0.0.9"}])
def test_files_without_a_digest_of_ours_are_taken(
    model: graphdsl.Model, tmp_path: Path, metadata: dict[str, str] | None
) -> None:
    found = {n: np.full_like(a, 3) for n, a in {**model.params, **model.states}.items()}
    save_file(found, tmp_path / "w", metadata)
    model.restore(tmp_path / "w")
    assert (model.params["W"] == 3).all()


def test_values_that_are_not_finite_are_told(model: graphdsl.Model, tmp_path: Path) -> None:
    model.states["m"][0] = np.inf  # as a smallest value so far begins
    model.save(tmp_path / "w")
    assert restore(tmp_path / "w", model.session) == ()
    model.params["W"][0, 1], model.params["W"][2, 0] = -np.inf, np.nan
    model.states["m"][1] = np.nan
    model.save(tmp_path / "w")
    (warning,) = restore(tmp_path / "w", model.session)
    assert (warning.code, warning.severity) == ("W0113", "warning")
    assert str(tmp_path / "w") in warning.message
    assert warning.notes == (
        "'W': 2 of 6 values, the first -inf",
        "'m': 1 of 3 values, the first nan",
    )
    assert take_fitting(tmp_path / "w", model.session).warnings == (warning,)
    with pytest.warns(RuntimeWarning, match="W0113"):
        model.restore(tmp_path / "w")


def test_what_fits_is_taken_from_a_folder(model: graphdsl.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "weights.safetensors")
    other = graphdsl.loads(MODEL, k=3, seed=9)
    taken = take_fitting(tmp_path, other.session)
    assert taken.path == tmp_path / "weights.safetensors"
    assert taken.names == ["b", "m"]
    assert taken.left == ["'W' is f32[3, 2] in the file and f32[3, 3] in the model"]


def test_a_file_larger_than_memory_is_not_read(
    model: graphdsl.Model, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for whole, free in ((100, 100), (2**40, 100)):
        have_memory(monkeypatch, whole, free)
        told = f"it is more than memory can hold: this machine has {whole:,}, of which 100 are free"
        assert told in refusal(model, saved)


def test_saving_where_nothing_can_be_written(model: graphdsl.Model, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="E0812"):
        model.save(tmp_path / "no" / "w")
