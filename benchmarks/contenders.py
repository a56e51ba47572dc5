"""Every contender by its name: the project's engines, the steps by hand, other libraries.

A new engine is added in `ours.py`; a new peer is a module in `peers/` and a line in `PEERS`.
"""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from contender import Contender
from workloads import Array, Workload

BY_HAND, BY_HAND_PAIR, PRODUCTS = "by hand", "by hand, 2 workers", "products alone"
OURS = "graphdsl "  # and the engine's name


@dataclass(frozen=True, slots=True)
class Peer:
    """Another library: the package it takes, and its step."""

    package: str
    make: Callable[[Workload], Contender]


def make_torch_eager(workload: Workload) -> Contender:
    """PyTorch, eager, its fused Adam."""
    from peers.torch_steps import make_torch

    return make_torch(workload)


def make_torch_compiled(workload: Workload) -> Contender:
    """PyTorch with its loss, forward and reverse, compiled."""
    from peers.torch_steps import make_torch

    return make_torch(workload, compiled=True)


def make_jax_jit(workload: Workload) -> Contender:
    """JAX with the whole step compiled."""
    from peers.jax_steps import make_jax

    return make_jax(workload)


PEERS = {
    "torch": Peer("torch", make_torch_eager),
    "torch.compile": Peer("torch", make_torch_compiled),
    "jax": Peer("jax", make_jax_jit),
}


def list_peers() -> list[str]:
    """The peers that are installed here."""
    return [name for name, peer in PEERS.items() if importlib.util.find_spec(peer.package)]


def list_by_hand(workload: str) -> list[str]:
    """The hand-written contenders of a workload."""
    from handwritten import HANDWRITTEN_PAIRS

    pair = [BY_HAND_PAIR] if workload in HANDWRITTEN_PAIRS else []
    return [BY_HAND, *pair, PRODUCTS]


def find_module(name: str) -> str:
    """What a contender imports before anything else."""
    if name in PEERS:
        return PEERS[name].package
    return "graphdsl.loading" if name.startswith(OURS) else "numpy"


def make_contender(name: str, workload: Workload) -> Contender:
    """The contender of that name, ready for its first step."""
    if name in PEERS:
        return PEERS[name].make(workload)
    if name.startswith(OURS):
        from ours import make_ours

        return make_ours(workload, name.removeprefix(OURS))
    return make_by_hand(name, workload)


def make_by_hand(name: str, workload: Workload) -> Contender:
    """A hand-written step, or its products alone, with as many BLAS threads as suit it."""
    from threadpoolctl import threadpool_limits

    from handwritten import HANDWRITTEN, HANDWRITTEN_PAIRS

    makers = HANDWRITTEN_PAIRS if name == BY_HAND_PAIR else HANDWRITTEN
    written = makers[workload.name](workload)
    if written.threads is not None:
        threadpool_limits(written.threads, "blas")
    x, y = workload.x, workload.y

    def gradients() -> Mapping[str, Array]:
        written.reset()
        written.step(x, y)
        return {name: value.copy() for name, value in written.moments.items()}

    def multiply() -> float:
        written.products(x)
        return 0.0

    step = multiply if name == PRODUCTS else partial(written.step, x, y)
    return Contender(step, lambda: written.params, gradients, written.reset)
