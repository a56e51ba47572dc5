"""Pictures and texts of a model: its graph drawn, its stages written out."""
