"""The rate that products are measured by: no share of it exceeds a whole, however busy it was."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

import graphdsl
from graphdsl.graph.types import DType
from graphdsl.views import profiling
from graphdsl.views.profile import Cost, Profile

TEXT = """
dim N
input x: [N, 64]
param W: [64, 64] ~ normal(0, 0.1)
loss J = mean(tanh(x @ W)^2)
train { optimizer = sgd(lr = 0.1) }
"""
FED = {"x": np.ones((256, 64))}


def cost(what: str, flops: int, seconds: float) -> Cost:
    return Cost(what, seconds, 0.5, 8, flops, seconds if flops else 0.0)


def profile_at(rate: float) -> Profile:
    """Two products, of 2 and 8 GFLOP/s, that a line and a sweep have together."""
    nodes = (cost("slow", 2_000_000, 1e-3), cost("quick", 8_000_000, 1e-3), cost("sum", 0, 1e-3))
    both = (cost("both", 10_000_000, 2e-3),)
    return Profile(5, 3e-3, 0.0, 0.0, rate, both, both, nodes)


@pytest.mark.parametrize(("rate", "peak", "quicker"), [(16e9, 16e9, ""), (1e9, 8e9, "8.0")])
def test_shares_are_of_the_quickest_product(rate: float, peak: float, quicker: str) -> None:
    profile = profile_at(rate)
    assert profile.peak == json.loads(json.dumps(profile.to_plain()))["peak"] == peak
    head, _, *rows = str(profile).splitlines()[1:]
    said = f"; the quickest node: {quicker}" if quicker else ""
    assert head == f"this machine's matrix product, 512 by 512: {rate / 1e9:.1f} GFLOP/s{said}"
    shares = {row.split()[-1]: row.split()[-2] for row in rows if "%" in row[9:]}
    assert shares == {
        "both": f"{5e9 / peak:.0%}",
        "slow": f"{2e9 / peak:.0%}",
        "quick": f"{8e9 / peak:.0%}",
    }


def measures(monkeypatch: pytest.MonkeyPatch, *rates: float) -> Iterator[float]:
    """Have the machine measured at these rates, one after the other."""
    left = iter(rates)

    def measured(dtype: DType) -> float:
        assert dtype is DType.f32
        return next(left)

    monkeypatch.setattr(profiling, "product_rate", measured)
    return left


@pytest.mark.parametrize("rates", [(3e15, 2e15), (2e15, 3e15)])
def test_the_machine_is_measured_before_and_after(
    monkeypatch: pytest.MonkeyPatch, rates: tuple[float, float]
) -> None:
    left = measures(monkeypatch, *rates)
    profile = graphdsl.loads(TEXT).profile(FED, steps=2)
    assert profile.rate == profile.peak == 3e15
    assert list(left) == []


def test_a_busy_measure_does_not_raise_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    measures(monkeypatch, 1.0, 2.0)
    profile = graphdsl.loads(TEXT).profile(FED, steps=2)
    assert profile.rate == 2
    rates = [one.flop_rate for one in profile.nodes if one.flop_rate is not None]
    assert profile.peak == max(rates) > 2
    every = (*profile.nodes, *profile.lines, *profile.sweeps)
    assert all((one.flop_rate or 0) <= profile.peak * (1 + 1e-9) for one in every)


def test_a_run_that_ends_early_has_the_measure_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    left = measures(monkeypatch, 5e15, 6e15)
    model = graphdsl.loads(TEXT)
    trainer = model.trainer()
    with profiling.profiling(model.session, steps=9, warm_up=0) as profiler:
        for _ in range(3):
            trainer.step(FED)
    found = profiler.profile()
    assert found is not None
    assert (found.steps, found.rate) == (3, 5e15)
    assert list(left) == [6e15]


def test_the_measure_of_before_has_the_threads_of_the_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limited: list[int] = []
    monkeypatch.setattr(profiling, "blas_threads", _Threads(limited))
    measures(monkeypatch, 1.0, 1.0)
    model = graphdsl.loads(TEXT)
    with profiling.profiling(model.session, steps=1, warm_up=0):
        model.trainer().step(FED)
    assert limited == [256]


class _Threads:
    """Stands for `blas_threads`; keeps the rows that it is asked for."""

    def __init__(self, rows: list[int]) -> None:
        self._rows = rows

    def __call__(self, session: object, rows: int) -> _Threads:
        self._rows.append(rows)
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...
