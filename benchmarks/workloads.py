"""The timed problems: for each a fixed batch and first parameters, named as in its `.gdl` file.

Nothing here is fast, and nothing here computes a step: `references.py` does, in float64.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Random = np.random.Generator

LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8

BLOCKS = 50  # of the deep workload
LAYERS, HEADS, TIME, WIDTH, VOCABULARY = 2, 4, 64, 128, 65  # of the transformer


@dataclass(frozen=True, slots=True)
class Workload:
    """A model that Adam trains on one batch, `x` and `y`; `params` are its float32 parameters."""

    name: str
    x: Array
    y: Array
    params: Mapping[str, Array]

    @property
    def widths(self) -> tuple[int, ...]:
        """Of a multilayer perceptron: the sizes from input to output."""
        weights = [value for name, value in self.params.items() if name.startswith("W")]
        return (len(weights[0]), *(value.shape[1] for value in weights))

    @property
    def state_bytes(self) -> int:
        """Parameters, their gradients and both of Adam's moments."""
        return 4 * sum(value.nbytes for value in self.params.values())


def micro() -> Workload:
    """2-16-1 on 32 rows, mean squared error."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((32, 2)), rng.standard_normal((32, 1))
    return make_mlp("micro", (2, 16, 1), x, y.astype(np.float32), rng)


def digits() -> Workload:
    """64-128-64-10 on 64 rows, cross entropy."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((64, 64)), rng.integers(0, 10, 64)
    return make_mlp("digits", (64, 128, 64, 10), x, y, rng)


def wide() -> Workload:
    """784-512-256-10 on 128 rows, cross entropy."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((128, 784)), rng.integers(0, 10, 128)
    return make_mlp("wide", (784, 512, 256, 10), x, y, rng)


def make_mlp(name: str, widths: tuple[int, ...], x: Array, y: Array, rng: Random) -> Workload:
    """A multilayer perceptron with ReLU between its layers: weights `W1`, `W2`, … of shape
    [in, out], He-normal, and small biases `b1`, `b2`, …."""
    params = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths), start=1):
        params[f"W{layer}"] = draw(rng, np.sqrt(2 / fan_in), fan_in, fan_out)
        params[f"b{layer}"] = draw(rng, 0.01, fan_out)
    return Workload(name, x.astype(np.float32), y, params)


def deep() -> Workload:
    """50 residual blocks, o + sigmoid(o W + c) V + b, of 64 on 64 rows; mean squared error."""
    rng = np.random.default_rng(0)
    d = 64
    params = {}
    for block in range(1, BLOCKS + 1):
        for name, shape in (("W", (d, d)), ("c", (d,)), ("V", (d, d)), ("b", (d,))):
            params[f"o[{block}].{name}"] = draw(rng, 0.1, *shape)
    return Workload("deep", draw(rng, 1, d, d), draw(rng, 1, d, d), params)


def convnet() -> Workload:
    """Kernels of 5 × 5 to 16 and to 32 channels, each with ReLU and the maximum of 2 × 2, then 128
    units and 10 classes, on 64 images of 28 × 28; cross entropy.

    With this seed no two values that a pool or a ReLU compares are so close that float32 would
    decide otherwise than float64.
    """
    rng = np.random.default_rng(1)
    shapes = {
        "c1.W": (16, 1, 5, 5),
        "c1.b": (16,),
        "c2.W": (32, 16, 5, 5),
        "c2.b": (32,),
        "h.W": (32 * 4 * 4, 128),
        "h.b": (128,),
        "z.W": (128, 10),
        "z.b": (10,),
    }
    params = {name: draw(rng, 0.1, *shape) for name, shape in shapes.items()}
    x = draw(rng, 1, 64, 1, 28, 28)
    return Workload("convnet", x, rng.integers(0, 10, 64), params)


def transformer() -> Workload:
    """Two causal layers of 128 with 4 heads on 16 rows of 64 tokens; cross entropy."""
    rng = np.random.default_rng(0)
    params = dict(draw_transformer(rng))
    x, y = rng.integers(0, VOCABULARY, (2, 16, TIME))
    return Workload("transformer", x, y, params)


def draw_transformer(rng: Random) -> Iterator[tuple[str, Array]]:
    """The parameters in the order of the model's file; the shifts are drawn, so that a wrong
    gradient through them shows."""
    d = WIDTH
    yield "E", draw(rng, 0.02, VOCABULARY, d)
    yield "P", draw(rng, 0.02, TIME, d)
    for layer in range(1, LAYERS + 1):
        yield f"h[{layer}].g1", 1 + draw(rng, 0.1, d)
        yield f"h[{layer}].b1", draw(rng, 0.1, d)
        yield f"h[{layer}].Q", draw(rng, 0.05, d, 3 * d)
        yield f"h[{layer}].O", draw(rng, 0.05, d, d)
        yield f"h[{layer}].g2", 1 + draw(rng, 0.1, d)
        yield f"h[{layer}].b2", draw(rng, 0.1, d)
        yield f"h[{layer}].W1", draw(rng, 0.05, d, 4 * d)
        yield f"h[{layer}].c1", draw(rng, 0.1, 4 * d)
        yield f"h[{layer}].W2", draw(rng, 0.05, 4 * d, d)
        yield f"h[{layer}].c2", draw(rng, 0.1, d)
    yield "U", draw(rng, 0.05, d, VOCABULARY)


def draw(rng: Random, scale: float, *shape: int) -> Array:
    """Normal numbers in float32."""
    return (scale * rng.standard_normal(shape)).astype(np.float32)


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "micro": micro,
    "digits": digits,
    "wide": wide,
    "deep": deep,
    "convnet": convnet,
    "transformer": transformer,
}
