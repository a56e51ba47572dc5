"""What only a running program could find, as the error a user sees: a fault and what was fed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from graphdsl.language.diagnostics import DataError, Diagnostic
from graphdsl.ops.run_fault import RunFault
from graphdsl.ops.runtime import IndexFault


def run_refusal(fault: RunFault, fed: Mapping[str, Any]) -> DataError:
    """An index out of range, a singular matrix; where an index was fed itself, in what row of the
    array by input name that the program was given."""
    help = tuple(_places(fault, fed)) if isinstance(fault, IndexFault) else ()
    return DataError(Diagnostic(fault.code, str(fault), (), help))


def _places(fault: IndexFault, fed: Mapping[str, Any]) -> Iterator[str]:
    """The input that was checked, and its first row with the index. Indices that are computed stand
    in no input's memory; of a batch that is shared, a worker knows its own rows alone."""
    for name, array in fed.items():
        if isinstance(array, np.ndarray) and np.shares_memory(array, fault.indices):
            first = np.argwhere(array == fault.found)[0]
            row = f", row {first[0]:,}" if array.ndim else ""
            yield f"{fault.found} stands in input '{name}'{row}"
