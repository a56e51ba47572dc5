"""The numba engine: what a schedule computes, as compiled kernels (extra `fast`)."""
