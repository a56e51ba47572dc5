"""The typed graph: sizes and types, the op table, nodes and how they are built and checked."""
