"""The mean cross entropy of logits, and its cotangent, for some rows of a batch."""

from collections.abc import Callable

import numpy as np

from handwritten.flat import aligned, scalar
from workloads import Array

add, subtract, multiply, divide = np.add, np.subtract, np.multiply, np.divide
dot, exp, log = np.dot, np.exp, np.log


def make_softmax_loss(z: Array, count: int) -> Callable[[Array], float]:
    """The part of the loss that the columns of `z` [classes, rows] add, of a batch of `count` rows
    in all; `z` becomes its cotangent. A softmax over the first axis runs along the rows of memory,
    over the last along a few numbers at a time."""
    rows = z.shape[1]
    of_row = aligned(1, rows)
    z_flat, of_row_1 = z.reshape(-1), of_row.reshape(-1)
    wanted, logs = aligned(rows), aligned(rows)
    largest: Callable[..., Array] = np.maximum.reduce
    total: Callable[..., Array] = np.add.reduce
    take, put = z_flat.take, z_flat.__setitem__
    row, place, stride = np.arange(rows), np.empty(rows, np.int64), np.array(rows)
    ones, whole, one_over_whole = np.ones(rows, np.float32), scalar(count), scalar(1 / count)

    def compute_loss(y: Array) -> float:
        largest(z, 0, None, of_row, True)
        subtract(z, of_row, z)
        multiply(y, stride, place)  # where each row's own class stands in z_flat
        add(place, row, place)
        take(place, None, wanted, "clip")
        exp(z, z)
        total(z, 0, None, of_row, True)
        log(of_row_1, logs)
        subtract(logs, wanted, wanted)
        loss = float(dot(wanted, ones)) / count
        multiply(of_row, whole, of_row)
        divide(z, of_row, z)
        take(place, None, wanted, "clip")
        subtract(wanted, one_over_whole, wanted)
        put(place, wanted)
        return loss

    return compute_loss
