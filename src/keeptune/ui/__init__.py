"""A folder of runs in a browser."""
