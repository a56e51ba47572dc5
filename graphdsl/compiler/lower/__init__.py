"""Lowering: `ast.Program` -> `Graph`. Names are resolved, blocks opened, every shape checked."""

from graphdsl.compiler.lower.program import Lowered, lower

__all__ = ["Lowered", "lower"]
