"""Rewriting: `Graph` -> `Graph`, every value kept, the program better."""

from graphdsl.compiler.rewrite.passes import PASSES, rewrite

__all__ = ["PASSES", "rewrite"]
