"""graphdsl: a small declarative language for computation graphs, with a static executor.

>>> import graphdsl
>>> model = graphdsl.loads("input x\\noutput y = x^2")
>>> model.run(x=3)
{'y': array(9., dtype=float32)}
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphdsl.language.diagnostics import (
        DataError,
        Diagnostic,
        DivergedError,
        GraphdslError,
        InternalError,
        ModelError,
        UsageError,
    )
    from graphdsl.loading import load, loads
    from graphdsl.model import Model
    from graphdsl.notebook import load_ipython_extension
    from graphdsl.training.stopping import after, early, plateau

__version__ = "0.1.0"

_HOMES = {
    "graphdsl.language.diagnostics": (
        "DataError",
        "Diagnostic",
        "DivergedError",
        "GraphdslError",
        "InternalError",
        "ModelError",
        "UsageError",
    ),
    "graphdsl.loading": ("load", "loads"),
    "graphdsl.model": ("Model",),
    "graphdsl.notebook": ("load_ipython_extension",),
    "graphdsl.training.stopping": ("after", "early", "plateau"),
}

__all__ = [
    "DataError",
    "Diagnostic",
    "DivergedError",
    "GraphdslError",
    "InternalError",
    "Model",
    "ModelError",
    "UsageError",
    "after",
    "early",
    "load",
    "load_ipython_extension",
    "loads",
    "plateau",
]


def __getattr__(name: str) -> Any:
    """The public names, each imported when it is first used: `graphdsl --help` needs none."""
    from importlib import import_module

    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'graphdsl' has no attribute '{name}'")
