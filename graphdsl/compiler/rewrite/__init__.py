"""Rewriting: `Graph` -> `Graph`, every value kept, the program better."""

from graphdsl.compiler.rewrite.passes import PASSES, rewrite
from graphdsl.compiler.rewrite.stabilise import Fired, stabilise

__all__ = ["PASSES", "Fired", "rewrite", "stabilise"]
