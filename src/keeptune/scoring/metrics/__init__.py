"""The built-in metrics: each module registers its own in `METRICS`."""
