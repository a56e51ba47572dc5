"""The examples' data is what the script in `scripts/` writes."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn, the data's source, is not installed")

import make_data


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with newly written data."""
    folder = tmp_path_factory.mktemp("data")
    make_data.main(folder)
    return folder


def test_every_data_file_is_written_by_the_script(fresh: Path) -> None:
    kept = {path.name for path in make_data.EXAMPLES.iterdir() if path.suffix in {".npz", ".csv"}}
    assert kept == {path.name for path in fresh.iterdir()}


@pytest.mark.parametrize("name", ["breast_cancer.csv", "diabetes.csv", "wine.csv"])
def test_csv_files_are_the_same_to_the_byte(fresh: Path, name: str) -> None:
    assert (make_data.EXAMPLES / name).read_bytes() == (fresh / name).read_bytes()


ARRAYS = {
    "digits.npz": {"images", "labels"},
    "sonnets.npz": {"windows", "part"},
    "adding.npz": {"numbers", "first", "second"},
    "spirals.npz": {"start", "seen"},
}


@pytest.mark.parametrize("file", ARRAYS)
def test_archives_hold_the_same_arrays(fresh: Path, file: str) -> None:
    # Not byte for byte: what zlib makes of the arrays depends on its version.
    with np.load(make_data.EXAMPLES / file) as kept, np.load(fresh / file) as new:
        assert set(kept) == set(new) == ARRAYS[file]
        for name in kept:
            assert kept[name].dtype == new[name].dtype
            np.testing.assert_array_equal(kept[name], new[name])


def test_a_second_run_writes_the_same_bytes(fresh: Path, tmp_path: Path) -> None:
    make_data.main(tmp_path)
    for path in fresh.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()
