"""Abilities to keep, as a call in Python names them."""

from __future__ import annotations

from collections.abc import Sequence

from keeptune.config.schema import Keep
from keeptune.errors import ConfigError


def named_keeps(keep: str | Keep | Sequence[str | Keep]) -> list[str | Keep]:
    """One or several, as a list.

    Raises:
        ConfigError: none.
    """
    found = [keep] if isinstance(keep, (str, Keep)) else list(keep)
    if not found:
        raise ConfigError("keep names no ability", "name one, such as keep=['sentiment']")
    return found
