"""The files of an export: written without a copy of what they hold, both or neither."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl.views import export

TEXT = """dim N
input x: [N, 8]
const width = 400
param W: [8, width] ~ normal()
param b: [300] = 0.5
output y = sum(x @ W) * sum(b)
"""


@pytest.fixture
def model() -> graphdsl.Model:
    return graphdsl.loads(TEXT)


def test_they_are_written_without_a_copy_of_the_parameters(tmp_path: Path) -> None:
    model = graphdsl.loads(TEXT, width=400_000)
    model.export(tmp_path / "first.py", sizes={"N": 1})
    tracemalloc.start()
    try:
        model.export(tmp_path / "m.py", sizes={"N": 1})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < model.params["W"].nbytes / 2
    assert (tmp_path / "m.npz").stat().st_size > model.params["W"].nbytes


@pytest.mark.parametrize("fault", [MemoryError(), OSError(28, "No space left on device")])
def test_a_fault_midway_leaves_what_was_there(
    fault: Exception, model: graphdsl.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program of one model and the arrays of another would be neither."""
    files = model.export(tmp_path / "m.py", sizes={"N": 2})
    before = [file.read_bytes() for file in files]
    model.params["b"][:] = 2
    write_header = np.lib.format.write_array_header_1_0

    def fail_at_the_second(file, header: dict) -> None:
        if header["shape"] == (300,):
            raise fault
        write_header(file, header)

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", fail_at_the_second)
    with pytest.raises(graphdsl.DataError):
        model.export(tmp_path / "m.py", sizes={"N": [2, 3]})
    assert [file.read_bytes() for file in files] == before
    assert sorted(tmp_path.iterdir()) == sorted(files)


@pytest.mark.parametrize("longest", [export.LONGEST_HEADER, 2**31])
def test_the_same_arrays_are_the_same_bytes(
    longest: int, model: graphdsl.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of any size: beyond 2 GB an archive's entries are written in another way."""
    monkeypatch.setattr(export, "LONGEST_HEADER", longest)
    written = [model.export(tmp_path / f"{name}.py", sizes={"N": 2})[1] for name in "ab"]
    assert written[0].read_bytes() == written[1].read_bytes()
    with np.load(written[0], allow_pickle=False) as found:
        assert found.keys() == model.params.keys()
        for name, value in model.params.items():
            np.testing.assert_array_equal(found[name], value)
    with zipfile.ZipFile(written[0]) as archive:
        np.save(tmp_path / "W.npy", model.params["W"])
        assert archive.read("W.npy") == (tmp_path / "W.npy").read_bytes()
