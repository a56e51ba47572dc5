"""Every public op has an independent reference: JAX's words in `jax_functions`, and here SciPy or
torch beside what JAX has no function of its own for. Torch is compared where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import signal, special

from graphdsl.graph.kernel import Array
from graphdsl.graph.op import OPS
from graphdsl.graph.types import DType
from ops.harness import apply
from ops.sweep import CASES, Case
from ops.test_sweep import Tape

WITHOUT = {
    "grad": "a placeholder: expanded before anything runs, compared in test_jax_graphs",
    "hvp": "a placeholder: expanded before anything runs, compared in test_jax_graphs",
    "jacobian": "a placeholder, compared in test_derivatives",
    "hessian": "a placeholder, compared in test_derivatives",
    "jvp": "a placeholder, compared in test_derivatives",
    "uniform": "random: its distribution is tested in test_random",
    "normal": "random: its distribution is tested in test_random",
    "bernoulli": "random: its distribution is tested in test_random",
    "dropout_mask": "random: its distribution is tested in test_random",
}
"""The public ops that no reference computes, and why."""


def test_every_public_op_has_a_reference() -> None:
    pytest.importorskip("jax", reason="jax, the reference, is not installed")
    from ops.jax_functions import FUNCTIONS

    assert set(OPS.public()) - set(FUNCTIONS) == set(WITHOUT)


def test_every_public_op_is_swept() -> None:
    assert set(OPS.public()) - {case.op for case in CASES} == set(WITHOUT)


SPECIAL: list[tuple[str, dict[str, Any], Callable[..., Any], float, float]] = [
    ("erf", {}, special.erf, -6, 6),
    ("erfc", {}, special.erfc, -5, 25),
    ("erfinv", {}, special.erfinv, -0.999, 0.999),
    ("normal_cdf", {}, special.ndtr, -30, 6),
    ("lgamma", {}, special.gammaln, 0.05, 100),
    ("lgamma", {}, special.gammaln, -9.9, -0.1),
    ("digamma", {}, special.psi, 0.05, 100),
    ("polygamma", {"n": 1}, lambda x: special.polygamma(1, x), 0.05, 60),
    ("polygamma", {"n": 4}, lambda x: special.polygamma(4, x), 0.05, 60),
    ("sigmoid", {}, special.expit, -700, 700),
    ("softplus", {}, lambda x: -special.log_expit(-x), -700, 700),
    ("expm1", {}, special.expm1, -40, 40),
    ("cbrt", {}, special.cbrt, -1000, 1000),
]


@pytest.mark.parametrize(("name", "attrs", "function", "low", "high"), SPECIAL)
def test_special_functions(
    name: str, attrs: dict[str, Any], function: Callable[..., Any], low: float, high: float
) -> None:
    """Beside SciPy, over ranges wider than the sweep's."""
    x = np.random.default_rng(0).uniform(low, high, 4000)
    np.testing.assert_allclose(apply(name, x, **attrs), function(x), rtol=5e-13, atol=1e-15)


def test_functions_of_rows() -> None:
    """Beside SciPy: logits far apart, divergences with zeros, a recurrence as a filter."""
    rng = np.random.default_rng(1)
    z = rng.uniform(-300, 300, (20, 7))
    np.testing.assert_allclose(apply("softmax", z), special.softmax(z, -1), rtol=1e-12)
    np.testing.assert_allclose(
        apply("log_softmax", z), special.log_softmax(z, -1), rtol=1e-12, atol=1e-13
    )
    lse = special.logsumexp(z, 1)
    np.testing.assert_allclose(apply("logsumexp", z, axis=1), lse, rtol=1e-13)
    p, q = (rng.dirichlet(np.ones(5), 20) for _ in range(2))
    p[:, 0] = 0
    np.testing.assert_allclose(apply("kl_div", p, q), special.rel_entr(p, q).sum(-1), rtol=1e-12)
    x = rng.uniform(-1, 1, (3, 9))
    filtered = signal.lfilter([1.0], [1.0, -0.7], x)
    np.testing.assert_allclose(apply("recurrence", np.full((3, 9), 0.7), x), filtered, rtol=1e-13)


def test_cofactors_of_singular_matrices() -> None:
    """Beside the minors themselves, where no inverse is."""
    for x in (np.array([[1.0, 2, 3], [2, 4, 6], [1, 0, 1]]), np.zeros((3, 3)), np.ones((3, 3))):
        rows = [[i for i in range(3) if i != k] for k in range(3)]
        minors = [[np.linalg.det(x[np.ix_(rows[i], rows[j])]) for j in range(3)] for i in range(3)]
        signs = np.array([[1, -1, 1], [-1, 1, -1], [1, -1, 1]])
        np.testing.assert_allclose(apply("cofactor", x), signs * minors, atol=1e-13)


def _cross_entropy(torch: Any, z: Any, y: Any, **attrs: Any) -> Any:
    """Of rows of any rank; torch wants the classes in axis 1."""
    flat = z.reshape(-1, z.shape[-1])
    labels = y.reshape(-1) if y.dtype == torch.int64 else y.reshape(-1, z.shape[-1])
    function = torch.nn.functional.cross_entropy
    return function(flat, labels, reduction="none", **attrs).reshape(z.shape[:-1])


def _batch_norm(torch: Any, x: Any, *scales: Any, axis: int, eps: float) -> Any:
    moved = x.movedim(axis, 1)
    made = torch.nn.functional.batch_norm(moved, *scales, eps=eps)
    return made.movedim(1, axis)


def _windowed(name: str) -> Callable[..., Any]:
    def call(torch: Any, x: Any, *, size: Any, stride: Any, padding: Any) -> Any:
        return getattr(torch.nn.functional, name)(x, size, stride, padding)

    return call


def _convolved(name: str) -> Callable[..., Any]:
    def call(torch: Any, x: Any, w: Any, extra: Any = 0, **attrs: Any) -> Any:
        more = {"output_padding": extra} if "transpose" in name else {}
        return getattr(torch.nn.functional, name)(x, w, **attrs, **more)

    return call


TORCH: dict[str, Callable[..., Any]] = {
    "cross_entropy": lambda torch, z, y, smoothing: _cross_entropy(
        torch, z, y, label_smoothing=smoothing
    ),
    "weighted_cross_entropy": lambda torch, z, y, w: _cross_entropy(torch, z, y, weight=w),
    "layer_norm": lambda torch, x, g, b, eps: torch.nn.functional.layer_norm(x, g.shape, g, b, eps),
    "rms_norm": lambda torch, x, g, eps: torch.nn.functional.rms_norm(x, g.shape, g, eps),
    "batch_norm": _batch_norm,
    "group_norm": lambda torch, x, g, b, groups, eps: torch.nn.functional.group_norm(
        x, groups, g, b, eps
    ),
    "logsumexp": lambda torch, x, axis, keepdims: torch.logsumexp(
        x, tuple(range(x.ndim)) if axis is None else axis, keepdims
    ),
    "logdet": lambda torch, x: torch.linalg.slogdet(x)[1],
    "kl_div": lambda torch, p, q: torch.nn.functional.kl_div(q.log(), p, reduction="none").sum(-1),
    **{name: _convolved(name) for name in ("conv1d", "conv2d")},
    **{f"conv_transpose{n}d": _convolved(f"conv_transpose{n}d") for n in (1, 2)},
    **{
        f"{kind}_pool{n}d": _windowed(f"{kind}_pool{n}d") for kind in ("max", "avg") for n in (1, 2)
    },
}


CONSTANTS = {"batch_norm": (1, 2), "weighted_cross_entropy": (2,)}
"""Operands that torch has no derivative for."""


@pytest.mark.parametrize("name", TORCH)
def test_torch(name: str) -> None:
    """Values and gradients of every case with torch's own kernels and rules."""
    torch = pytest.importorskip("torch", reason="torch, the reference, is not installed")
    cases = [case for case in CASES if case.op == name and all(x.size for x in case.operands)]
    assert cases
    for case in cases:
        if not (name == "logsumexp" and case.attrs["axis"] == ()):  # there, torch takes all axes
            _check_torch(torch, name, case)


def _check_torch(torch: Any, name: str, case: Case) -> None:
    attrs = {n: a.default for n, a in OPS[name].attributes.items()} | case.attrs
    operands = [torch.tensor(x) for x in case.operands]
    floats = [operands[i].requires_grad_() for i in case.floats()]
    for position in CONSTANTS.get(name, ()):
        operands[position] = operands[position].detach()
    tape = Tape(case, DType.f64)
    found = tape.gradients(tape.product(tape.y, 1))
    (weights,) = tape.more.values()
    y = TORCH[name](torch, *operands, **attrs)
    _close(tape.value(tape.y), y.detach().numpy(), case)
    (y * torch.tensor(weights)).sum().backward()
    for position, ours, theirs in zip(case.floats(), found, floats, strict=True):
        if position not in CONSTANTS.get(name, ()):
            _close(tape.value(ours), theirs.grad.numpy(), case)


def _close(ours: Array, theirs: Array, case: Case) -> None:
    scale = max(float(np.abs(theirs).max(initial=0)), 1e-3)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * scale, err_msg=str(case))
