"""Views of what is fed, in compiled programs: handed out, read by statements that stay NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import graphdsl
from engines.both import check_same

pytest.importorskip("numba")

X = np.random.default_rng(0).normal(size=(3, 4))


@pytest.mark.parametrize(
    "body",
    [
        "output y = reshape(x, [N * 4])\noutput t = x.T\noutput z = exp(x)",
        "output s = sort(reshape(x, [4 * N]))\noutput e = exp(reshape(x, [4 * N]))",
        "output p = max_pool2d(reshape(x, [1, N, 2, 2]), 2, stride = 1, padding = 1)",
        "q = reshape(x.T, [2, 2 * N])\noutput s = sort(q, axis = 1) + 1\noutput c = q[0] * 2",
    ],
)
def test_views_of_feeds(body: str) -> None:
    check_same(f"dim N\ninput x: [N, 4]\n{body}", x=X)


def test_checks_of_views_of_feeds() -> None:
    text = "dim N\ninput x: [N, 4]\ninput k: i64[N, 2]\noutput y = 2 * x[reshape(k, [2 * N])]"
    check_same(text, x=X, k=np.array([[0, 1], [2, 0], [1, 1]]))
    with pytest.raises(graphdsl.DataError, match="index 3 "):
        graphdsl.loads(text, engine="numba").run(x=X, k=np.array([[0, 1], [2, 3], [1, 1]]))


def test_what_is_handed_out_is_no_view_of_what_was_fed() -> None:
    model = graphdsl.loads("input x: [3, 4]\noutput t = x.T\noutput z = exp(x)", engine="numba")
    x = X.astype(np.float32)
    found = model.run(x=x)["t"]
    assert not np.shares_memory(found, x)
    found[...] = 0
    np.testing.assert_array_equal(x, X.astype(np.float32))
