"""A model drawn as a neural network: units and layers, from the graph that is drawn as a graph."""
