"""The built-in abilities: each module registers its own in `SUITES`."""
