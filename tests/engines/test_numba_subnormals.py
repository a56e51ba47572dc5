"""Compiled training steps take subnormal numbers for zero; what is asked for by itself doesn't."""

from __future__ import annotations

import platform

import numpy as np
import pytest

import graphdsl
from graphdsl.engines.numba.crew import native_at

pytest.importorskip("numba")
if platform.machine().lower() not in ("x86_64", "amd64", "aarch64", "arm64"):
    pytest.skip("this processor's setting is not known", allow_module_level=True)

from graphdsl.engines.numba import library

TINY = np.float32(1e-39)

MODEL = """
input x: [{size}]
param w: [{size}] = 0
loss J = sum(w * x)
train { optimizer = momentum(lr = 0.1) }
"""

SETTING = '''"""Kernels for a test: the setting put and taken back, once each."""

from graphdsl.engines.numba.decorators import kernel
from graphdsl.engines.numba.intrinsics import f32_at, i64_at
from graphdsl.engines.numba.subnormals import flush_subnormals, restore_subnormals


@kernel
def flush(place, wanted, _):
    i64_at(place)[0] = flush_subnormals(wanted)


@kernel
def restore(place, _, __):
    restore_subnormals(i64_at(place)[0])
'''


@pytest.mark.parametrize("wanted", [0, 1])
def test_the_setting_is_this_threads_until_it_is_restored(wanted: int) -> None:
    kernels = library.load(SETTING)
    flush, restore = native_at(kernels.flush.address), native_at(kernels.restore.address)
    place, numbers = np.zeros(1, np.int64), np.full(8, TINY)
    flush(place.ctypes.data, wanted, 0)
    inside = numbers * np.float32(0.5)
    restore(place.ctypes.data, 0, 0)
    expected = np.zeros(8, np.float32) if wanted else numbers / 2
    np.testing.assert_array_equal(inside, expected)
    assert (numbers * np.float32(0.5) > 0).all()


@pytest.mark.parametrize("size", [5, 1_000_000])
def test_a_training_step_flushes_and_a_gradient_does_not(size: int) -> None:
    """Small, and so large that a crew shares it."""
    x = np.full(size, TINY)
    x[::3] = 1
    model = graphdsl.loads(MODEL.replace("{size}", str(size)), engine="numba")
    _, slopes = model.value_and_grad(x=x)
    np.testing.assert_array_equal(slopes["w"], x)
    trainer = model.trainer()
    for _ in range(3):
        trainer.step(x=x)
    assert (model.params["w"][::3] < 0).all()
    assert not model.params["w"][1::3].any()
    np.testing.assert_array_equal(model.value_and_grad(x=x)[1]["w"], x)


def test_numpy_keeps_them() -> None:
    model = graphdsl.loads(MODEL.replace("{size}", "5"), engine="numpy")
    model.trainer().step(x=np.full(5, TINY))
    assert (model.params["w"] < 0).all()
