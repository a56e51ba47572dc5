"""Files of tensors: what is written are the format's bytes, array by array."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load
from safetensors.numpy import save as to_bytes

import graphdsl
from graphdsl.training import tensor_file


def test_weights_are_written_without_a_copy_of_them(tmp_path: Path) -> None:
    """What is trained where memory is short can be saved there."""
    model = graphdsl.loads("param W: [700, 900] = 0\nparam b: [900] = 0\noutput y = W * b")
    model.save(tmp_path / "first.safetensors")
    tracemalloc.start()
    try:
        model.save(tmp_path / "w.safetensors")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < model.params["W"].nbytes / 4


@pytest.mark.parametrize("names", ["abcdef", "fedcba", ["é", "z", "B", "a.b", "_", "0"]])
def test_what_is_written_is_what_the_format_s_library_writes(names, tmp_path: Path) -> None:
    arrays = [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.full((), 2.5),
        np.arange(3),
        np.array([True, False, True]),
        np.arange(5, dtype=np.int32)[::2],
        np.zeros((0, 4), np.float32),
    ]
    tensors = dict(zip(names, arrays, strict=True))
    tensor_file.write(tmp_path / "w", tensors, {"digest": "ü"})
    written = (tmp_path / "w").read_bytes()
    wanted = to_bytes({n: np.ascontiguousarray(a).reshape(a.shape) for n, a in tensors.items()})
    (ours, data), (theirs, kept) = map(parts_of, (written, wanted))
    assert ours.pop("__metadata__") == {"digest": "ü"}
    assert (ours, data) == (theirs, kept)
    found = load(written)
    assert all(np.array_equal(found[name], tensors[name]) for name in names)


def parts_of(file: bytes) -> tuple[dict, bytes]:
    length = int.from_bytes(file[:8], "little")
    assert length % 8 == 0
    return json.loads(file[8 : 8 + length]), file[8 + length :]


def test_the_same_weights_are_the_same_bytes(tmp_path) -> None:
    text = "param w: [3] ~ normal()\nparam b = 1\nstate s: [2] = 2\noutput y = w * b + sum(s)"
    written = []
    for name in ("a", "b", "c"):
        path = tmp_path / f"{name}.safetensors"
        graphdsl.loads(text).save(path)
        written.append(path.read_bytes())
    assert written[0] == written[1] == written[2]
    model = graphdsl.loads(text, seed=9)
    model.restore(tmp_path / "a.safetensors")
    assert model.params["w"].tolist() == graphdsl.loads(text).params["w"].tolist()
