"""Backpropagation written out: the forward sweep and the reverse sweep as tables."""
