"""Random programs by two means, in f64: the compiler, and JAX on the syntax tree.

The loss, its gradients and the Hessian's products have to agree to 1e-9 of each tensor's largest
element. Where they do not, JAX is asked how much its own result moves when the leaves move in
their last digits: no program is held to more digits than it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graphdsl
from graphdsl.language.parser import parse
from graphdsl.language.source import Source
from random_graphs import Generated, generate

pytest.importorskip("jax", reason="jax, the reference, is not installed")

from ops.jax_programs import differentiate

BAR = 1e-9
Values = dict[str, Any]


def ours(made: Generated) -> tuple[Values, int]:
    """The loss, gradients and products that the compiler makes, and how many ops there are."""
    model = graphdsl.loads(made.text + "\n".join(_derivatives(made)) + "\n", dtype="f64")
    plain = graphdsl.loads(made.text, dtype="f64")
    ops = sum(not node.op.leaf for node in plain.compilation.graph().nodes)
    feeds = {name: made.leaves[name] for name in made.inputs}
    feeds |= {f"along_{name}": v for name, v in made.directions.items() if _has(made, name)}
    return model.run(feeds), ops


def _derivatives(made: Generated) -> Iterator[str]:
    """The lines for gradients and products: one leaf's by `hvp`, or all by nested `grad`."""
    for name, shape in made.shapes.items():
        if _has(made, name):
            yield f"input along_{name}: {shape}"
        yield f"output of_{name} = grad(J, {name})"
    if made.seed % 2:
        (name,) = (name for name in made.leaves if _has(made, name))
        yield f"output product_{name} = hvp(J, {name}, along_{name})"
        return
    terms = (f"sum(of_{name} * along_{name})" for name in made.leaves)
    yield f"slope = {' + '.join(terms)}"
    for name in made.leaves:
        yield f"output product_{name} = grad(slope, {name})"


def _has(made: Generated, name: str) -> bool:
    """Whether the leaf has a direction: in odd programs one leaf alone."""
    names = list(made.leaves)
    return made.seed % 2 == 0 or name == names[made.seed // 2 % len(names)]


def theirs(made: Generated, nudge: float = 0.0, eager: bool = False) -> Values:
    """The same by JAX, the leaves moved by `nudge` of their values at random."""
    rng = np.random.default_rng(made.seed)
    leaves = {n: x * (1 + nudge * rng.choice([-1, 1], x.shape)) for n, x in made.leaves.items()}
    directions = {n: v * _has(made, n) for n, v in made.directions.items()}
    program = parse(Source(made.text))
    value, gradients, products = differentiate(program, leaves, directions, eager)
    found = {"J": value}
    found |= {f"of_{name}": gradients[name] for name in leaves}
    found |= {f"product_{name}": products[name] for name in leaves}
    return {name: np.asarray(value) for name, value in found.items()}


def error(found: Any, expected: Any) -> float:
    """The largest difference, as a part of the largest element."""
    assert found.shape == expected.shape
    scale = float(np.abs(expected).max(initial=1e-6))
    worst = float(np.abs(found - expected).max(initial=0))
    return worst / scale if np.isfinite(scale) else np.inf


def check(made: Generated) -> int:
    """Compare one program; how many of its tensors are too ill-conditioned for the bar."""
    found, ops = ours(made)
    assert 5 <= ops <= 60, f"{ops} ops, seed {made.seed}"
    expected = theirs(made)
    off = {n: error(v, expected[n]) for n, v in found.items() if n in expected}
    assert off.keys() >= {"J", *(f"of_{name}" for name in made.leaves)}
    bad = {name: e for name, e in off.items() if not e <= BAR}
    if bad:
        moved = [theirs(made, nudge) for nudge in (1e-15, -3e-15, 1e-14)]
        for name, e in bad.items():
            own = max(error(m[name], expected[name]) for m in moved)
            assert e <= 10 * own, f"seed {made.seed}, {name}: off by {e:.1e}\n{made.text}"
    return len(bad)


def check_all(seeds: range) -> None:
    """Compare many programs; hardly any may be ill-conditioned."""
    ill = sum(check(generate(seed)) > 0 for seed in seeds)
    assert ill <= 1 + len(seeds) // 50


def check_evaluator(seed: int) -> None:
    """JAX's primitives give the same, whether NumPy or JAX itself runs them."""
    made = generate(seed)
    expected = theirs(made, eager=True)
    for name, value in theirs(made).items():
        assert error(value, expected[name]) <= BAR, (seed, name)


def test_a_program_is_the_same_for_the_same_seed() -> None:
    assert generate(7).text == generate(7).text
    assert generate(7).text != generate(8).text


@pytest.mark.parametrize("seed", [10])
def test_evaluator(seed: int) -> None:
    check_evaluator(seed)


@pytest.mark.parametrize("start", range(0, 150, 25))
def test_150_programs(start: int) -> None:
    check_all(range(start, start + 25))


@pytest.mark.nightly
@pytest.mark.parametrize("start", range(150, 3500, 50))
def test_3500_programs(start: int) -> None:
    check_all(range(start, start + 50))


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [11, *range(100, 130)])
def test_evaluator_at_night(seed: int) -> None:
    check_evaluator(seed)
