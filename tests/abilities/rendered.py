"""The hash of everything that a suite asks: pinned by version, so no item changes unnoticed."""

from __future__ import annotations

from keeptune.abilities.suite import Suite
from keeptune.workspace.hashing import hash_value


def rendered_hash(suite: Suite) -> str:
    """The first sixteen digits of the hash over all verdict and dev items, as they are asked."""
    ability = suite.ability()
    return hash_value([ability.items, ability.dev, ability.output_type, ability.metrics])[:16]
