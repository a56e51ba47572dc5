"""NumPy's files: what is read, and what is refused before memory is taken for it."""

from __future__ import annotations

import errno
import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from graphdsl import DataError
from graphdsl.training.sources import read_table
from small_machine import have_memory


def header(descr: str, shape: str) -> bytes:
    """The start of an `.npy` file that declares what it likes."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (63 - (len(text) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def npz(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def refusal(path: Path, column: str | None = None) -> str:
    with pytest.raises(DataError) as caught:  # noqa: PT012
        table = read_table(path)
        if column is not None:
            table.array(column)
    return str(caught.value)


def test_npz_gives_its_arrays_by_name(tmp_path: Path) -> None:
    a, b = np.arange(6, dtype=np.uint8).reshape(3, 2), np.asfortranarray(np.eye(3))
    np.savez_compressed(tmp_path / "d.npz", a=a, b=b)
    table = read_table(tmp_path / "d.npz")
    assert {name: column.shape for name, column in table.columns.items()} == {
        "a": (3, 2),
        "b": (3, 3),
    }
    np.testing.assert_array_equal(table.array("a"), a)
    np.testing.assert_array_equal(table.array("b"), b)


def test_a_folder_of_npy_is_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((4, 2), np.float32))
    np.save(tmp_path / "none.npy", np.ones((0, 2)))
    table = read_table(tmp_path)
    x = table.array("x")
    assert isinstance(x.base, np.memmap)
    assert table.array("none").shape == (0, 2)


def test_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", a=np.array([{}, []], dtype=object))
    assert "E0614" in refusal(tmp_path / "d.npz", "a")
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object))
    assert "o.npy" in refusal(tmp_path, "o")


@pytest.mark.parametrize("shape", ["(1099511627776,)", "(4294967296, 4294967296)", "(3,)"])
def test_declared_sizes_are_compared_with_the_file(tmp_path: Path, shape: str) -> None:
    data = header("'<f8'", shape) + bytes(16)
    assert "16" in refusal(npz(tmp_path / "d.npz", ("a.npy", data)), "a")
    (tmp_path / "a.npy").write_bytes(data)
    assert "E0610" in refusal(tmp_path, "a")


def test_what_memory_cannot_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d.npz"
    np.savez_compressed(path, a=np.zeros(100_000))
    have_memory(monkeypatch, 50_000)
    assert "E0613" in refusal(path, "a")


def buffer(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: p.write_bytes(b""), "empty"),
        (lambda p: p.write_bytes(b"PK\x03\x04 and then nonsense"), "not a zip archive"),
        (lambda p: p.write_bytes(os.urandom(500)), "not a zip archive"),
        (lambda p: npz(p, ("readme.txt", b"hello")), "no arrays"),
        (lambda p: npz(p, ("a.npy", b"not an array at all")), "'a'"),
        (lambda p: npz(p, ("a.npy", header("'<f8'", "(-3,)"))), "[-3]"),
        (lambda p: npz(p, ("a.npy", b"\x93NUMPY\x09\x09")), "9.9"),
        (lambda p: npz(p, ("a.npy", header("[" * 5000, "(3,)"))), "'a'"),
    ],
)
def test_damaged_archives(tmp_path: Path, make: object, said: str) -> None:
    make(tmp_path / "d.npz")  # type: ignore[operator]
    text = refusal(tmp_path / "d.npz")
    assert "E0610" in text
    assert said in text
    assert "help: write" in text


def test_elements_of_no_bytes_are_refused(tmp_path: Path) -> None:
    data = header("'|S0'", "(4611686018427387904,)")
    assert "elements of no bytes" in refusal(npz(tmp_path / "d.npz", ("a.npy", data)), "a")


def test_an_archive_whose_list_of_members_is_damaged(tmp_path: Path) -> None:
    path = npz(tmp_path / "d.npz", ("a.npy", buffer(np.ones(3))))
    path.write_bytes(path.read_bytes()[40:])
    text = refusal(path)
    assert "E0610" in text
    assert "its list of members points outside of it" in text


def test_lack_of_memory_is_told_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    (tmp_path / "d.csv").write_text("a\n1\n")
    np.savez(tmp_path / "d.npz", a=np.ones(3))
    monkeypatch.setattr("graphdsl.training.csv_records.csv.reader", fail)
    assert "E0613" in refusal(tmp_path / "d.csv")
    monkeypatch.setattr("numpy.lib.format.read_array", fail)
    assert "'a' of '" in refusal(tmp_path / "d.npz", "a")


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        npz(tmp_path / "d.npz", ("a.npy", buffer(np.ones(3))), ("a.npy", buffer(np.ones(3))))
    assert "twice" in refusal(tmp_path / "d.npz")


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    path = npz(tmp_path / "d.npz", ("a.npy", buffer(np.random.default_rng(0).normal(size=500))))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    assert "E0610" in refusal(path, "a")


def test_missing_files_and_formats(tmp_path: Path) -> None:
    np.savez(tmp_path / "digits.npz", a=np.ones(3))
    text = refusal(tmp_path / "digit.npz")
    assert "E0609" in text
    assert "did you mean 'digits.npz'" in text
    assert "data beside it: digits.npz" in refusal(tmp_path / "z.idx")
    assert f"there is no folder '{tmp_path / 'no'}'" in refusal(tmp_path / "no" / "z.idx")
    (tmp_path / "nothing").mkdir()
    assert "holds no data" in refusal(tmp_path / "nothing" / "z.idx")
    (tmp_path / "d.xlsx").write_bytes(b"PK")
    text = refusal(tmp_path / "d.xlsx")
    assert "E0608" in text
    assert ".npz, .csv, .parquet, IDX" in text
    np.save(tmp_path / "x.npy", np.ones(3))
    assert f"name '{tmp_path}' itself" in refusal(tmp_path / "x.npy")
    os.mkfifo(tmp_path / "pipe.csv")
    assert "not a file" in refusal(tmp_path / "pipe.csv")
    (tmp_path / "empty").mkdir()
    assert "no .npy files" in refusal(tmp_path / "empty")


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "secret.npy", np.ones(3))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.npy").symlink_to(tmp_path / "secret.npy")
    assert "E0508" in refusal(tmp_path / "data")


@pytest.mark.parametrize("name", ["d.npz", "d.csv", "d.parquet", "d.idx", "d.idx.gz"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """As root, whom a file's mode stops nowhere, the system's answer is given for it."""
    (tmp_path / name).write_bytes(b"PK")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refuse)
    said = refusal(tmp_path / name)
    assert f"{name}' cannot be read: Permission denied" in said
    assert "chmod u+r" in said


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "d.npz").symlink_to(tmp_path / "d.npz")
    assert "'d.npz' is a link" in refusal(tmp_path / "d.npz").replace(f"{tmp_path}/", "")


def test_a_header_that_is_code_is_told_the_same_each_time(tmp_path: Path) -> None:
    path = npz(tmp_path / "d.npz", ("x.npy", header("__import__('os')", "(1,)")))
    said = refusal(path)
    assert "'x': malformed node or string" in said
    assert " at 0x" not in said
