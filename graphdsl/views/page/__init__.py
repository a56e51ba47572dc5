"""Pages that need nothing but a browser: one file, no network, everything in it escaped."""
