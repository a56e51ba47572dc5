"""Copied definitions: they run without the package and compute what the originals do."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from graphdsl.engines.borrowed import Borrower
from graphdsl.ops import runtime, scalars

SCALARS = [name for name in vars(scalars) if re.fullmatch(r"_[a-z]\w*", name)]


def borrowed(wanted: dict[str, list[str]]) -> tuple[str, dict[str, Any]]:
    """The text of all definitions of some names by module, and what it defines."""
    borrower = Borrower()
    for module, names in wanted.items():
        borrower.borrow(module, names)
    imports = "\n".join(borrower.import_lines())
    text = "\n\n".join(["from __future__ import annotations", imports, *borrower.texts.values()])
    space: dict[str, Any] = {"__name__": "borrowed"}
    exec(compile(text, "borrowed", "exec"), space)
    return text, space


def test_everything_that_programs_call_can_be_copied() -> None:
    text, space = borrowed({scalars.__name__: SCALARS, runtime.__name__: runtime.__all__})
    assert "graphdsl" not in re.sub(r'""".*?"""', "", text, flags=re.DOTALL)
    for name in SCALARS:
        original = vars(scalars)[name]
        if original.__code__.co_argcount == 1:
            for x in (0.3, -2.5, 0.0, math.inf, 1e300):
                got, wanted = space[name](x), original(x)
                assert got == wanted or (got != got and wanted != wanted), name
    x = np.linspace(-3, 3, 40)
    for name in ("erf", "erfc", "normal_cdf", "lgamma", "digamma"):
        found, wanted = np.empty(40), np.empty(40)
        with np.errstate(all="ignore"):
            space[name](x, found, np.empty((8, 16)))
            vars(runtime)[name](x, wanted, np.empty((8, 16)))
        assert found.tobytes() == wanted.tobytes(), name
    draws = [one.Stream(3, "h").at(5).random(4).tobytes() for one in (runtime, _Names(space))]
    assert draws[0] == draws[1]


class _Names:
    def __init__(self, space: dict[str, Any]) -> None:
        self.__dict__.update(space)


def test_two_definitions_of_one_name_stand_apart() -> None:
    _, space = borrowed({scalars.__name__: ["_erf", "_erfinv"], runtime.__name__: ["erf"]})
    assert space["_erf"](0.5) == math.erf(0.5)  # the one that was asked for keeps its name
    assert "_erf_erf_arrays" in space


def test_no_more_is_copied_than_is_needed() -> None:
    text, space = borrowed({runtime.__name__: ["check_index"]})
    assert {name for name in space if not name.startswith("__")} == {
        *("annotations", "np", "Any", "ClassVar", "Array"),
        *("RunFault", "IndexFault", "_refuse", "check_index"),
    }
    assert "hashlib" not in text
