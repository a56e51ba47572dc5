"""BLAS threads: one for small models, and as they were afterwards."""

from __future__ import annotations

import numpy as np
import threadpoolctl

import graphdsl
from graphdsl.training.threads import LARGE, blas_threads


def threads() -> list[int]:
    np.ones((4, 4)) @ np.ones((4, 4))
    found = threadpoolctl.threadpool_info()
    return [lib["num_threads"] for lib in found if lib["user_api"] == "blas"]


def test_small_models_get_one_thread() -> None:
    session = graphdsl.loads("param w: [100] = 0\noutput y = sum(w)").session
    with threadpoolctl.threadpool_limits(2):
        before = threads()
        with blas_threads(session, LARGE // 100):
            assert set(threads()) == {1}
        assert threads() == before
        with blas_threads(session, LARGE // 100 + 1):
            assert threads() == before
