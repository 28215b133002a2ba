"""How the text of a file is to be read, as far as the user says it."""

from __future__ import annotations

from dataclasses import dataclass

from keeptune.config.schema import DataConfig


@dataclass(frozen=True, slots=True)
class Reading:
    """What is left open is found from the file, and said."""

    encoding: str | None = None
    """Name of the file's encoding."""
    delimiter: str | None = None
    """The one character between the fields of a table."""

    @classmethod
    def by(cls, config: DataConfig) -> Reading:
        """By these settings."""
        return cls(config.encoding, config.delimiter)


AS_FOUND = Reading()
"""The user says nothing."""
