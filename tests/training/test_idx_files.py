"""IDX files: every type of elements, packed or not, and what is refused."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

import graphdsl
from graphdsl import DataError
from graphdsl.training.data import load_dataset
from graphdsl.training.sources import read_table

CODES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def idx(array: np.ndarray, code: int = 0x08) -> bytes:
    """The bytes of a file that holds an array."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(CODES[code]).tobytes()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("ending", [".idx", ".idx.gz", "-idx2-ubyte", ".idx2-ubyte.gz"])
@pytest.mark.parametrize("code", CODES)
def test_every_type_of_elements(tmp_path: Path, code: int, ending: str) -> None:
    array = np.arange(12).reshape(4, 3)
    table = read_table(write(tmp_path / f"a{ending}", idx(array, code)))
    assert list(table.columns) == ["a"]
    assert table.columns["a"].mapped == (not ending.endswith("gz"))
    found = table.array("a")
    assert found.dtype == np.dtype(CODES[code])
    np.testing.assert_array_equal(found, array)


def test_files_that_belong_together_are_one_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for prefix, rows in (("train", 20), ("t10k", 5)):
        images, labels = rng.integers(0, 256, (rows, 2, 2)), np.arange(rows) % 3
        write(tmp_path / f"{prefix}-images-idx3-ubyte.gz", idx(images))
        write(tmp_path / f"{prefix}-labels-idx1-ubyte", idx(labels))
    path = tmp_path / "m.gdl"
    path.write_text(
        "dim N\ninput x: [N, 4]\ninput y: i64[N]\nz = Dense(x, 3)\n"
        "loss J = mean(cross_entropy(z, y))\n"
        'data {\n  train = "train-images-idx3-ubyte.gz"\n  test = "t10k-labels-idx1-ubyte"\n'
        "  x = reshape(images, [size(images, 0), 4]) / 255\n  y = labels\n}\n"
    )
    data = load_dataset(graphdsl.load(path).session)
    assert [part.rows for part in data.parts.values()] == [20, 5]
    assert data.train.arrays["x"].max() <= 1
    assert data.test.arrays["y"].tolist() == [0, 1, 2, 0, 1]


def test_a_folder_gives_a_column_for_each_file(tmp_path: Path) -> None:
    write(tmp_path / "train-images-idx1-ubyte", idx(np.arange(3)))
    np.save(tmp_path / "other.npy", np.ones(3))
    assert sorted(read_table(tmp_path).columns) == ["other", "train-images"]
    write(tmp_path / "train-images-idx1-ubyte.gz", idx(np.arange(3)))
    with pytest.raises(DataError, match="two of its files are the column 'train-images'"):
        read_table(tmp_path)


GOOD = idx(np.arange(12).reshape(4, 3))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\0\0\x08", "begins with 00 00 08"),
        (b"\x89PNG" + GOOD, "begins with 89 50 4e 47"),
        (b"\0\0\x07\x01" + GOOD, "its type of elements is 07"),
        (b"\0\0\x08\x00" + GOOD, "0 axes"),
        (b"\0\0\x08\xff" + bytes(2000), "255 axes"),
        (GOOD[:9], "ends within the sizes"),
        (GOOD[:-1], "declares 12 bytes of elements and holds 11"),
        (GOOD + b"\0", "12 bytes of elements"),
        (b"\0\0\x0e\x03" + b"\xff" * 12 + b"data", "bytes"),
    ],
)
def test_what_is_refused(tmp_path: Path, data: bytes, said: str, packed: bool) -> None:
    path = write(tmp_path / ("a.idx.gz" if packed else "a.idx"), data)
    with pytest.raises(DataError) as caught:
        read_table(path).array("a")
    text = str(caught.value)
    assert said in text
    assert str(path) in text
    assert "E0610" in text or ("E0613" in text and packed)


def test_damaged_gzip_files(tmp_path: Path) -> None:
    path = tmp_path / "a.idx.gz"
    packed = bytearray(gzip.compress(GOOD))
    packed[-6] ^= 0xFF  # in the checksum
    for data in (b"no gzip", bytes(packed), gzip.compress(GOOD)[:-9]):
        path.write_bytes(data)
        with pytest.raises(DataError, match="E0610"):
            read_table(path).array("a")


def test_the_file_that_is_damaged_is_named_and_not_the_one_beside_it(tmp_path: Path) -> None:
    path = write(tmp_path / "t-images.idx", GOOD)
    write(tmp_path / "t-labels.idx.gz", GOOD)
    packed = (tmp_path / "t-labels.idx.gz").read_bytes()
    (tmp_path / "t-labels.idx.gz").write_bytes(packed[:-9])
    with pytest.raises(DataError, match=r"'[^']*t-labels\.idx\.gz' is no readable") as caught:
        read_table(path).array("labels")
    assert "fetch or write it anew" in str(caught.value)


def test_a_packed_file_larger_than_memory_is_refused_by_its_header(tmp_path: Path) -> None:
    path = write(tmp_path / "a.idx.gz", b"\0\0\x0e\x02" + b"\xff" * 8 + bytes(100))
    column = read_table(path).columns["a"]
    assert column.nbytes == 8 * (2**32 - 1) ** 2
    with pytest.raises(DataError, match=f"{column.nbytes:,} bytes"):
        read_table(path).array("a")


def test_no_more_is_unpacked_than_declared(tmp_path: Path) -> None:
    path = write(tmp_path / "a.idx.gz", GOOD + bytes(2**26))
    with pytest.raises(DataError, match="holds more than the 12 bytes"):
        read_table(path).array("a")


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "t-labels.idx", idx(np.arange(3)))
    (tmp_path / "data").mkdir()
    path = write(tmp_path / "data" / "t-images.idx", idx(np.arange(3)))
    (tmp_path / "data" / "t-labels.idx").symlink_to(tmp_path / "t-labels.idx")
    with pytest.raises(DataError, match="E0508"):
        read_table(path)
