"""Our engines and the other libraries, beside the references."""

import pytest

from contender import verify_contender
from contenders import OURS, PEERS, PRODUCTS, list_by_hand, make_contender
from ours import ENGINES, list_engines
from results import BY_HAND_TO_PRODUCTS, TO_FASTEST_PEER
from workloads import WORKLOADS

# What others compile longer is left to the nightly run.
QUICK = ("micro",)


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("engine", list_engines())
def test_ours(engine: str, workload: str) -> None:
    problem = WORKLOADS[workload]()
    contender = make_contender(OURS + engine, problem)
    verify_contender(contender, problem)
    contender.reset()
    # the third loss depends on the optimizer's states
    first = [contender.step() for _ in range(3)]
    contender.reset()
    assert [contender.step() for _ in range(3)] == first


def test_numpy_is_an_engine() -> None:
    assert list_engines()[0] == "numpy"


@pytest.mark.parametrize("workload", ["micro", "wide"])  # alone, and also by two workers
def test_by_hand(workload: str) -> None:
    problem = WORKLOADS[workload]()
    for name in list_by_hand(workload):
        if name != PRODUCTS:
            verify_contender(make_contender(name, problem), problem)


def check_peer(name: str, workload: str) -> None:
    pytest.importorskip(PEERS[name].package)
    problem = WORKLOADS[workload]()
    contender = make_contender(name, problem)
    verify_contender(contender, problem)
    contender.reset()
    first = [contender.step() for _ in range(3)]
    contender.reset()
    assert [contender.step() for _ in range(3)] == pytest.approx(first, rel=1e-6)


@pytest.mark.parametrize("workload", QUICK)
@pytest.mark.parametrize("name", ["torch", "jax"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_peers(name: str, workload: str) -> None:
    check_peer(name, workload)


@pytest.mark.nightly
@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("name", PEERS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_all_peers(name: str, workload: str) -> None:
    check_peer(name, workload)


def test_targets_name_engines_and_workloads() -> None:
    assert set(TO_FASTEST_PEER) == set(ENGINES)
    assert all(set(targets) == set(WORKLOADS) for targets in TO_FASTEST_PEER.values())
    assert set(BY_HAND_TO_PRODUCTS) <= set(WORKLOADS)
