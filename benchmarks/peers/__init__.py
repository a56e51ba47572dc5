"""The workloads' steps in other libraries, one module each."""
