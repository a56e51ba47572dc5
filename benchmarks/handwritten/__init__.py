"""The workloads' training steps as a good engineer writes them by hand: straight-line NumPy.

In, a `Workload`; out, a `Handwritten` step. Everything is allocated once; a step makes one call
for each kernel, into a buffer that waits for it. Compiled programs are measured against this.
What measuring has shown to matter, and the steps therefore do:

- Parameters, gradients and each of Adam's moments are one flat array: Adam is ten calls in all,
  or, where that is more than a cache holds, ten calls for each stretch that one does hold.
- `out` is passed by position, and a scalar is an array made beforehand: both save 0.3 µs a call.
- `dot` starts sooner than `matmul`, and `dot(ones, X)` sums columns sooner than `X.sum(axis=0)`.
- ReLU by the sign bit, on a view as integers, is quicker than `maximum` and leaves the mask that
  the reverse sweep needs. (It takes a NaN of negative sign for 0.)
- Small products are quicker on one thread than on two.

Where two threads pay, a second version gives each its rows of the batch, then its part of the
parameters, with one thread for each product: one fork and two joins a step.
"""

from collections.abc import Callable

from handwritten.convnet import make_convnet
from handwritten.deep import make_deep
from handwritten.digits import make_digits
from handwritten.flat import ALIGNMENT, Flat, aligned, make_flat, restore
from handwritten.micro import make_micro
from handwritten.step import Handwritten
from handwritten.transformer import make_transformer
from handwritten.wide import make_wide, make_wide_pair
from workloads import Workload

__all__ = [
    "ALIGNMENT",
    "HANDWRITTEN",
    "HANDWRITTEN_PAIRS",
    "Flat",
    "Handwritten",
    "aligned",
    "make_flat",
    "restore",
]

Maker = Callable[[Workload], Handwritten]

HANDWRITTEN: dict[str, Maker] = {
    "micro": make_micro,
    "digits": make_digits,
    "wide": make_wide,
    "deep": make_deep,
    "convnet": make_convnet,
    "transformer": make_transformer,
}
# The same by two workers, where that pays.
HANDWRITTEN_PAIRS: dict[str, Maker] = {
    "wide": make_wide_pair,
    "deep": lambda workload: make_deep(workload, workers=2),
    "convnet": lambda workload: make_convnet(workload, workers=2),
    "transformer": lambda workload: make_transformer(workload, workers=2),
}
