"""Which kernels NumPy multiplies by, and who chose them."""

import pytest

import kernels
from kernels import Kernels, describe_kernels, find_kernels

OPENBLAS = {
    "user_api": "blas",
    "internal_api": "openblas",
    "version": "0.3.31",
    "architecture": "SkylakeX",
    "num_threads": 2,
}


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What is loaded besides NumPy's own, which comes last."""
    found: list[dict[str, object]] = [OPENBLAS | {"filepath": "/lib/numpy.libs/libopenblas.so"}]
    monkeypatch.setattr(kernels, "threadpool_info", lambda: found)
    return found


@pytest.mark.usefixtures("loaded")
def test_a_pin_is_told_beside_the_kernels() -> None:
    pinned = find_kernels({"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_L2_SIZE": "", "HOME": "/"})
    assert pinned == Kernels("openblas", "0.3.31", "SkylakeX", 2, {"OPENBLAS_CORETYPE": "Haswell"})
    assert str(pinned) == (
        "NumPy multiplies by openblas 0.3.31, SkylakeX kernels: "
        "pinned by OPENBLAS_CORETYPE=Haswell, while peers' libraries choose theirs"
    )
    assert str(find_kernels({})).endswith("SkylakeX kernels: its own choice")


def test_numpy_s_library_is_meant(loaded: list[dict[str, object]]) -> None:
    others = [
        OPENBLAS | {"architecture": "Zen", "filepath": "/lib/scipy.libs/libopenblas.so"},
        {"user_api": "openmp", "internal_api": "openmp", "filepath": "/lib/numpy.libs/libgomp.so"},
    ]
    loaded[:0] = others
    found = find_kernels({})
    assert found is not None
    assert found.architecture == "SkylakeX"


def test_what_heeds_no_pin_is_not_said_to_be_pinned(loaded: list[dict[str, object]]) -> None:
    loaded[0] |= {"internal_api": "mkl", "architecture": None}
    found = find_kernels({"OPENBLAS_CORETYPE": "Haswell"})
    assert str(found) == "NumPy multiplies by mkl 0.3.31, kernels it does not name: its own choice"


def test_a_library_that_does_not_tell(loaded: list[dict[str, object]]) -> None:
    loaded.clear()
    assert find_kernels() is None
    assert "does not tell" in describe_kernels()
