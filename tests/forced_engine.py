"""Every program of a run of the tests by one engine: `pytest --engine numba`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphdsl.driver import Compiled
from graphdsl.engines.numpy import Executable
from graphdsl.session import Session

Setter = Callable[[Any, str, Any], object]


def compile_every_program(set: Setter) -> None:
    """Have numba run every program of a model that asks for no engine, once or often: those that
    `auto` would leave to NumPy too. `set` replaces an attribute, as `setattr` does."""
    load = Session._load

    def load_compiled(
        session: Session, compiled: Compiled, sizes: Mapping[str, int], compiles: bool = False
    ) -> Executable:
        return load(session, compiled, sizes, compiles or session.engine == "auto")

    set(Session, "_load", load_compiled)
