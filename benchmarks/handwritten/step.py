"""What a hand-written workload is: its step, its products alone, its parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from handwritten.flat import Flat, restore
from workloads import Array

Named = Mapping[str, Array]


def keep(named: Named) -> Named:
    """For steps that hold everything in the workload's own layouts."""
    return named


@dataclass(frozen=True, slots=True)
class Handwritten:
    """A step, and the products of one step on their own, in the layouts that the step uses.

    `first` are the first parameters in the step's layouts, and `read` brings parameters or
    gradients from there back to the workload's. `threads` are as many as each product of a step
    best runs on, and None if it does not matter.
    """

    step: Callable[[Array, Array], float]
    products: Callable[[Array], None]
    flat: Flat
    first: Named
    restart: Callable[[], None]
    threads: int | None = None
    read: Callable[[Named], Named] = keep

    @property
    def params(self) -> Named:
        """In the workload's layouts."""
        return self.read(self.flat.params)

    @property
    def moments(self) -> Named:
        """Adam's first moments without their factor 1 - β₁: after one step, the gradients."""
        return self.read(self.flat.moments)

    def reset(self) -> None:
        """Back to the first parameters and to Adam's first step."""
        restore(self.flat, self.first)
        self.restart()
