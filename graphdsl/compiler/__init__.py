"""From syntax to a scheduled program: lowering, differentiation, updates, rewriting, planning."""
