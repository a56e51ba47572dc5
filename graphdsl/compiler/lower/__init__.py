"""Lowering: `ast.Program` -> `Graph`. Names are resolved, blocks opened, every shape checked."""

from graphdsl.compiler.lower.modes import verify_modes
from graphdsl.compiler.lower.overrides import read_overrides
from graphdsl.compiler.lower.program import Lowered, lower

__all__ = ["Lowered", "lower", "read_overrides", "verify_modes"]
