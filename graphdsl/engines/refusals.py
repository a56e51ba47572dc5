"""What only a running program could find, as the error a user sees: a fault and what was fed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from graphdsl.graph.kernel import Array
from graphdsl.language.diagnostics import DataError, Diagnostic
from graphdsl.ops.run_fault import RunFault
from graphdsl.ops.runtime import IndexFault


def run_refusal(fault: RunFault, fed: Mapping[str, Array]) -> DataError:
    """An index out of range, a singular matrix; where an index was fed itself, in what row of the
    array by input name that the program was given, all of them in C order."""
    help = tuple(_places(fault, fed)) if isinstance(fault, IndexFault) else ()
    return DataError(Diagnostic(fault.code, str(fault), (), help))


def _places(fault: IndexFault, fed: Mapping[str, Array]) -> Iterator[str]:
    """The inputs in whose memory the first such index stands, each with its row: what was indexed
    may be some rows of one, a worker's or a slice's. A computed index stands in none."""
    at = np.argwhere(fault.indices == fault.found)[0]
    address = fault.indices[(*at, ...)].ctypes.data
    for name, array in fed.items():
        start = array.ctypes.data
        if start <= address < start + array.nbytes:
            # not by its strides: those of a single row may be anything
            row = f", row {(address - start) * len(array) // array.nbytes:,}" if array.ndim else ""
            yield f"{fault.found} stands in input '{name}'{row}"
