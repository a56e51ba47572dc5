"""The computation graph as a drawing: what is drawn, what it is folded to, and its DOT text."""
