"""A Given: one value from the user and its place, so that an error can name it as written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keeptune.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Given:
    """One setting as the user gave it."""

    key: str
    """The setting's name in the schema, e.g. ``training.lr``."""
    value: Any
    written: str
    """As the user wrote it: ``--learning-rate``, or the key in the file."""
    where: str = ""
    """``file:line``; "" for a flag."""

    @property
    def said(self) -> str:
        """How messages name it: ``--lr``, or ``run.yaml:3: lr``."""
        return f"{self.where}: {self.written}" if self.where else self.written

    def wrong(self, what: str, fix: str) -> ConfigError:
        """An error about this value; its message is the name, then `what`."""
        return ConfigError(f"{self.said} {what}", fix)
