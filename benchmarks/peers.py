"""The workloads' steps in other libraries, each in a process of its own: threads keep apart.

Started as `python peers.py NAME WORKLOAD`, it checks its steps against the reference, writes a
line `ready`, and answers each line `CALLS` on stdin with the µs that one of so many calls took.
"""

import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from workloads import BETA1, BETA2, EPSILON, LEARNING_RATE, WORKLOADS, Array, Workload, verify_steps

Step = Callable[[], float]
# A step, the parameters by name, and the way back to the start.
Peer = tuple[Step, Callable[[], dict[str, Array]], Callable[[], None]]


def make_torch(workload: Workload) -> Peer:
    """Eager PyTorch with its fused Adam."""
    import torch

    x, y = torch.tensor(workload.x), torch.tensor(workload.y)
    params = {n: torch.tensor(p, requires_grad=True) for n, p in workload.params.items()}
    optimizer = torch.optim.Adam(
        list(params.values()), LEARNING_RATE, (BETA1, BETA2), EPSILON, fused=True
    )
    loss_of = (
        torch.nn.functional.mse_loss
        if workload.loss == "mse"
        else torch.nn.functional.cross_entropy
    )

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        z = x
        for layer in range(1, workload.layers + 1):
            z = torch.addmm(params[f"b{layer}"], z, params[f"W{layer}"])
            if layer < workload.layers:
                z = torch.relu(z)
        loss = loss_of(z, y)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    def reset() -> None:
        with torch.no_grad():
            for name, value in workload.params.items():
                params[name].copy_(torch.tensor(value))
        for state in optimizer.state.values():
            for value in state.values():
                value.zero_()

    return step, lambda: {n: p.detach().numpy() for n, p in params.items()}, reset


def make_jax(workload: Workload) -> Peer:
    """JAX, one compiled function for the whole step, its state donated."""
    import jax
    import jax.numpy as jnp

    x, y = jnp.asarray(workload.x), jnp.asarray(workload.y)

    def loss_of(params: Any) -> Any:
        z = x
        for layer in range(1, workload.layers + 1):
            z = z @ params[f"W{layer}"] + params[f"b{layer}"]
            if layer < workload.layers:
                z = jax.nn.relu(z)
        if workload.loss == "mse":
            return ((z - y) ** 2).mean()
        return -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1).mean()

    def advance(state: Any) -> Any:
        params, m, v, t = state
        loss, g = jax.value_and_grad(loss_of)(params)
        t = t + 1
        m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, g)
        v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g**2, v, g)
        m_part, v_part = 1 - BETA1**t, 1 - BETA2**t
        params = jax.tree.map(
            lambda p, m, v: p - LEARNING_RATE * (m / m_part) / (jnp.sqrt(v / v_part) + EPSILON),
            params,
            m,
            v,
        )
        return (params, m, v, t), loss

    advance = jax.jit(advance, donate_argnums=0)

    def start() -> Any:
        def zeros() -> Any:
            return {n: jnp.zeros_like(p) for n, p in workload.params.items()}

        params = {n: jnp.array(p) for n, p in workload.params.items()}
        return params, zeros(), zeros(), jnp.float32(0)

    state = start()

    def step() -> float:
        nonlocal state
        state, loss = advance(state)
        return float(loss)

    def reset() -> None:
        nonlocal state
        state = start()

    return step, lambda: {n: np.asarray(p) for n, p in state[0].items()}, reset


PEERS = {"torch": make_torch, "jax": make_jax}


def list_peers() -> list[str]:
    """The peers that are installed here."""
    return [name for name in PEERS if importlib.util.find_spec(name)]


def main(name: str, workload_name: str) -> None:
    """Check, then time on request until stdin ends."""
    from step import time_calls

    workload = WORKLOADS[workload_name]()
    step, params, reset = PEERS[name](workload)
    verify_steps(workload, [step() for _ in range(5)], params())
    print("ready", flush=True)
    for line in sys.stdin:
        reset()
        print(time_calls(step, int(line)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])  # NAME WORKLOAD
