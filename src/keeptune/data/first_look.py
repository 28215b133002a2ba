"""What `keeptune init` found in a file, and the settings that it wrote for it."""

from __future__ import annotations

from dataclasses import dataclass

from keeptune.data.check_report import CheckReport
from keeptune.data.rendered import RenderedRow


@dataclass(frozen=True, slots=True)
class FirstLook:
    """A file of rows, looked at for the first time."""

    check: CheckReport
    why_columns: str
    """How prompt and answer were told apart."""
    rendered: tuple[RenderedRow, ...]
    """A few rows as the model reads them."""
    model: str
    method: str
    keep: tuple[str, ...]
    """Names of the abilities that must not be lost."""
    settings: str
    """The text of the file of settings."""
    path: str
    """Where it was written; "" where no run could start by it."""
