"""The engines, one a file: each registers itself in `ENGINES`."""
